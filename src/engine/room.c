#include "engine/room.h"
#include "engine/lifecycle.h"
#include "engine/memo.h"

#define AGAIN (100 * LULL_MSEC) /* others have the files */
#define GROWS LULL_SEC

/* So many had their files. */
static void close_down(struct lull_engine *e)
{
  struct lull_room *room = &e->room;
  room->most = e->flying ? e->flying : 1;
  room->landed = 0;
  room->shut = e->flying ? 0 : lull_usec_add(e->now, AGAIN);
  room->grows = lull_usec_add(e->now, GROWS);
  room->untold = room->untold || !room->told;
  room->told = true;
}

static void queue_again(struct lull_engine *e, struct lull_call *call)
{
  lull_usec since = call->leg.queued_at;
  lull_memo_wait(e, call, 0);
  lull_lifecycle_again(e, call);
  call->leg.queued_at = since;
}

void lull_room_put_back(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  bool other = leg == call->hedge && call->leg.flight;
  lull_call_forget(call, leg);
  lull_lane_return(&leg->ticket, e->now);
  lull_lanes_touch(&e->lanes, leg->lane);
  lull_lifecycle_cut_hedge(e, call);
  close_down(e);
  if (other)
    return; /* it goes on alone */
  queue_again(e, call);
  if (e->drained)
    lull_lifecycle_cancel(e, call);
}

static void grow(struct lull_engine *e)
{
  e->room.most++;
  e->room.landed = 0;
  e->room.grows = lull_usec_add(e->now, GROWS);
}

void lull_room_land(struct lull_engine *e)
{
  if (e->room.most && ++e->room.landed > e->room.most / 4)
    grow(e);
}

bool lull_room_for_one(struct lull_engine *e, lull_usec *when)
{
  struct lull_room *room = &e->room;
  lull_usec at = 0;
  if (!room->most)
    return true;
  if (e->flying >= room->most && e->now >= room->grows)
    grow(e);
  at = e->flying >= room->most ? room->grows : room->shut;
  if (at <= e->now)
    return true;
  *when = at;
  return false;
}

void lull_room_wake(struct lull_engine *e)
{
  struct lull_lane_slot *slot;
  if (!e->room.most || e->flying >= e->room.most)
    return;
  for (slot = e->lanes.first; slot; slot = slot->next)
    lull_lanes_touch(&e->lanes, slot);
}
