/*
 * lifecycle: how a call goes from state to state: into its lane's queue, onto
 * the wire (with a second leg when it is hedged), judged, waiting, done.
 */
#include "engine/judge.h"
#include "engine/state.h"
#include "http/url.h"
#include "request/redirect.h"

/* ---- ends -------------------------------------------------------------- */

/* Takes a flying attempt off the wire; its evidence stays. */
static void ground(struct lull_engine *e, struct lull_leg *leg)
{
  bool held = leg->flight->held_until != 0;
  leg->untold = false;
  leg->flight->held_until = 0;
  if (held)
    return; /* it has not taken off */
  if (!leg->flight->attempt.handed_out)
    e->flying--;
  e->world->ops->cancel(e->world, &leg->flight->attempt);
}

static void leave_lane(struct lull_engine *e, struct lull_leg *leg)
{
  if (!leg->ticket.lane)
    return;
  lull_lane_leave(&leg->ticket, e->now);
  lull_lanes_touch(&e->lanes, leg->lane);
}

static void abandon_leg(struct lull_engine *e, struct lull_leg *leg)
{
  if (leg->flight)
    ground(e, leg);
  leave_lane(e, leg);
}

void lull_lifecycle_abandon(struct lull_engine *e, struct lull_call *call)
{
  if (call->hedge)
    abandon_leg(e, call->hedge);
  abandon_leg(e, &call->leg);
}

void lull_lifecycle_finish(struct lull_engine *e, struct lull_call *call,
                           struct lull_verdict end)
{
  call->state = LULL_DONE;
  call->end = end.action;
  call->end_why = end.why;
  lull_timerq_cancel(&e->timers, &call->entry.timer);
  leave_lane(e, &call->leg);
  lull_call_drop_part(call);
  lull_events_tell(e, &call->entry, LULL_TELL_DONE);
}

static void finish_early(struct lull_engine *e, struct lull_call *call,
                         enum lull_why why, enum lull_class fault)
{
  call->fault = fault;
  lull_lifecycle_finish(e, call, lull_verdict_stop(why));
}

/* Writes the verdict into a record; from then on it may be reported. */
void lull_lifecycle_decide(struct lull_engine *e, struct lull_call *call,
                           struct lull_record *r, struct lull_verdict v)
{
  bool retry = v.action == LULL_RETRY;
  r->action = (uint8_t)v.action;
  r->why = (uint8_t)v.why;
  r->source = (uint8_t)(retry ? v.source : LULL_SOURCE_NONE);
  r->wait = retry ? v.wait : 0;
  if (e->trace)
    lull_events_tell(e, &call->entry, LULL_TELL_VERDICT);
}

/* Ends a leg whose answer nobody waits for any more. What it sent was on the
   wire, so it is in the history. */
void lull_lifecycle_cut(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  struct lull_record *r;
  if (leg->flight) {
    unsigned judged = call->judged;
    ground(e, leg);
    leg->flight->attempt.response.status = 0;
    leg->flight->attempt.class = LULL_CLASS_NONE;
    r = lull_judge_record(call, leg, e->now);
    if (r->sent)
      r->maybe_applied = call->maybe_applied = true;
    lull_lifecycle_decide(e, call, r, lull_verdict_stop(LULL_WHY_CANCELLED));
    if (call->record_count > 1)
      call->judged = judged;
  }
  leave_lane(e, leg);
}

void lull_lifecycle_cut_hedge(struct lull_engine *e, struct lull_call *call)
{
  if (call->leg.flight)
    call->leg.flight->hedge_at = LULL_NEVER;
  if (!call->hedge)
    return;
  lull_lifecycle_cut(e, call->hedge);
  lull_call_drop_hedge(call);
}

void lull_lifecycle_cancel(struct lull_engine *e, struct lull_call *call)
{
  struct lull_verdict stop = lull_verdict_stop(LULL_WHY_CANCELLED);
  if (call->state == LULL_ASKED)
    lull_lifecycle_decide(e, call, lull_call_judged(call), stop);
  lull_lifecycle_cut_hedge(e, call);
  lull_lifecycle_cut(e, &call->leg);
  lull_lifecycle_finish(e, call, stop);
}

/* ---- into the lane ----------------------------------------------------- */

static enum lull_err join_lane(struct lull_engine *e, struct lull_leg *leg,
                               const char *name)
{
  struct lull_client *client = leg->call->client;
  struct lull_lane_slot *slot = lull_lanes_get(&e->lanes, &e->timers, name);
  enum lull_err err = slot ? LULL_OK : LULL_ENOMEM;
  if (!err && slot->configured_by != client->serial) {
    err = lull_lane_configure(slot->lane, &client->lane);
    lull_lane_expect_sent(slot->lane, true);
    slot->configured_by = err ? 0 : client->serial;
  }
  leg->lane = slot;
  return err;
}

static enum lull_err stand_in_line(struct lull_engine *e, struct lull_leg *leg,
                                   const char *origin, const char *path,
                                   bool retry)
{
  struct lull_call *call = leg->call;
  enum lull_err err = join_lane(e, leg, lull_call_lane(call, origin));
  if (err)
    return err;
  leg->queued_at = e->now;
  leg->cause = LULL_CAUSE_NONE;
  lull_lane_enqueue(leg->lane->lane, &leg->ticket, call->request.method, path,
                    retry);
  lull_lanes_touch(&e->lanes, leg->lane);
  return LULL_OK;
}

static enum lull_err enqueue(struct lull_engine *e, struct lull_leg *leg,
                             bool retry)
{
  struct lull_client *client = leg->call->client;
  const char *text = leg->call->request.url, *origin, *path;
  struct lull_url url;
  enum lull_err err;
  if (lull_client_recall(client, text, &origin, &path))
    return stand_in_line(e, leg, origin, path, retry);
  err = lull_url_parse(text, &url);
  if (err)
    return err;
  lull_client_remember(client, text, url.origin);
  err = stand_in_line(e, leg, url.origin, url.path, retry);
  lull_url_clear(&url);
  return err;
}

static void refuse(struct lull_engine *e, struct lull_call *call,
                   lull_usec until)
{
  call->retry_after = until - e->now;
  finish_early(e, call, LULL_WHY_BREAKER, LULL_CLASS_NONE);
}

/* A call to a lane whose breaker is open fails at once. While one probes,
   who has been sent before may wait for what comes of it. */
static void refuse_if_open(struct lull_engine *e, struct lull_call *call,
                           bool retry)
{
  struct lull_lane *lane = call->leg.lane->lane;
  lull_usec until;
  if (!lull_lane_closed(lane, e->now, &until) &&
      (!retry || lull_lane_open_until(lane, e->now)))
    refuse(e, call, until);
}

/* The breaker has opened: so do those that wait in the queue. */
static void refuse_queued(struct lull_engine *e, struct lull_lane *lane)
{
  lull_usec until = lull_lane_open_until(lane, e->now);
  struct lull_ticket *ticket;
  while (until && (ticket = lull_lane_first(lane)) != NULL) {
    struct lull_leg *leg = (struct lull_leg *)ticket;
    struct lull_call *call = leg->call;
    if (leg == call->hedge)
      lull_lifecycle_cut_hedge(e, call);
    if (!call->leg.flight)
      refuse(e, call, until);
  }
}

enum lull_err lull_lifecycle_begin(struct lull_engine *e,
                                   struct lull_call *call, bool retry)
{
  enum lull_err err = enqueue(e, &call->leg, retry);
  if (err)
    return err;
  call->state = LULL_QUEUED;
  lull_timerq_set(&e->timers, &call->entry.timer, lull_call_deadline(call));
  refuse_if_open(e, call, retry);
  return LULL_OK;
}

void lull_lifecycle_again(struct lull_engine *e, struct lull_call *call)
{
  enum lull_err err = lull_lifecycle_begin(e, call, true);
  if (err)
    finish_early(e, call, LULL_WHY_RULE, lull_class_of(err));
}

/* ---- onto the wire ----------------------------------------------------- */

static void leaving(struct lull_attempt *a, lull_usec at)
{
  struct lull_engine *e = a->engine;
  struct lull_leg *leg = a->owner;
  if (!e->world->simulated)
    at = lull_usec_add(at, lull_lane_slack(leg->lane->lane));
  lull_lane_sent(&leg->ticket, at);
  lull_lanes_touch(&e->lanes, leg->lane); /* a window may have moved */
}

static lull_usec sooner(lull_usec a, lull_usec b)
{
  return a < b ? a : b;
}

static lull_usec leg_due(const struct lull_leg *leg)
{
  const struct lull_flight *f = leg->flight;
  if (!f)
    return LULL_NEVER;
  return f->held_until ? sooner(f->held_until, f->timeout_at) : f->timeout_at;
}

static lull_usec hedge_at(const struct lull_call *call)
{
  return call->leg.flight ? call->leg.flight->hedge_at : LULL_NEVER;
}

/* One timer serves both legs, the hedge's start and the deadline. */
void lull_lifecycle_arm(struct lull_engine *e, struct lull_call *call)
{
  lull_usec at = sooner(lull_call_deadline(call), leg_due(&call->leg));
  at = sooner(at, hedge_at(call));
  if (call->hedge)
    at = sooner(at, leg_due(call->hedge));
  lull_timerq_set(&e->timers, &call->entry.timer, at);
}

static void number(struct lull_call *call, struct lull_leg *leg)
{
  if (!call->hop) {
    call->tries++;
    call->total++;
    call->hops = 0;
  }
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

/* A file may take as long as it makes progress, down or up, unless the script
   says how long; simulated ones come whole, and need no such care. */
static void set_timeout(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  const struct lull_request *r = &call->request;
  lull_usec own = lull_call_timeout(call);
  lull_usec timeout =
      own ? own : lull_limits_timeout(lull_call_limits(call), leg->flight->n);
  bool file = r->output || (r->body && r->body->file);
  if (file && !lull_call_limits(call)->timeout_given && !own &&
      !e->world->simulated) {
    leg->flight->attempt.stall = timeout;
    timeout = LULL_NEVER;
  }
  leg->flight->timeout_at = lull_usec_add(e->now, timeout);
}

static void take_off(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_attempt *a = &leg->flight->attempt;
  enum lull_err err;
  leg->flight->held_until = 0;
  a->engine = e;
  a->leaving = leaving;
  err = e->world->ops->send(e->world, a);
  if (err) {
    a->class = lull_class_of(err);
    lull_verdict_conclude(e, leg);
    return;
  }
  e->flying++;
  lull_lifecycle_arm(e, leg->call);
}

/* A fault befalls the attempt: it ends as the fault says, as if the server
   had been reached, or is sent later. */
static void suffer(struct lull_engine *e, struct lull_leg *leg,
                   const struct lull_fault *fault)
{
  struct lull_attempt *a = &leg->flight->attempt;
  leg->flight->chaos = true;
  if (fault->delay > 0) {
    leg->flight->held_until = lull_usec_add(e->now, fault->delay);
    lull_lifecycle_arm(e, leg->call);
    return;
  }
  a->class = fault->class;
  a->response.status = fault->status;
  a->sent = a->connected = true;
  a->arrived = e->world->ops->wall(e->world);
  lull_verdict_conclude(e, leg);
}

static void give_up(struct lull_engine *e, struct lull_call *call)
{
  lull_lifecycle_cut_hedge(e, call);
  lull_lifecycle_cut(e, &call->leg);
  finish_early(e, call, LULL_WHY_RULE, LULL_LOCAL_MEMORY);
}

/* The lane lets a leg go. */
static void launch(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  const struct lull_fault *fault;
  if (lull_call_attempt(call, leg) != LULL_OK) {
    give_up(e, call);
    return;
  }
  number(call, leg);
  call->state = LULL_FLYING;
  leg->flight->left_at = e->now;
  set_timeout(e, leg);
  if (leg == &call->leg && may_hedge(e, call))
    leg->flight->hedge_at = lull_usec_add(e->now, call->client->hedge);
  fault = lull_chaos_draw(&e->chaos, &e->rng);
  if (fault)
    suffer(e, leg, fault);
  else
    take_off(e, leg);
}

void lull_lifecycle_dispatch(struct lull_engine *e)
{
  struct lull_lane_slot *slot;
  while ((slot = lull_lanes_take(&e->lanes)) != NULL) {
    lull_usec when = LULL_NEVER;
    struct lull_ticket *ticket;
    while ((ticket = lull_lane_next(slot->lane, e->now, &when)) != NULL) {
      struct lull_leg *leg = (struct lull_leg *)ticket;
      leg->cause = slot->cause;
      launch(e, leg);
    }
    refuse_queued(e, slot->lane);
    slot->cause = lull_lane_cause(slot->lane, e->now);
    lull_timerq_set(&e->timers, &slot->entry.timer, when);
  }
}

/* The first attempt is late: a second one races it, if the budget pays. */
static void start_hedge(struct lull_engine *e, struct lull_call *call)
{
  call->leg.flight->hedge_at = LULL_NEVER;
  if (!may_hedge(e, call) || !lull_lane_pay(call->leg.lane->lane))
    return;
  if (lull_call_hedge(call) != LULL_OK)
    return;
  if (enqueue(e, call->hedge, true) != LULL_OK)
    lull_call_drop_hedge(call);
}

/* ---- timers ------------------------------------------------------------ */

static void time_out(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_attempt *a = &leg->flight->attempt;
  ground(e, leg);
  a->class = a->connected ? LULL_NET_TIMEOUT_READ : LULL_NET_TIMEOUT_CONNECT;
  lull_verdict_conclude(e, leg);
}

static bool late(const struct lull_engine *e, const struct lull_leg *leg)
{
  return leg && leg->flight &&
         (e->now >= leg->flight->timeout_at ||
          e->now >= lull_call_deadline(leg->call));
}

static bool is_held(const struct lull_engine *e, const struct lull_leg *leg)
{
  return leg && leg->flight && leg->flight->held_until &&
         e->now >= leg->flight->held_until;
}

static void flying_due(struct lull_engine *e, struct lull_call *call)
{
  if (e->now >= lull_call_deadline(call) && call->leg.flight)
    lull_lifecycle_cut_hedge(e, call);
  if (late(e, &call->leg))
    time_out(e, &call->leg);
  else if (late(e, call->hedge))
    time_out(e, call->hedge);
  else if (e->now >= lull_call_deadline(call)) { /* only a hedge, queued */
    lull_lifecycle_cut_hedge(e, call);
    lull_lifecycle_finish(e, call, lull_verdict_stop(LULL_WHY_DEADLINE));
  } else if (is_held(e, &call->leg))
    take_off(e, &call->leg);
  else if (is_held(e, call->hedge))
    take_off(e, call->hedge);
  else {
    if (e->now >= hedge_at(call))
      start_hedge(e, call);
    lull_lifecycle_arm(e, call);
  }
}

void lull_lifecycle_due(struct lull_engine *e, struct lull_call *call)
{
  if (call->state == LULL_FLYING)
    flying_due(e, call);
  else if (call->state == LULL_WAITING)
    lull_lifecycle_again(e, call);
  else if (call->state == LULL_QUEUED)
    finish_early(e, call, LULL_WHY_DEADLINE, LULL_CLASS_NONE);
}
