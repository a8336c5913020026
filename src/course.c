/*
 * course: how a call goes from state to state: into its lane's queue, onto
 * the wire (with a second leg when it is hedged), judged, waiting, done.
 */
#include "judge.h"
#include "redirect.h"
#include "state.h"
#include "url.h"

/* ---- ends -------------------------------------------------------------- */

/* Takes a flying attempt off the wire; its evidence stays. */
static void ground(struct lull_engine *e, struct lull_leg *leg)
{
  if (!leg->attempt->handed_out)
    e->flying--;
  leg->untold = false;
  e->world->ops->cancel(e->world, leg->attempt);
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
  if (leg->attempt)
    ground(e, leg);
  leave_lane(e, leg);
}

void lull_course_abandon(struct lull_engine *e, struct lull_call *call)
{
  if (call->hedge)
    abandon_leg(e, call->hedge);
  abandon_leg(e, &call->leg);
}

static void finish(struct lull_engine *e, struct lull_call *call,
                   struct lull_verdict end)
{
  call->state = LULL_DONE;
  call->end = end;
  lull_timerq_cancel(&e->timers, &call->entry.timer);
  leave_lane(e, &call->leg);
  lull_call_drop_part(call);
  lull_engine_tell(e, &call->entry, LULL_TELL_DONE);
}

static void finish_early(struct lull_engine *e, struct lull_call *call,
                         enum lull_why why, enum lull_class fault)
{
  call->fault = fault;
  finish(e, call, (struct lull_verdict){.action = LULL_STOP, .why = why});
}

static struct lull_verdict stopped(enum lull_why why)
{
  return (struct lull_verdict){.action = LULL_STOP, .why = why};
}

/* Writes the verdict into a record; from then on it may be reported. */
static void decide(struct lull_engine *e, struct lull_call *call,
                   struct lull_record *r, struct lull_verdict v)
{
  bool retry = v.action == LULL_RETRY;
  r->action = (uint8_t)v.action;
  r->why = (uint8_t)v.why;
  r->source = (uint8_t)(retry ? v.source : LULL_SOURCE_NONE);
  r->wait = retry ? v.wait : 0;
  if (e->trace)
    lull_engine_tell(e, &call->entry, LULL_TELL_VERDICT);
}

/* Ends a leg whose answer nobody waits for any more. What it sent was on the
   wire, so it is in the history. */
static void cut_leg(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  struct lull_record *r;
  if (leg->attempt) {
    struct lull_hint hint = call->hint;
    unsigned judged = call->judged;
    ground(e, leg);
    leg->attempt->response.status = 0;
    leg->attempt->class = LULL_CLASS_NONE;
    r = lull_judge_record(call, leg, e->now);
    if (r->sent)
      r->maybe_applied = call->maybe_applied = true;
    decide(e, call, r, stopped(LULL_WHY_CANCELLED));
    if (call->record_count > 1) {
      call->judged = judged;
      call->hint = hint;
    }
  }
  leave_lane(e, leg);
}

static void cut_hedge(struct lull_engine *e, struct lull_call *call)
{
  call->hedge_at = LULL_NEVER;
  if (!call->hedge)
    return;
  cut_leg(e, call->hedge);
  lull_call_drop_hedge(call);
}

void lull_course_cancel(struct lull_engine *e, struct lull_call *call)
{
  cut_hedge(e, call);
  cut_leg(e, &call->leg);
  finish(e, call, stopped(LULL_WHY_CANCELLED));
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

static enum lull_err enqueue(struct lull_engine *e, struct lull_leg *leg,
                             bool retry)
{
  struct lull_call *call = leg->call;
  struct lull_url url;
  enum lull_err err = lull_url_parse(call->request.url, &url);
  if (err)
    return err;
  err = join_lane(e, leg, call->lane_name ? call->lane_name : url.origin);
  if (!err) {
    leg->queued_at = e->now;
    leg->cause = LULL_CAUSE_NONE;
    lull_lane_enqueue(leg->lane->lane, &leg->ticket, call->request.method,
                      url.path, retry);
    lull_lanes_touch(&e->lanes, leg->lane);
  }
  lull_url_clear(&url);
  return err;
}

/* A call to a lane whose breaker is open fails at once. */
static void refuse_if_open(struct lull_engine *e, struct lull_call *call)
{
  lull_usec until;
  if (lull_lane_closed(call->leg.lane->lane, e->now, &until))
    return;
  call->retry_after = until - e->now;
  finish_early(e, call, LULL_WHY_BREAKER, LULL_CLASS_NONE);
}

enum lull_err lull_course_begin(struct lull_engine *e, struct lull_call *call,
                                bool retry)
{
  enum lull_err err = enqueue(e, &call->leg, retry);
  if (err)
    return err;
  call->state = LULL_QUEUED;
  lull_timerq_set(&e->timers, &call->entry.timer, call->deadline_at);
  if (!retry)
    refuse_if_open(e, call);
  return LULL_OK;
}

static void begin_again(struct lull_engine *e, struct lull_call *call)
{
  enum lull_err err = lull_course_begin(e, call, true);
  if (err)
    finish_early(e, call, LULL_WHY_RULE,
                 err == LULL_EINVAL ? LULL_LOCAL_URL : LULL_LOCAL_MEMORY);
}

/* ---- onto the wire ----------------------------------------------------- */

static void leaving(struct lull_attempt *a, lull_usec at)
{
  struct lull_engine *e = a->engine;
  struct lull_leg *leg = a->owner;
  lull_lane_sent(&leg->ticket, at);
  lull_lanes_touch(&e->lanes, leg->lane); /* a window may have moved */
}

static enum lull_class fault_of(enum lull_err err)
{
  return err == LULL_EIO || err == LULL_ECHANGED ? LULL_LOCAL_FILE
                                                 : LULL_LOCAL_MEMORY;
}

static lull_usec sooner(lull_usec a, lull_usec b)
{
  return a < b ? a : b;
}

/* One timer serves both legs, the hedge's start and the deadline. */
static void arm(struct lull_engine *e, struct lull_call *call)
{
  lull_usec at = sooner(call->deadline_at, call->hedge_at);
  if (call->leg.attempt)
    at = sooner(at, call->leg.timeout_at);
  if (call->hedge && call->hedge->attempt)
    at = sooner(at, call->hedge->timeout_at);
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
  leg->n = call->total;
  leg->nth = ++call->wire;
}

static bool may_hedge(const struct lull_engine *e,
                      const struct lull_call *call)
{
  return call->client->hedge > 0 && !call->hedge && !call->request.output &&
         !e->drained && lull_method_safe(call->request.method) &&
         call->tries < call->limits->attempts;
}

/* The lane lets a leg go. */
static void launch(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  lull_usec timeout;
  enum lull_err err = lull_call_attempt(call, leg);
  if (err) {
    cut_hedge(e, call);
    cut_leg(e, &call->leg);
    finish_early(e, call, LULL_WHY_RULE, LULL_LOCAL_MEMORY);
    return;
  }
  number(call, leg);
  call->state = LULL_FLYING;
  leg->left_at = e->now;
  timeout = call->next_timeout ? call->next_timeout
                               : lull_limits_timeout(call->limits, leg->n);
  leg->timeout_at = lull_usec_add(e->now, timeout);
  leg->attempt->engine = e;
  leg->attempt->leaving = leaving;
  err = e->world->ops->send(e->world, leg->attempt);
  if (err) {
    leg->attempt->class = fault_of(err);
    lull_course_conclude(e, leg);
    return;
  }
  e->flying++;
  if (leg == &call->leg && may_hedge(e, call))
    call->hedge_at = lull_usec_add(e->now, call->client->hedge);
  arm(e, call);
}

void lull_course_dispatch(struct lull_engine *e)
{
  struct lull_lane_slot *slot;
  while ((slot = lull_lanes_take(&e->lanes)) != NULL) {
    lull_usec when = LULL_NEVER;
    struct lull_ticket *ticket;
    while ((ticket = lull_lane_next(slot->lane, e->now, &when)) != NULL) {
      struct lull_leg *leg = ticket->owner;
      leg->cause = slot->cause;
      launch(e, leg);
    }
    slot->cause = lull_lane_cause(slot->lane, e->now);
    lull_timerq_set(&e->timers, &slot->entry.timer, when);
  }
}

/* The first attempt is late: a second one races it, if the budget pays. */
static void start_hedge(struct lull_engine *e, struct lull_call *call)
{
  call->hedge_at = LULL_NEVER;
  if (!may_hedge(e, call) || !lull_lane_pay(call->leg.lane->lane))
    return;
  if (lull_call_hedge(call) != LULL_OK)
    return;
  if (enqueue(e, call->hedge, true) != LULL_OK)
    lull_call_drop_hedge(call);
}

/* ---- verdicts ---------------------------------------------------------- */

static void finish_ticket(struct lull_engine *e, struct lull_leg *leg,
                          const struct lull_record *r)
{
  struct lull_quota quota = {0};
  if (r->class == LULL_CLASS_NONE)
    lull_hint_quota(&leg->call->last.headers,
                    e->world->ops->wall(e->world), &quota);
  lull_lane_finish(&leg->ticket, e->now,
                   lull_judge_result((enum lull_class)r->class, r->status),
                   &quota);
  lull_lanes_touch(&e->lanes, leg->lane);
}

/* The lane's own limits on a retry: its breaker and its budget. */
static struct lull_verdict ask_lane(struct lull_engine *e,
                                    struct lull_call *call,
                                    struct lull_verdict v, bool free)
{
  struct lull_lane *lane = call->leg.lane->lane;
  lull_usec until = 0, next = lull_usec_add(e->now, v.wait);
  if (v.action != LULL_RETRY)
    return v;
  if (!lull_lane_closed(lane, e->now, &until) && until > next) {
    call->retry_after = until - e->now;
    return stopped(LULL_WHY_BREAKER);
  }
  if (!free && !lull_lane_pay(lane))
    return stopped(LULL_WHY_BUDGET);
  return v;
}

static struct lull_verdict accept(struct lull_call *call)
{
  if (call->request.output &&
      lull_sink_commit(&call->last.sink, call->request.output) != LULL_OK) {
    call->fault = LULL_LOCAL_FILE;
    return stopped(LULL_WHY_RULE);
  }
  if (call->last.status < 400)
    lull_lane_refund(call->leg.lane->lane);
  return (struct lull_verdict){.action = LULL_ACCEPT};
}

static void pause_lane(struct lull_engine *e, struct lull_call *call,
                       const struct lull_verdict *v)
{
  lull_usec pause = lull_judge_pause(call, v);
  if (pause > 0)
    lull_lane_pause(call->leg.lane->lane, lull_usec_add(e->now, pause));
  lull_lanes_touch(&e->lanes, call->leg.lane);
}

static void start_waiting(struct lull_engine *e, struct lull_call *call,
                          struct lull_verdict v)
{
  const struct lull_record *r = lull_call_judged(call);
  const struct lull_policy *p = &call->client->policy;
  call->next_timeout = r->rule == LULL_NO_RULE ? 0 : p->rules[r->rule].timeout;
  call->previous = v.wait;
  call->waited = lull_usec_add(call->waited, v.wait);
  call->state = LULL_WAITING;
  lull_call_shrink(call);
  lull_timerq_set(&e->timers, &call->entry.timer,
                  lull_usec_add(e->now, v.wait));
}

/* What was asked for and refused: by the server's hint, or by the script
   for the server, that is with a wait of its own. */
static void note_refusal(struct lull_call *call, struct lull_verdict wish,
                         struct lull_verdict v)
{
  if (v.why == LULL_WHY_HINT)
    call->retry_after = call->hint.wait;
  else if (v.why == LULL_WHY_DEADLINE && wish.action == LULL_RETRY &&
           wish.source == LULL_SOURCE_RULE)
    call->retry_after = wish.wait;
}

static struct lull_verdict weigh(struct lull_engine *e,
                                 struct lull_call *call,
                                 struct lull_verdict wish, bool free)
{
  struct lull_facts facts = lull_judge_facts(call, e->now, e->drained);
  struct lull_verdict v = wish;
  if (v.action == LULL_ACCEPT && facts.class != LULL_CLASS_NONE)
    v = stopped(LULL_WHY_RULE);
  v = lull_policy_limit(&call->client->policy, &facts, v, free);
  v = ask_lane(e, call, v, free);
  note_refusal(call, wish, v);
  pause_lane(e, call, &v);
  return v.action == LULL_ACCEPT ? accept(call) : v;
}

void lull_course_settle(struct lull_engine *e, struct lull_call *call,
                        struct lull_verdict wish, bool free)
{
  struct lull_verdict v = weigh(e, call, wish, free);
  struct lull_record *r = lull_call_judged(call);
  r->free = free;
  if (free && v.action == LULL_RETRY && call->tries > 0)
    call->tries--;
  decide(e, call, r, v);
  if (v.action == LULL_RETRY)
    start_waiting(e, call, v);
  else
    finish(e, call, v);
}

static void follow(struct lull_engine *e, struct lull_call *call)
{
  const char *to = lull_headers_get(&call->last.headers, "location", 0);
  struct lull_record *r = lull_call_judged(call);
  enum lull_err err = LULL_EINVAL;
  if (call->hops < call->client->redirects)
    err = lull_redirect_apply(&call->request, r->status, to);
  if (err) {
    r->class = err == LULL_ENOMEM ? LULL_LOCAL_MEMORY : LULL_HTTP_REDIRECTS;
    lull_course_settle(e, call, stopped(LULL_WHY_RULE), false);
    return;
  }
  call->hops++;
  call->hop = true;
  decide(e, call, r, (struct lull_verdict){.action = LULL_FOLLOW});
  lull_call_shrink(call);
  begin_again(e, call);
}

static bool must_ask(const struct lull_call *call,
                     const struct lull_facts *facts)
{
  const struct lull_policy *p = &call->client->policy;
  struct lull_verdict v;
  if (facts->rule != LULL_NO_RULE && p->rules[facts->rule].ask)
    return true;
  if (!call->ask_always)
    return false;
  v = lull_policy_limit(p, facts, call->suggestion, false);
  return v.action == LULL_RETRY;
}

static void judge(struct lull_engine *e, struct lull_call *call)
{
  struct lull_facts facts = lull_judge_facts(call, e->now, e->drained);
  if (!must_ask(call, &facts)) {
    lull_course_settle(e, call, call->suggestion, false);
    return;
  }
  /* Before the script is asked: it may take its time, and the calls behind
     must not run into the same answer meanwhile. */
  pause_lane(e, call, &call->suggestion);
  lull_call_judged(call)->asked = true;
  call->state = LULL_ASKED;
  lull_engine_tell(e, &call->entry, LULL_TELL_ASK);
}

/* The other leg of a hedged call, while it is queued or flying. */
static struct lull_leg *other_leg(const struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  struct lull_leg *other = leg == call->hedge ? &call->leg : call->hedge;
  return other && (other->attempt || other->ticket.lane) ? other : NULL;
}

/* A leg failed while the other is still under way: its failure is noted, and
   the call goes on with the other. */
static void lose_leg(struct lull_engine *e, struct lull_leg *leg,
                     struct lull_record *r)
{
  struct lull_call *call = leg->call;
  pause_lane(e, call, &call->suggestion);
  decide(e, call, r, (struct lull_verdict){.action = LULL_RETRY});
  if (leg == call->hedge)
    lull_call_drop_hedge(call);
  arm(e, call);
}

/* The first answer that counts ends the other leg. */
static void win(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  if (leg == call->hedge) {
    cut_leg(e, &call->leg);
    call->leg.lane = leg->lane;
    lull_call_drop_hedge(call);
  }
  cut_hedge(e, call);
  lull_timerq_cancel(&e->timers, &call->entry.timer);
  if (lull_judge_follows(call))
    follow(e, call);
  else
    judge(e, call);
}

void lull_course_conclude(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  const struct lull_policy *p = &call->client->policy;
  struct lull_record *r = lull_judge_record(call, leg, e->now);
  struct lull_facts facts;
  lull_call_count_rule(call, r->rule);
  if (r->rule != LULL_NO_RULE && p->rules[r->rule].attempts)
    call->tries--; /* the rule counts it, and the call does not */
  finish_ticket(e, leg, r);
  facts = lull_judge_facts(call, e->now, e->drained);
  if (facts.restart)
    lull_call_drop_part(call);
  call->suggestion = lull_policy_suggest(p, &facts, &e->rng);
  if (call->suggestion.action == LULL_RETRY && other_leg(leg) &&
      e->now < call->deadline_at)
    lose_leg(e, leg, r);
  else
    win(e, leg);
}

/* ---- timers ------------------------------------------------------------ */

static void time_out(struct lull_engine *e, struct lull_leg *leg)
{
  ground(e, leg);
  leg->attempt->class = leg->attempt->connected ? LULL_NET_TIMEOUT_READ
                                                : LULL_NET_TIMEOUT_CONNECT;
  lull_course_conclude(e, leg);
}

static bool late(const struct lull_engine *e, const struct lull_leg *leg)
{
  return leg && leg->attempt &&
         (e->now >= leg->timeout_at || e->now >= leg->call->deadline_at);
}

static void flying_due(struct lull_engine *e, struct lull_call *call)
{
  if (e->now >= call->deadline_at && call->leg.attempt)
    cut_hedge(e, call);
  if (late(e, &call->leg))
    time_out(e, &call->leg);
  else if (late(e, call->hedge))
    time_out(e, call->hedge);
  else if (e->now >= call->deadline_at) { /* only a hedge, still queued */
    cut_hedge(e, call);
    finish(e, call, stopped(LULL_WHY_DEADLINE));
  } else {
    if (e->now >= call->hedge_at)
      start_hedge(e, call);
    arm(e, call);
  }
}

void lull_course_due(struct lull_engine *e, struct lull_call *call)
{
  if (call->state == LULL_FLYING)
    flying_due(e, call);
  else if (call->state == LULL_WAITING)
    begin_again(e, call);
  else if (call->state == LULL_QUEUED)
    finish_early(e, call, LULL_WHY_DEADLINE, LULL_CLASS_NONE);
}
