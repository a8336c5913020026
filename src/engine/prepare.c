#include "engine/prepare.h"
#include "engine/flight.h"
#include "engine/lifecycle.h"
#include "engine/verdict.h"

/* The leg whose headers the script has been asked for. */
static struct lull_leg *asked_leg(struct lull_call *call)
{
  if (call->leg.headers == LULL_HEADERS_ASKED)
    return &call->leg;
  return call->hedge && call->hedge->headers == LULL_HEADERS_ASKED
             ? call->hedge
             : NULL;
}

void lull_prepare_note(struct lull_engine *e)
{
  struct lull_event event;
  if (lull_events_peek(&e->events, &event) && event.kind == LULL_EV_HEADERS)
    e->prepared = event.id;
}

/* A second attempt that cannot leave at once is none. */
void lull_prepare_step_back(struct lull_engine *e)
{
  struct lull_call *call =
      e->prepared ? lull_call_of(lull_idtable_get(&e->ids, e->prepared))
                  : NULL;
  struct lull_leg *leg = call ? asked_leg(call) : NULL;
  e->prepared = 0;
  if (!leg || call->state == LULL_DONE)
    return;
  if (leg == call->hedge) {
    lull_lifecycle_cut_hedge(e, call);
    return;
  }
  lull_lane_return(&leg->ticket, e->now);
  lull_lanes_touch(&e->lanes, leg->lane);
}

/* What is for one origin waits there, where a redirect led away from it. */
static enum lull_err set(struct lull_request *r,
                         const struct lull_made_headers *made)
{
  struct lull_headers *secrets =
      r->home && r->home->left ? &r->home->secrets : &r->secrets;
  enum lull_err err = LULL_OK;
  if (made->headers)
    err = lull_request_override(&r->headers, made->headers, made->headers_len);
  if (!err && made->secrets)
    err = lull_request_override(secrets, made->secrets, made->secrets_len);
  return err;
}

enum lull_err lull_prepare_headers(struct lull_engine *e, lull_id id,
                                   const struct lull_made_headers *made)
{
  struct lull_call *call = lull_call_of(lull_idtable_get(&e->ids, id));
  struct lull_leg *leg = call ? asked_leg(call) : NULL;
  enum lull_err err;
  if (!leg || call->state == LULL_DONE)
    return LULL_ESTALE;
  err = set(&call->request, made);
  if (err)
    return err;
  e->now = e->world->ops->now(e->world);
  leg->headers = LULL_HEADERS_READY;
  leg->made = true;
  if (!leg->ticket.lane)
    lull_lifecycle_again(e, call);
  else if (lull_flight_launch(e, leg))
    lull_verdict_conclude(e, leg);
  return LULL_OK;
}
