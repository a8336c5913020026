#include "engine/drain.h"
#include "engine/lifecycle.h"

/* Nothing of it is on the wire: also when its first attempt has failed and
   only the hedge was left, which had not been sent. */
static bool is_waiting(const struct lull_call *call)
{
  return call->state == LULL_WAITING || call->state == LULL_QUEUED ||
         call->state == LULL_PREPARING ||
         (call->state == LULL_FLYING && !call->leg.flight && !call->hedge);
}

static void tick(struct lull_engine *e)
{
  e->now = e->world->ops->now(e->world);
}

void lull_drain_begin(struct lull_engine *e)
{
  struct lull_entry *entry;
  size_t at = 0;
  tick(e);
  e->drained = true;
  while ((entry = lull_idtable_next(&e->ids, &at)) != NULL) {
    struct lull_call *call = lull_call_of(entry);
    if (call && call->hedge && !call->hedge->flight)
      lull_lifecycle_cut_hedge(e, call);
    if (call && is_waiting(call))
      lull_lifecycle_cancel(e, call);
  }
}

unsigned lull_drain_cut(struct lull_engine *e)
{
  struct lull_entry *entry;
  unsigned count = 0;
  size_t at = 0;
  tick(e);
  while ((entry = lull_idtable_next(&e->ids, &at)) != NULL) {
    struct lull_call *call = lull_call_of(entry);
    if (!call || call->state != LULL_FLYING)
      continue;
    lull_lifecycle_cancel(e, call);
    count++;
  }
  return count;
}
