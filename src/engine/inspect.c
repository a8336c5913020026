/*
 * inspect: what the driver may ask of an engine, its calls and its lanes.
 * Changes nothing; declared in engine.h.
 */
#include "engine/engine.h"
#include "engine/state.h"
#include "engine/stores.h"

int lull_engine_fd(const struct lull_engine *e)
{
  return e->world->ops->fd(e->world);
}

bool lull_engine_due(const struct lull_engine *e, lull_usec *at)
{
  lull_usec first = lull_timerq_first(&e->timers), world = LULL_NEVER;
  if (e->events.first || e->lanes.dirty || e->interrupted || e->room.untold ||
      e->world->interrupts || lull_stores_tell(e) == LULL_EV_SCRIPT) {
    *at = e->now;
    return true;
  }
  if (e->flying)
    world = e->world->ops->due(e->world);
  *at = lull_usec_sooner(first, world);
  if (e->gather.until)
    *at = lull_usec_sooner(*at, e->gather.until);
  return !lull_state_still(e);
}

const char *lull_engine_problem(const struct lull_engine *e)
{
  if (e->store && e->store->problem[0])
    return e->store->problem;
  return e->peers.store ? e->peers.store->problem : "";
}

void lull_engine_lane_state(const struct lull_engine *e,
                            const struct lull_call *call,
                            struct lull_lane_state *state)
{
  *state = (struct lull_lane_state){.breaker = "off"};
  if (call->leg.lane)
    lull_lane_inspect(call->leg.lane->lane, e->now, state);
}

const char *lull_engine_lane_of(const struct lull_call *call)
{
  return call->leg.lane ? lull_lane_name(call->leg.lane->lane) : "";
}

const struct lull_request *lull_engine_request(const struct lull_engine *e,
                                               lull_id id)
{
  const struct lull_call *call = lull_call_of(lull_idtable_get(&e->ids, id));
  return call ? &call->request : NULL;
}

size_t lull_engine_live(const struct lull_engine *e)
{
  return e->ids.live;
}

const struct lull_lane *lull_engine_lane(const struct lull_engine *e,
                                         const struct lull_lane *before)
{
  const struct lull_lane_slot *slot = e->lanes.first;
  while (before && slot && slot->lane != before)
    slot = slot->next;
  if (before && slot)
    slot = slot->next;
  return slot ? slot->lane : NULL;
}
