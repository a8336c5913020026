#include "engine/weigh.h"
#include "engine/state.h"

#include <string.h>

/* What is counted of an attempt is at first what was said of the call. */
static void begin(struct lull_aside *aside, unsigned attempt)
{
  struct lull_weights *w = aside->weights;
  if (aside->weighed == attempt)
    return;
  aside->weighed = attempt;
  for (unsigned i = 0; i < w->count; i++)
    w->list[i].counted = w->list[i].weight;
}

/* The attempt is the one that ended, also of two that raced. */
enum lull_err lull_weigh_attempt(struct lull_engine *e, lull_id id,
                                 const char *name, unsigned weight)
{
  struct lull_call *call = lull_call_of(lull_idtable_get(&e->ids, id));
  struct lull_weights *w;
  if (!call || call->state != LULL_ASKED)
    return LULL_ESTALE;
  w = call->aside ? call->aside->weights : NULL;
  if (!w || !call->leg.lane || !call->wire)
    return LULL_OK;
  begin(call->aside, call->wire);
  for (unsigned i = 0; i < w->count; i++) {
    struct lull_weight *one = &w->list[i];
    if (strcmp(one->name, name) != 0)
      continue;
    lull_lane_weigh(call->leg.lane->lane, &call->leg.ticket, one, weight);
    one->counted = weight;
    lull_lanes_touch(&e->lanes, call->leg.lane);
    break;
  }
  return LULL_OK;
}
