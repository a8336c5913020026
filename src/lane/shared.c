#include "lane/shared.h"

#include <stdio.h>

#include "lane/state.h"

enum lull_err lull_shared_begin(struct lull_lane *lane)
{
  if (lane->share)
    return LULL_OK;
  lane->share = lull_share_new();
  lane->budget.spent = lane->budget.refunded = 0;
  lane->budget.told = 0;
  lull_breaker_share(&lane->breaker, true);
  return lane->share ? LULL_OK : LULL_ENOMEM;
}

struct lull_share *lull_shared_of(const struct lull_lane *lane)
{
  return lane->share;
}

static unsigned count_some(const struct lull_queue *q, unsigned most)
{
  const struct lull_ticket *ticket = q->first;
  unsigned count = 0;
  for (; ticket && count < most; ticket = ticket->next)
    count++;
  return count;
}

bool lull_shared_wanted(const struct lull_lane *lane, unsigned kind,
                        unsigned most, unsigned *windows, unsigned *count)
{
  const struct lull_queue *queue = &lane->queues[2 * (size_t)kind];
  if (kind >= lane->sets)
    return false;
  *windows = (kind | lane->rates.common) & ~(unsigned)lane->rates.weighed;
  *count = count_some(&queue[0], most);
  *count += count_some(&queue[1], most - *count);
  return true;
}

lull_usec lull_shared_pause(const struct lull_lane *lane)
{
  return lane->slots.ramp ? lane->slots.until : 0;
}

size_t lull_shared_window(const struct lull_lane *lane, unsigned i, char *text,
                          size_t size)
{
  const struct lull_rates_entry *entry = &lane->rates.list[i];
  int len;
  if (i >= lane->rates.count)
    return 0;
  len = snprintf(text, size, "%u %lld %.3f %.3f %s %s", lull_rates_most(entry),
                 (long long)lull_rates_length(entry), entry->spread.gap,
                 entry->spread.room, entry->method ? entry->method : "-",
                 entry->path ? entry->path : "*");
  return (size_t)len < size ? (size_t)len : size - 1;
}

lull_usec lull_shared_shortest(const struct lull_lane *lane)
{
  lull_usec shortest = LULL_NEVER;
  for (unsigned i = 0; i < lane->rates.count; i++) {
    const struct lull_rates_entry *entry = &lane->rates.list[i];
    if (!entry->weighed && entry->window.length < shortest)
      shortest = entry->window.length;
  }
  return shortest;
}

/* What this process has sent is known here, whenever it was, and counts. */
void lull_shared_part(struct lull_lane *lane, bool on, lull_usec lost)
{
  struct lull_share *s = lane->share;
  s->local = on && s->sharers;
  lull_breaker_share(&lane->breaker, !s->local);
  if (s->facts.slots < s->facts.held)
    s->facts.slots = s->facts.held;
  for (unsigned i = 0; i < lane->rates.count; i++) {
    struct lull_window *w = &lane->rates.list[i].window;
    unsigned parts = s->local ? s->sharers : 1;
    w->most = w->count / parts;
    w->from = s->local ? lull_usec_add(lost, w->length) : 0;
    lane->rates.list[i].spread.parts = parts;
  }
}

void lull_shared_fade(struct lull_lane *lane, lull_usec now)
{
  lull_usec longest = 0;
  for (unsigned i = 0; i < lane->rates.count; i++)
    longest =
        lull_usec_later(longest, lull_rates_length(&lane->rates.list[i]));
  lull_share_fade(lane->share, now - longest);
}
