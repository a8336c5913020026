#include "engine/waits.h"
#include "engine/state.h"

#include <string.h>

static bool same(const struct lull_wait *a, const struct lull_wait *b)
{
  return a->status == b->status && a->class == b->class &&
         a->source == b->source && strcmp(a->lane, b->lane) == 0;
}

/* The group of one call. One of another run has no record yet. */
static struct lull_wait group_of(const struct lull_call *call)
{
  const struct lull_record *r = lull_call_judged(call);
  struct lull_wait w = {.lane = lull_engine_lane_of(call), .count = 1};
  w.first = w.last = call->entry.timer.at;
  if (r) {
    w.status = r->status;
    w.class = (enum lull_class)r->class;
    w.source = (enum lull_source)r->source;
  }
  return w;
}

static void add(struct lull_waits *waits, struct lull_wait w)
{
  size_t i;
  for (i = 0; i < waits->count && !same(&waits->groups[i], &w); i++)
    ;
  if (i == LULL_WAITS_MAX) {
    waits->others++;
    return;
  }
  if (i == waits->count) {
    waits->groups[waits->count++] = w;
    return;
  }
  waits->groups[i].count++;
  if (w.first < waits->groups[i].first)
    waits->groups[i].first = w.first;
  if (w.last > waits->groups[i].last)
    waits->groups[i].last = w.last;
}

void lull_waits_look(const struct lull_engine *e, struct lull_waits *waits)
{
  struct lull_entry *entry;
  size_t at = 0;
  waits->count = waits->others = waits->calls = 0;
  while ((entry = lull_idtable_next(&e->ids, &at)) != NULL) {
    const struct lull_call *call = lull_call_of(entry);
    if (!call)
      continue;
    waits->calls++;
    if (call->state == LULL_WAITING)
      add(waits, group_of(call));
  }
}
