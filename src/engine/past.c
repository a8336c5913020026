#include "engine/past.h"

#include <string.h>

#define FIXED 27u /* bytes of an entry before the name's */

static char *put_record(char *to, const struct lull_record *r, lull_usec began)
{
  const char *name =
      r->class ? lull_class_name((enum lull_class)r->class) : "";
  size_t len = strlen(name);
  if (len > LULL_PAST_ENTRY - FIXED)
    len = LULL_PAST_ENTRY - FIXED;
  to = lull_base_put(to, (uint64_t)(began + r->at), 8);
  to = lull_base_put(to, (uint64_t)r->took, 8);
  to = lull_base_put(to, (uint64_t)r->wait, 8);
  to = lull_base_put(to, (uint64_t)(uint16_t)r->status, 2);
  to = lull_base_put(to, len, 1);
  for (size_t i = 0; i < len; i++)
    to[i] = name[i];
  return to + len;
}

/* Where the entry after the one at `at` begins; 0: it is not whole. */
static size_t after(const char *bytes, size_t len, size_t at)
{
  size_t end = at + FIXED;
  if (end > len)
    return 0;
  end += (unsigned char)bytes[end - 1];
  return end <= len ? end : 0;
}

static unsigned count_of(const char *bytes, size_t len)
{
  unsigned count = 0;
  size_t at = 0;
  while (at < len && (at = after(bytes, len, at)) != 0)
    count++;
  return count;
}

size_t lull_past_write(const struct lull_call *call, lull_usec began,
                       char *bytes)
{
  unsigned mine = call->record_count, i, skip;
  const struct lull_aside *aside = call->aside;
  size_t len = aside->past ? aside->past_len : 0, from = 0, size;
  char *to = bytes;
  if (mine > LULL_PAST_MOST)
    mine = LULL_PAST_MOST;
  skip = len ? count_of(aside->past, len) + mine : 0;
  for (; skip > LULL_PAST_MOST && from < len; skip--)
    from = after(aside->past, len, from);
  size = len - from;
  if (size)
    memcpy(to, aside->past + from, size);
  to += size;
  for (i = call->record_count - mine; i < call->record_count; i++)
    to = put_record(to, &call->records[i], began);
  return (size_t)(to - bytes);
}

void lull_past_keep(struct lull_call *call, const char *bytes, size_t len)
{
  struct lull_aside *aside = call->aside;
  size_t whole = 0, next;
  unsigned count = 0;
  while (whole < len && count++ < LULL_PAST_MOST &&
         (next = after(bytes, len, whole)) != 0 &&
         next - whole <= LULL_PAST_ENTRY)
    whole = next;
  if (!aside || !whole)
    return;
  aside->past = lull_mem_copy(bytes, whole);
  aside->past_len = aside->past ? whole : 0;
}
