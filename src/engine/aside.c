#include "engine/aside.h"

#include <string.h>

struct lull_aside *lull_aside_of(struct lull_aside **place)
{
  if (!*place)
    *place = lull_mem_zero(sizeof **place);
  return *place;
}

void lull_aside_keep_hint(struct lull_aside **place,
                          const struct lull_hint *hint, lull_usec now)
{
  lull_usec until = lull_usec_add(now, hint->wait);
  struct lull_aside *aside;
  if (hint->source == LULL_HINT_NONE || hint->wait <= 0)
    return;
  aside = lull_aside_of(place);
  if (!aside || until <= aside->hint_until)
    return;
  aside->hint = *hint;
  aside->hint_until = until;
}

bool lull_aside_kept_hint(const struct lull_aside *aside, lull_usec now,
                          struct lull_hint *hint)
{
  if (!aside || aside->hint_until <= now)
    return false;
  *hint = aside->hint;
  hint->wait = aside->hint_until - now;
  return true;
}

bool lull_aside_weigh(struct lull_aside **at,
                      const struct lull_weights *weights)
{
  size_t size = sizeof *weights + weights->count * sizeof weights->list[0];
  if (!lull_aside_of(at))
    return false;
  (*at)->weights = lull_mem_alloc(size);
  if (!(*at)->weights)
    return false;
  memcpy((*at)->weights, weights, size);
  return true;
}

bool lull_aside_remember(struct lull_aside **at,
                         const struct lull_call_memo *memo)
{
  size_t len = memo->key.len + memo->tag_len;
  struct lull_memo *copy = lull_mem_alloc(sizeof *copy + len + 1);
  if (!copy || !lull_aside_of(at)) {
    lull_mem_free(copy);
    return false;
  }
  *copy = (struct lull_memo){memo->key, memo->tag_len};
  memcpy(copy->bytes, memo->key.item, memo->key.len);
  memcpy(copy->bytes + memo->key.len, memo->tag, memo->tag_len);
  copy->key.item = copy->bytes;
  (*at)->memo = copy;
  return true;
}

void lull_aside_keep(const struct lull_aside *aside, struct lull_store *store,
                     const char *bytes, size_t len)
{
  const struct lull_memo *m = aside->memo;
  char small[1024], *all = small;
  struct lull_store_write w = {
      .kind = LULL_STORE_CALL, .key = m->key, .size = m->tag_len + len};
  if (w.size > sizeof small)
    all = lull_mem_alloc(w.size);
  if (!all) {
    lull_store_fail(store, "out of memory");
    return;
  }
  memcpy(all, m->bytes + m->key.len, m->tag_len);
  memcpy(all + m->tag_len, bytes, len);
  lull_store_write(store, &w, all);
  if (all != small)
    lull_mem_free(all);
}
