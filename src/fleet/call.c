#include "fleet/call.h"
#include "fleet/pose.h"

#include <stddef.h>

static struct lull_fleet_leg *leg_of(struct lull_ticket *ticket)
{
  return (void *)((char *)ticket - offsetof(struct lull_fleet_leg, ticket));
}

static const struct lull_limits *limits_of(const struct lull_fleet *f)
{
  return &f->policy->policy.limits;
}

/* ---- ends -------------------------------------------------------------- */

/* Takes a leg off the wire and out of its lane. */
static void cut(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  lull_timerq_cancel(&f->timers, &leg->event.timer);
  lull_lane_leave(&leg->ticket, f->now);
  leg->phase = LULL_FLEET_IDLE;
}

static void drop_hedge(struct lull_fleet *f, struct lull_fleet_call *call)
{
  if (!call->hedge)
    return;
  cut(f, call->hedge);
  lull_mem_free(call->hedge);
  call->hedge = NULL;
  lull_timerq_release(&f->timers);
}

static void finish(struct lull_fleet *f, struct lull_fleet_call *call,
                   enum lull_why why)
{
  struct lull_fleet_client *c = call->client;
  drop_hedge(f, call);
  cut(f, &call->leg);
  lull_timerq_cancel(&f->timers, &call->event.timer);
  lull_fleet_stats_end(f->stats, f->now, why, call->met);
  lull_fleet_ended(f, c, why, call->started);
  lull_fleet_give(f, call);
}

/* ---- into the lane ----------------------------------------------------- */

static void init_leg(struct lull_fleet_leg *leg, struct lull_fleet_call *call)
{
  leg->event.kind = LULL_FLEET_LEG;
  leg->call = call;
}

static void enqueue(struct lull_fleet *f, struct lull_fleet_leg *leg,
                    bool retry)
{
  lull_lane_enqueue(leg->call->client->lane, &leg->ticket, f->conf->method,
                    "/", retry);
}

static bool admitted(const struct lull_fleet *f,
                     const struct lull_fleet_call *call, bool retry)
{
  lull_usec until;
  return lull_judge_admits(call->client->lane, retry, f->now, &until);
}

/* A breaker that has opened ends who stands in its lane's queue. */
static void refuse_queued(struct lull_fleet *f, struct lull_fleet_client *c)
{
  struct lull_ticket *ticket;
  while (c->lane && lull_lane_open_until(c->lane, f->now) &&
         (ticket = lull_lane_first(c->lane)) != NULL) {
    struct lull_fleet_leg *leg = leg_of(ticket);
    if (leg == leg->call->hedge)
      drop_hedge(f, leg->call);
    else
      finish(f, leg->call, LULL_WHY_BREAKER);
  }
}

static enum lull_why held(const struct lull_fleet *f,
                          const struct lull_fleet_call *call,
                          const struct lull_lane_hold *hold)
{
  return lull_judge_held(limits_of(f), call->deadline_at, hold, f->now);
}

static void join(struct lull_fleet *f, struct lull_fleet_call *call,
                 bool retry)
{
  struct lull_lane *lane = call->client->lane;
  enum lull_why why = LULL_WHY_BREAKER;
  call->state = LULL_FLEET_QUEUED;
  enqueue(f, &call->leg, retry);
  lull_timerq_set(&f->timers, &call->event.timer, call->deadline_at);
  if (admitted(f, call, retry)) {
    struct lull_lane_hold hold =
        lull_lane_held(lane, &call->leg.ticket, f->now);
    why = held(f, call, &hold);
  }
  if (why)
    finish(f, call, why);
}

#define BRIEF (LULL_SEC / 4) /* ends soon enough by itself */

/* What holds the lane has moved: who cannot wait so long ends. The deadlines
   are in the order of the calls: when one may wait, so may the rest. */
static void sweep(struct lull_fleet *f, struct lull_fleet_client *c)
{
  struct lull_lane_hold hold = lull_lane_held(c->lane, NULL, f->now);
  struct lull_fleet_call *next;
  enum lull_why why;
  if (!hold.cause || hold.until - f->now < BRIEF ||
      hold.until < lull_usec_add(c->swept, BRIEF))
    return;
  c->swept = hold.until;
  for (struct lull_fleet_call *call = c->first;
       call && (why = held(f, call, &hold)) != LULL_WHY_NONE; call = next) {
    next = call->next;
    if (call->state != LULL_FLEET_FLYING && !call->hedge)
      finish(f, call, why);
  }
}

void lull_fleet_call_begin(struct lull_fleet *f, struct lull_fleet_client *c)
{
  struct lull_fleet_call *call = lull_fleet_take(f, c);
  if (!call)
    return;
  call->started = f->now;
  call->deadline_at = lull_usec_add(f->now, limits_of(f)->deadline);
  call->previous = -1;
  init_leg(&call->leg, call);
  join(f, call, false);
  lull_fleet_call_dispatch(f, c);
}

/* ---- on the wire ------------------------------------------------------- */

static void await(struct lull_fleet *f, struct lull_fleet_leg *leg,
                  enum lull_fleet_phase phase, lull_usec at)
{
  leg->phase = phase;
  leg->at = at;
  lull_timerq_set(&f->timers, &leg->event.timer,
                  lull_usec_sooner(at, leg->timeout_at));
}

static lull_usec hop(struct lull_fleet *f)
{
  return lull_fleet_draw_next(&f->conf->hop, &f->rng);
}

static bool meets_outage(const struct lull_fleet *f)
{
  const struct lull_fleet_server_conf *s = &f->conf->server;
  return f->now >= s->outage_from && f->now < s->outage_to;
}

/* What the server saw. The read before an optimistic write is no request of
   its own: the two are one attempt. */
static void count(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  if (meets_outage(f))
    leg->call->met = true;
  if (leg->read || !f->conf->server.conflicts)
    lull_fleet_fail(f, lull_fleet_stats_request(f->stats, leg->reply.seen));
}

/* The leg's request is at the server. After a read the client writes. */
static void deliver(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  struct lull_fleet_request request = {.client = leg->call->client->index,
                                       .read = leg->read,
                                       .version = leg->reply.version};
  lull_usec back;
  lull_fleet_fail(f, lull_fleet_server_take(&f->server, &request, f->now,
                                            &f->rng, &leg->reply));
  count(f, leg);
  back = lull_usec_add(leg->reply.at, hop(f));
  if (leg->read && leg->reply.status == 200) {
    leg->read = false;
    await(f, leg, LULL_FLEET_ASKING, lull_usec_add(back, hop(f)));
    return;
  }
  await(f, leg, LULL_FLEET_ANSWERED, back);
}

static bool may_hedge(const struct lull_fleet *f,
                      const struct lull_fleet_call *call)
{
  return f->policy->hedge > 0 && !call->hedge &&
         lull_method_safe(f->conf->method) &&
         call->tries < limits_of(f)->attempts;
}

static void send(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  lull_usec there = hop(f);
  if (there > 0)
    await(f, leg, LULL_FLEET_ASKING, lull_usec_add(f->now, there));
  else
    deliver(f, leg);
}

/* The lane lets a leg go. The hedge's timer is armed after the answer's, so
   that an answer at the last moment makes it needless. */
static void launch(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  struct lull_fleet_call *call = leg->call;
  call->tries++;
  call->total++;
  call->state = LULL_FLEET_FLYING;
  lull_usec limit = call->next_timeout
                        ? call->next_timeout
                        : lull_limits_timeout(limits_of(f), call->total);
  leg->timeout_at =
      lull_usec_sooner(lull_usec_add(f->now, limit), call->deadline_at);
  leg->read = f->conf->server.conflicts;
  send(f, leg);
  lull_timerq_set(&f->timers, &call->event.timer,
                  leg == &call->leg && may_hedge(f, call)
                      ? lull_usec_add(f->now, f->policy->hedge)
                      : LULL_NEVER);
}

void lull_fleet_call_dispatch(struct lull_fleet *f,
                              struct lull_fleet_client *c)
{
  struct lull_ticket *ticket;
  lull_usec when = LULL_NEVER;
  if (!c->active)
    return;
  while ((ticket = lull_lane_next(c->lane, f->now, &when)) != NULL)
    launch(f, leg_of(ticket));
  lull_timerq_set(&f->timers, &c->event.timer, when);
  refuse_queued(f, c);
  if (c->lane)
    sweep(f, c);
}

/* ---- judging ----------------------------------------------------------- */

/* Refused along with others, as in the engine. */
static bool is_spared(const struct lull_fleet *f,
                      const struct lull_fleet_call *call)
{
  return lull_judge_result((enum lull_class)f->record.class, f->record.status,
                           NULL) == LULL_RESULT_THROTTLE &&
         call->leg.ticket.spared;
}

/* The lane's own limits on a retry: its breaker, what holds it, and its
   budget. */
static enum lull_why refusal(const struct lull_fleet *f,
                             const struct lull_fleet_call *call,
                             const struct lull_verdict *v)
{
  struct lull_lane *lane = call->client->lane;
  lull_usec until = 0;
  if (!lull_lane_closed(lane, f->now, &until) &&
      until > lull_usec_add(f->now, v->wait))
    return LULL_WHY_BREAKER;
  struct lull_lane_hold hold = lull_lane_held(lane, NULL, f->now);
  enum lull_why why = held(f, call, &hold);
  if (why)
    return why;
  if (call->leg.ticket.borne &&
      (v->source == LULL_SOURCE_HINT || is_spared(f, call)))
    return LULL_WHY_NONE;
  return lull_lane_pay(lane) ? LULL_WHY_NONE : LULL_WHY_BUDGET;
}

static void pause_lane(struct lull_fleet *f, struct lull_lane *lane,
                       const struct lull_verdict *v)
{
  lull_usec pause = lull_judge_pause(&f->pose, v);
  if (pause > 0)
    lull_lane_pause(lane, lull_usec_add(f->now, pause));
}

static void wait(struct lull_fleet *f, struct lull_fleet_call *call,
                 lull_usec length)
{
  unsigned rule = f->record.rule;
  call->next_timeout =
      rule == LULL_NO_RULE ? 0 : f->policy->policy.rules[rule].timeout;
  call->previous = length;
  call->state = LULL_FLEET_WAITING;
  lull_timerq_set(&f->timers, &call->event.timer,
                  lull_usec_add(f->now, length));
}

static void uncount(struct lull_fleet *f, struct lull_fleet_call *call)
{
  lull_call_uncount(&f->pose, f->record.rule);
  call->tries = f->pose.tries;
}

static void settle(struct lull_fleet *f, struct lull_fleet_call *call,
                   const struct lull_facts *facts, struct lull_verdict v)
{
  struct lull_lane *lane = call->client->lane;
  if (v.action == LULL_ACCEPT && facts->class != LULL_CLASS_NONE)
    v = (struct lull_verdict){.action = LULL_STOP, .why = LULL_WHY_RULE};
  bool spared = call->tries > 1 && is_spared(f, call);
  v = lull_policy_limit(&f->policy->policy, facts, v, spared);
  if (v.action == LULL_RETRY &&
      (v.why = refusal(f, call, &v)) != LULL_WHY_NONE)
    v.action = LULL_STOP;
  if (v.action == LULL_RETRY && spared)
    uncount(f, call);
  pause_lane(f, lane, &v);
  if (v.action == LULL_ACCEPT && facts->status < 400)
    lull_lane_refund(lane, facts->total > 1);
  if (v.action == LULL_RETRY)
    wait(f, call, v.wait);
  else
    finish(f, call, v.action == LULL_ACCEPT ? LULL_WHY_NONE : v.why);
}

/* The other leg of a hedged call, while it is queued or flying. */
static struct lull_fleet_leg *other_leg(struct lull_fleet_leg *leg)
{
  struct lull_fleet_call *call = leg->call;
  struct lull_fleet_leg *other = leg == &call->leg ? call->hedge : &call->leg;
  return other && other->ticket.lane ? other : NULL;
}

/* A leg failed while the other is still under way. */
static void lose(struct lull_fleet *f, struct lull_fleet_leg *leg,
                 const struct lull_verdict *v)
{
  struct lull_fleet_call *call = leg->call;
  pause_lane(f, call->client->lane, v);
  if (leg == call->hedge)
    drop_hedge(f, call);
}

/* The leg's attempt is over. */
static void conclude(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  struct lull_fleet_call *call = leg->call;
  struct lull_fleet_client *c = call->client;
  leg->phase = LULL_FLEET_IDLE;
  lull_fleet_pose(f, leg);
  struct lull_lane_end end = lull_judge_end(&f->pose, NULL);
  lull_lane_finish(&leg->ticket, f->now, &end);
  struct lull_facts facts = lull_judge_facts(&f->pose, f->now, false);
  struct lull_verdict v =
      lull_policy_suggest(&f->policy->policy, &facts, &f->rng);
  if (v.action == LULL_RETRY && other_leg(leg) && f->now < call->deadline_at)
    lose(f, leg, &v);
  else {
    cut(f, &call->leg);
    drop_hedge(f, call);
    settle(f, call, &facts, v);
  }
  lull_fleet_call_dispatch(f, c);
}

/* ---- timers ------------------------------------------------------------ */

void lull_fleet_call_leg(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  if (leg->at > f->now) {
    leg->reply = (struct lull_fleet_reply){.class = LULL_NET_TIMEOUT_READ};
    conclude(f, leg);
  } else if (leg->phase == LULL_FLEET_ASKING) {
    deliver(f, leg);
  } else {
    conclude(f, leg);
  }
}

/* The first attempt is late: a second one races it, if the budget pays. */
static void start_hedge(struct lull_fleet *f, struct lull_fleet_call *call)
{
  struct lull_fleet_client *c = call->client;
  if (!may_hedge(f, call) || !lull_lane_pay(c->lane))
    return;
  enum lull_err err = lull_timerq_reserve(&f->timers);
  if (!err && !(call->hedge = lull_mem_zero(sizeof *call->hedge))) {
    lull_timerq_release(&f->timers);
    err = LULL_ENOMEM;
  }
  lull_fleet_fail(f, err);
  if (err)
    return;
  init_leg(call->hedge, call);
  enqueue(f, call->hedge, true);
  lull_fleet_call_dispatch(f, c);
}

void lull_fleet_call_due(struct lull_fleet *f, struct lull_fleet_call *call)
{
  struct lull_fleet_client *c = call->client;
  if (call->state == LULL_FLEET_FLYING) {
    start_hedge(f, call);
    return;
  }
  if (call->state == LULL_FLEET_QUEUED)
    finish(f, call, LULL_WHY_DEADLINE);
  else
    join(f, call, true);
  lull_fleet_call_dispatch(f, c);
}
