#include "engine/flight.h"
#include "engine/judge.h"
#include "engine/lifecycle.h"
#include "engine/memo.h"

#include <stdio.h>

static void leaving(struct lull_attempt *a, lull_usec at)
{
  struct lull_engine *e = a->engine;
  struct lull_leg *leg = a->owner;
  if (!e->world->simulated)
    at = lull_usec_add(at, lull_lane_slack(leg->lane->lane));
  lull_lane_sent(&leg->ticket, at);
  lull_lanes_touch(&e->lanes, leg->lane); /* a window may have moved */
}

/* The outcome is known, whatever becomes of the body: those who wait for it
   are let go, and a pause begins. */
static void head_came(struct lull_attempt *a, lull_usec at)
{
  struct lull_engine *e = a->engine;
  struct lull_leg *leg = a->owner;
  struct lull_lane_end end = lull_judge_head(leg->call, leg->flight);
  lull_lane_head(&leg->ticket, at, &end);
  lull_lanes_touch(&e->lanes, leg->lane);
}

static lull_usec leg_due(const struct lull_leg *leg)
{
  const struct lull_flight *f = leg->flight;
  lull_usec at;
  if (!f)
    return LULL_NEVER;
  at = lull_usec_sooner(f->timeout_at, f->stalled_at);
  return f->held_until ? lull_usec_sooner(f->held_until, at) : at;
}

static lull_usec hedge_at(const struct lull_call *call)
{
  return call->leg.flight ? call->leg.flight->hedge_at : LULL_NEVER;
}

void lull_flight_arm(struct lull_engine *e, struct lull_call *call)
{
  lull_usec at =
      lull_usec_sooner(lull_call_deadline(call), leg_due(&call->leg));
  at = lull_usec_sooner(at, hedge_at(call));
  if (call->hedge)
    at = lull_usec_sooner(at, leg_due(call->hedge));
  lull_timerq_set(&e->timers, &call->entry.timer, at);
}

static void number(struct lull_call *call, struct lull_leg *leg)
{
  if (!call->hop) {
    call->tries++;
    call->total++;
    call->hops = 0;
  }
  leg->flight->hop = call->hop;
  call->hop = false;
  leg->flight->n = call->total;
  leg->flight->nth = ++call->wire;
}

static bool may_hedge(const struct lull_engine *e,
                      const struct lull_call *call)
{
  return call->client->hedge > 0 && !call->hedge && !call->request.output &&
         !e->drained && lull_method_safe(call->request.method) &&
         call->tries < lull_call_limits(call)->attempts;
}

/* It goes on while bytes move, down or up. */
static void put_off(struct lull_leg *leg)
{
  const struct lull_attempt *a = &leg->flight->attempt;
  leg->flight->stalled_at =
      a->stall ? lull_usec_add(a->moved, a->stall) : LULL_NEVER;
}

/* How long it may take, and stand still. The time limit of a rule stands in
   for the script's, and so for a default. */
static void set_timeout(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  const struct lull_request *r = &call->request;
  const struct lull_limits *limits = lull_call_limits(call);
  bool file = r->output || (r->body && r->body->file);
  lull_usec own = lull_call_timeout(call);
  struct lull_bounds bounds =
      lull_limits_bounds(limits, leg->flight->n, file && !own);
  leg->flight->timeout_at = lull_usec_add(e->now, own ? own : bounds.whole);
  leg->flight->attempt.moved = e->now;
  leg->flight->attempt.stall = bounds.still == LULL_NEVER ? 0 : bounds.still;
  put_off(leg);
}

static lull_usec patience(const struct lull_engine *e,
                          const struct lull_leg *leg)
{
  lull_usec at =
      lull_usec_sooner(leg->flight->timeout_at, lull_call_deadline(leg->call));
  return at == LULL_NEVER ? LULL_NEVER : at - e->now;
}

bool lull_flight_take_off(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_attempt *a = &leg->flight->attempt;
  enum lull_err err;
  if (lull_memo_hold(e, leg)) {
    lull_flight_arm(e, leg->call);
    return false;
  }
  if (leg->flight->held_until == LULL_NEVER) { /* by the store */
    leg->flight->left_at = e->now;
    set_timeout(e, leg);
  }
  leg->flight->held_until = 0;
  a->engine = e;
  a->leaving = leaving;
  a->head = head_came;
  a->patience = patience(e, leg);
  err = e->world->ops->send(e->world, a);
  if (err) {
    a->class = lull_class_of(err);
    return true;
  }
  e->flying++;
  lull_flight_arm(e, leg->call);
  return false;
}

/* A fault befalls the attempt: it ends as the fault says, as if the server
   had been reached (true), or is sent later. */
static bool suffer(struct lull_engine *e, struct lull_leg *leg,
                   const struct lull_fault *fault)
{
  struct lull_attempt *a = &leg->flight->attempt;
  leg->flight->chaos = true;
  if (fault->delay > 0) {
    leg->flight->held_until = lull_usec_add(e->now, fault->delay);
    lull_flight_arm(e, leg->call);
    return false;
  }
  a->class = fault->class;
  a->response.status = fault->status;
  a->sent = a->connected = true;
  a->arrived = e->world->ops->wall(e->world);
  return true;
}

/* Another process sent it, and ended. */
static bool stay_unanswered(struct lull_leg *leg)
{
  struct lull_attempt *a = &leg->flight->attempt;
  leg->call->unanswered = false;
  a->class = LULL_NET_RESET;
  a->sent = a->connected = true;
  snprintf(a->detail, sizeof a->detail,
           "the process ended before an answer came");
  return true;
}

static void give_up(struct lull_engine *e, struct lull_call *call)
{
  lull_lifecycle_cut_hedge(e, call);
  lull_lifecycle_cut(e, &call->leg);
  lull_lifecycle_finish_early(e, call, LULL_WHY_RULE, LULL_LOCAL_MEMORY);
}

/* Its turn came too late: it would be cut before any answer, and what was sent
   may have been applied. */
static bool too_late(const struct lull_engine *e, const struct lull_call *call)
{
  lull_usec margin = lull_limits_margin(lull_call_limits(call));
  return lull_usec_add(e->now, margin) >= lull_call_deadline(call);
}

static void stay(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  if (leg == call->hedge)
    lull_lifecycle_cut_hedge(e, call);
  if (!call->leg.flight)
    lull_lifecycle_finish_early(e, call, LULL_WHY_DEADLINE, LULL_CLASS_NONE);
}

bool lull_flight_launch(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  const struct lull_fault *fault;
  if (!call->unanswered && too_late(e, call)) {
    stay(e, leg);
    return false;
  }
  if (call->prepares && !leg->made && !call->unanswered) {
    lull_lifecycle_prepare(e, leg);
    return false;
  }
  leg->made = false;
  if (lull_call_attempt(call, leg) != LULL_OK) {
    give_up(e, call);
    return false;
  }
  number(call, leg);
  call->state = LULL_FLYING;
  leg->flight->left_at = e->now;
  set_timeout(e, leg);
  if (call->unanswered)
    return stay_unanswered(leg);
  if (leg == &call->leg && may_hedge(e, call))
    leg->flight->hedge_at = lull_usec_add(e->now, call->client->hedge);
  fault = lull_chaos_draw(&e->chaos, &e->rng);
  return fault ? suffer(e, leg, fault) : lull_flight_take_off(e, leg);
}

/* The first attempt is late: a second one races it, if the budget pays. */
static void start_hedge(struct lull_engine *e, struct lull_call *call)
{
  call->leg.flight->hedge_at = LULL_NEVER;
  if (!may_hedge(e, call) || !lull_lane_pay(call->leg.lane->lane))
    return;
  if (lull_call_hedge(call) != LULL_OK)
    return;
  if (lull_lifecycle_enqueue(e, call->hedge, true) != LULL_OK)
    lull_call_drop_hedge(call);
}

/* ---- timers ------------------------------------------------------------ */

static struct lull_leg *time_out(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_attempt *a = &leg->flight->attempt;
  lull_lifecycle_ground(e, leg);
  a->class = a->connected ? LULL_NET_TIMEOUT_READ : LULL_NET_TIMEOUT_CONNECT;
  if (e->now >= leg->flight->stalled_at)
    snprintf(a->detail, sizeof a->detail, "no byte moved for %g s",
             lull_usec_to(a->stall));
  return leg;
}

static bool late(const struct lull_engine *e, struct lull_leg *leg)
{
  if (!leg || !leg->flight)
    return false;
  put_off(leg);
  return e->now >= leg->flight->timeout_at ||
         e->now >= leg->flight->stalled_at ||
         e->now >= lull_call_deadline(leg->call);
}

void lull_flight_arriving(struct lull_engine *e, struct lull_leg *leg,
                          const struct lull_reply *head, lull_usec gap)
{
  struct lull_attempt *a = &leg->flight->attempt;
  lull_reply_begin(a, head, e->now, e->world->ops->wall(e->world));
  if (!a->stall)
    return;
  a->moved = gap < a->stall ? LULL_NEVER : e->now;
  put_off(leg);
  lull_flight_arm(e, leg->call);
}

static bool is_held(const struct lull_engine *e, const struct lull_leg *leg)
{
  return leg && leg->flight && leg->flight->held_until &&
         e->now >= leg->flight->held_until;
}

/* Only a hedge is left, in its lane's queue. */
static void expire(struct lull_engine *e, struct lull_call *call)
{
  lull_lifecycle_cut_hedge(e, call);
  lull_lifecycle_finish(e, call, lull_policy_stop(LULL_WHY_DEADLINE));
}

struct lull_leg *lull_flight_due(struct lull_engine *e, struct lull_call *call)
{
  bool over = e->now >= lull_call_deadline(call);
  if (over && call->leg.flight)
    lull_lifecycle_cut_hedge(e, call);
  if (late(e, &call->leg))
    return time_out(e, &call->leg);
  if (late(e, call->hedge))
    return time_out(e, call->hedge);
  if (over)
    expire(e, call);
  else if (is_held(e, &call->leg))
    return lull_flight_take_off(e, &call->leg) ? &call->leg : NULL;
  else if (is_held(e, call->hedge))
    return lull_flight_take_off(e, call->hedge) ? call->hedge : NULL;
  else {
    if (e->now >= hedge_at(call))
      start_hedge(e, call);
    lull_flight_arm(e, call);
  }
  return NULL;
}
