#include "engine/verdict.h"
#include "engine/aside.h"
#include "engine/flight.h"
#include "engine/judge.h"
#include "engine/lifecycle.h"
#include "engine/memo.h"
#include "engine/room.h"
#include "request/redirect.h"

static void finish_ticket(struct lull_engine *e, struct lull_leg *leg,
                          const struct lull_record *r)
{
  struct lull_quota quota = {0};
  struct lull_lane_end end;
  if (r->class == LULL_CLASS_NONE)
    lull_hint_quota(&leg->call->ended->attempt.response.headers,
                    e->world->ops->wall(e->world), &quota);
  end = lull_judge_end(leg->call, &quota);
  if (end.hint > 0 && leg->call->ended->hint.asked && quota.remaining <= 0)
    quota.reset = end.hint; /* RFC 9110: it has precedence */
  lull_lane_arrived(&leg->ticket, e->now);
  lull_lane_finish(&leg->ticket, e->now, &end);
  lull_lanes_touch(&e->lanes, leg->lane);
}

/* Asked again though the server did what it was asked: a job that is not
   done yet, say. That adds nothing to a failure, and costs nothing. */
static bool asks_again(struct lull_call *call)
{
  const struct lull_record *r = lull_call_judged(call);
  return r->class == LULL_CLASS_NONE && r->status < 400;
}

/* Refused along with others, by a server that was seen to grant, or that says
   that it grants too many others: the lane learns from it, and it is not the
   call's fault. */
static bool is_spared(const struct lull_call *call)
{
  const struct lull_record *r = lull_call_judged(call);
  return lull_judge_result((enum lull_class)r->class, r->status,
                           &call->ended->hint) == LULL_RESULT_THROTTLE &&
         call->leg.ticket.spared;
}

/* What the server dated, or the lane sends no sooner than the server bears,
   adds nothing to a failure, and costs nothing. Of a server that grants
   nothing any more neither is known: an outage may date its answers, too. */
static bool is_borne(const struct lull_call *call,
                     const struct lull_verdict *v)
{
  return call->leg.ticket.borne &&
         (v->source == LULL_SOURCE_HINT || is_spared(call));
}

/* The lane's own limits on a retry: its breaker, what holds it, and its
   budget. */
static struct lull_verdict ask_lane(struct lull_engine *e,
                                    struct lull_call *call,
                                    struct lull_verdict v, bool free)
{
  struct lull_lane *lane = call->leg.lane->lane;
  lull_usec until = 0, next = lull_usec_add(e->now, v.wait);
  struct lull_lane_hold hold;
  if (v.action != LULL_RETRY)
    return v;
  if (!lull_lane_closed(lane, e->now, &until) && until > next) {
    call->retry_after = until - e->now;
    return lull_policy_stop(LULL_WHY_BREAKER);
  }
  hold = lull_lane_held(lane, NULL, e->now);
  enum lull_why why = lull_lifecycle_held(e, call, &hold);
  if (why)
    return lull_policy_stop(why);
  if (!free && !asks_again(call) && !is_borne(call, &v) &&
      !lull_lane_pay(lane))
    return lull_policy_stop(LULL_WHY_BUDGET);
  return v;
}

/* A body that came into memory, as that of an accepted 404 does, is written
   out. */
static enum lull_err commit(struct lull_call *call)
{
  struct lull_sink *sink = &call->ended->attempt.response.sink;
  enum lull_err err;
  if (!sink->output)
    return lull_output_put(call->request.output, sink->memory.data,
                           sink->memory.len);
  err = lull_output_commit(sink->output);
  sink->output = NULL;
  return err;
}

static struct lull_verdict accept(struct lull_call *call)
{
  struct lull_response *r = &call->ended->attempt.response;
  if (call->request.output && call->ended->attempt.cut) {
    call->fault = call->ended->attempt.cut; /* no file has but a part */
    return lull_policy_stop(LULL_WHY_RULE);
  }
  if (call->request.output && commit(call) != LULL_OK) {
    call->fault = LULL_LOCAL_FILE;
    return lull_policy_stop(LULL_WHY_RULE);
  }
  if (r->status < 400)
    lull_lane_refund(call->leg.lane->lane, call->total > 1);
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

/* What was asked for and refused: by the server's hint, or by the script
   for the server, that is with a wait of its own. */
static void note_refusal(struct lull_call *call, struct lull_verdict wish,
                         struct lull_verdict v)
{
  lull_usec asked = call->ended->hint.wait;
  if (call->held)
    return;
  if (v.why == LULL_WHY_HINT ||
      (wish.action == LULL_RETRY && asked > 0 &&
       (v.why == LULL_WHY_ATTEMPTS || v.why == LULL_WHY_BUDGET)))
    call->retry_after = asked;
  else if (v.why == LULL_WHY_DEADLINE && wish.action == LULL_RETRY &&
           wish.source == LULL_SOURCE_RULE && wish.wait > 0)
    call->retry_after = wish.wait;
}

/* A remembered call that has come to its end does so though the process is
   being ended: in a run to come it would be tried once too often. */
static struct lull_verdict limit(const struct lull_call *call,
                                 struct lull_facts facts,
                                 struct lull_verdict wish, bool free)
{
  const struct lull_policy *p = &call->client->policy;
  struct lull_verdict v;
  if (call->remembered && facts.drained) {
    facts.drained = false;
    v = lull_policy_limit(p, &facts, wish, free);
    facts.drained = true;
    if (v.action != LULL_RETRY)
      return v;
  }
  return lull_policy_limit(p, &facts, wish, free);
}

static struct lull_verdict weigh(struct lull_engine *e, struct lull_call *call,
                                 struct lull_verdict wish, bool free)
{
  struct lull_facts facts = lull_judge_facts(call, e->now, e->drained);
  struct lull_verdict v = wish;
  if (v.action == LULL_ACCEPT && facts.class != LULL_CLASS_NONE)
    v = lull_policy_stop(LULL_WHY_RULE);
  v = limit(call, facts, v, free || (call->tries > 1 && is_spared(call)));
  v = ask_lane(e, call, v, free);
  note_refusal(call, wish, v);
  if (v.action == LULL_STOP && lull_judge_limited(v.why) &&
      (call->applied || (wish.action != LULL_RETRY &&
                         lull_policy_at_risk(&call->client->policy, &facts))))
    v.why = LULL_WHY_UNSAFE;
  pause_lane(e, call, &v);
  return v.action == LULL_ACCEPT ? accept(call) : v;
}

/* To where redirects led away from. Without memory it stays. */
static void go_back(struct lull_engine *e, struct lull_call *call)
{
  if (e->trace)
    lull_call_note_hop(call);
  (void)lull_redirect_back(&call->request);
}

void lull_verdict_settle(struct lull_engine *e, struct lull_call *call,
                         struct lull_verdict wish, bool free)
{
  struct lull_verdict v = weigh(e, call, wish, free);
  struct lull_record *r = lull_call_judged(call);
  r->free = free;
  if (v.action == LULL_RETRY && (free || (call->tries > 1 && is_spared(call))))
    lull_call_uncount(call, r->rule);
  if (v.action == LULL_RETRY && lull_judge_gone(call))
    go_back(e, call);
  lull_lifecycle_decide(e, call, r, v);
  if (v.action == LULL_RETRY) {
    lull_lifecycle_wait(e, call, v);
    lull_memo_wait(e, call, v.wait);
  } else {
    if (v.why == LULL_WHY_CANCELLED && wish.action == LULL_RETRY)
      lull_memo_wait(e, call, wish.wait); /* the process is being ended */
    lull_call_stay(call);
    lull_lifecycle_finish(e, call, v);
  }
}

/* One more hop, if it may be made. A redirect to itself that says when to
   come back is not ready yet: that is a poll, and no loop. */
static enum lull_err hop(struct lull_call *call, lull_usec wait)
{
  const char *to =
      lull_headers_get(&call->ended->attempt.response.headers, "location", 0);
  int status = lull_call_judged(call)->status;
  bool poll = wait > 0 && lull_redirect_to_itself(&call->request, status, to);
  if (poll ? call->record_count >= LULL_ATTEMPTS_CEILING
           : call->hops >= call->client->redirects)
    return LULL_EINVAL;
  call->hops += !poll;
  return lull_redirect_apply(&call->request, status, to);
}

/* The next request of the same attempt, at once or after a wait. */
static void go_on(struct lull_engine *e, struct lull_call *call,
                  struct lull_verdict v)
{
  call->hop = true;
  lull_lifecycle_decide(e, call, lull_call_judged(call), v);
  if (v.wait > 0) {
    lull_lifecycle_wait(e, call, v);
    return;
  }
  if (!e->record)
    lull_call_shrink(call);
  lull_lifecycle_again(e, call);
}

/* A POST became a GET: it is done, and the call may not be sent anew. */
static void note_done(struct lull_call *call, struct lull_record *r)
{
  call->applied =
      !call->keyed && !call->unsafe && !call->client->policy.unsafe;
  call->maybe_applied = true;
  r->maybe_applied = true;
}

static void follow(struct lull_engine *e, struct lull_call *call)
{
  struct lull_record *r = lull_call_judged(call);
  struct lull_facts facts = lull_judge_facts(call, e->now, e->drained);
  struct lull_verdict v =
      lull_policy_follow(&call->client->policy, &facts, &e->rng);
  bool idempotent = lull_method_idempotent(call->request.method);
  enum lull_err err;
  if (v.action != LULL_FOLLOW) {
    lull_verdict_settle(e, call, v, false);
    return;
  }
  if (e->trace)
    lull_call_note_hop(call);
  err = hop(call, v.wait);
  if (!idempotent && lull_method_idempotent(call->request.method))
    note_done(call, r);
  if (err) {
    r->class = err == LULL_ENOMEM ? LULL_LOCAL_MEMORY : LULL_HTTP_REDIRECTS;
    lull_verdict_settle(e, call, lull_policy_stop(LULL_WHY_RULE), false);
    return;
  }
  go_on(e, call, v);
}

/* Again at once, without what the server would not meet. */
static void expect_nothing(struct lull_engine *e, struct lull_call *call)
{
  if (lull_request_suppress(&call->request, "expect") != LULL_OK)
    lull_verdict_settle(e, call, lull_policy_stop(LULL_WHY_RULE), false);
  else
    go_on(e, call, (struct lull_verdict){.action = LULL_FOLLOW});
}

static bool must_ask(const struct lull_call *call,
                     const struct lull_facts *facts)
{
  const struct lull_policy *p = &call->client->policy;
  struct lull_verdict v;
  if (facts->rule != LULL_NO_RULE && p->rules[facts->rule].ask)
    return true;
  if (call->renews && facts->status == 401 && facts->class == LULL_CLASS_NONE)
    return true;
  if (!call->ask_always)
    return false;
  v = lull_policy_limit(p, facts, call->ended->suggestion, false);
  return v.action == LULL_RETRY;
}

static void judge(struct lull_engine *e, struct lull_call *call)
{
  struct lull_facts facts = lull_judge_facts(call, e->now, e->drained);
  if (!must_ask(call, &facts)) {
    lull_verdict_settle(e, call, call->ended->suggestion, false);
    return;
  }
  /* Before the script is asked: it may take its time, and the calls behind
     must not run into the same answer meanwhile. */
  pause_lane(e, call, &call->ended->suggestion);
  lull_lifecycle_ask(e, call);
}

/* The other leg of a hedged call, while it is queued or flying. */
static struct lull_leg *other_leg(const struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  struct lull_leg *other = leg == call->hedge ? &call->leg : call->hedge;
  return other && (other->flight || other->ticket.lane) ? other : NULL;
}

/* A leg failed while the other is still under way: its failure is noted, and
   the call goes on with the other. */
static void lose_leg(struct lull_engine *e, struct lull_leg *leg,
                     struct lull_record *r)
{
  struct lull_call *call = leg->call;
  pause_lane(e, call, &call->ended->suggestion);
  lull_aside_keep_hint(&call->aside, &call->ended->hint, e->now);
  lull_lifecycle_decide(e, call, r,
                        (struct lull_verdict){.action = LULL_RETRY});
  if (leg == call->hedge)
    lull_call_drop_hedge(call);
  lull_flight_arm(e, call);
}

/* The first answer that counts ends the other leg. */
static void win(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  if (leg == call->hedge) {
    lull_lifecycle_cut(e, &call->leg);
    call->leg.lane = leg->lane;
    call->leg.ticket = leg->ticket;
    lull_call_drop_hedge(call);
  }
  lull_lifecycle_cut_hedge(e, call);
  lull_timerq_cancel(&e->timers, &call->entry.timer);
  if (lull_judge_follows(call))
    follow(e, call);
  else if (lull_judge_unexpected(call))
    expect_nothing(e, call);
  else
    judge(e, call);
}

/* What the other leg was told counts, too, when it asks for a longer wait. */
static void recall_hint(struct lull_call *call, struct lull_record *r,
                        lull_usec now)
{
  struct lull_hint *own = &call->ended->hint, kept;
  if ((r->class == LULL_CLASS_NONE && r->status < 400) ||
      !lull_aside_kept_hint(call->aside, now, &kept) ||
      (own->source != LULL_HINT_NONE && own->wait >= kept.wait))
    return;
  kept.advice = own->advice;
  *own = kept;
  r->hint_source = (uint8_t)kept.source;
  r->hint = kept.wait;
}

void lull_verdict_conclude(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  const struct lull_policy *p = &call->client->policy;
  struct lull_record *r;
  struct lull_facts facts;
  if (leg->flight->attempt.starved) {
    lull_room_put_back(e, leg);
    return;
  }
  lull_room_land(e);
  r = lull_judge_record(call, leg, e->now);
  lull_call_count_rule(call, r->rule);
  if (r->rule != LULL_NO_RULE && p->rules[r->rule].attempts)
    call->tries--; /* the rule counts it, and the call does not */
  finish_ticket(e, leg, r);
  recall_hint(call, r, e->now);
  facts = lull_judge_facts(call, e->now, e->drained);
  if (facts.restart)
    lull_output_discard(call->request.output);
  call->ended->suggestion = lull_policy_suggest(p, &facts, &e->rng);
  if (call->ended->suggestion.action == LULL_RETRY && other_leg(leg) &&
      e->now < lull_call_deadline(call))
    lose_leg(e, leg, r);
  else
    win(e, leg);
}
