#include "engine/lifecycle.h"
#include "engine/judge.h"
#include "engine/known.h"
#include "engine/peers.h"
#include "http/url.h"
#include "lane/revive.h"

/* ---- ends -------------------------------------------------------------- */

void lull_lifecycle_ground(struct lull_engine *e, struct lull_leg *leg)
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
  if (leg->headers != LULL_HEADERS_READY)
    lull_lane_return(&leg->ticket, e->now);
  else
    lull_lane_leave(&leg->ticket, e->now);
  lull_lanes_touch(&e->lanes, leg->lane);
}

static void abandon_leg(struct lull_engine *e, struct lull_leg *leg)
{
  if (leg->flight) {
    lull_lifecycle_ground(e, leg);
    lull_sink_release(&leg->flight->attempt.response.sink);
  }
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
  lull_call_drop_body(call);
  lull_events_tell(&e->events, &call->entry, LULL_TELL_DONE);
}

void lull_lifecycle_finish_early(struct lull_engine *e, struct lull_call *call,
                                 enum lull_why why, enum lull_class fault)
{
  call->fault = fault;
  if (call->applied && lull_judge_limited(why))
    why = LULL_WHY_UNSAFE;
  lull_lifecycle_finish(e, call, lull_policy_stop(why));
}

void lull_lifecycle_decide(struct lull_engine *e, struct lull_call *call,
                           struct lull_record *r, struct lull_verdict v)
{
  bool goes_on = v.action == LULL_RETRY || v.action == LULL_FOLLOW;
  r->action = (uint8_t)v.action;
  r->why = (uint8_t)v.why;
  r->source = (uint8_t)(goes_on ? v.source : LULL_SOURCE_NONE);
  r->wait = goes_on ? v.wait : 0;
  if (e->trace)
    lull_events_tell(&e->events, &call->entry, LULL_TELL_VERDICT);
}

void lull_lifecycle_cut(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  struct lull_record *r;
  if (leg->flight) {
    unsigned judged = call->judged;
    lull_lifecycle_ground(e, leg);
    leg->flight->attempt.response.status = 0;
    leg->flight->attempt.class = LULL_CLASS_NONE;
    r = lull_judge_record(call, leg, e->now);
    if (r->sent)
      r->maybe_applied = call->maybe_applied = true;
    lull_lifecycle_decide(e, call, r, lull_policy_stop(LULL_WHY_CANCELLED));
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
  struct lull_verdict stop = lull_policy_stop(LULL_WHY_CANCELLED);
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
    unsigned windows = lull_revive_count(slot->lane);
    err = lull_lane_configure(slot->lane, &client->lane);
    lull_lane_expect_sent(slot->lane, true);
    slot->configured_by = err ? 0 : client->serial;
    if (!err)
      lull_known_recall(e, slot, windows);
    if (!err && e->peers.store)
      err = lull_peers_join(e, slot, client);
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
  call->request.away = lull_client_away(call->client, origin);
  leg->queued_at = e->now;
  leg->cause = LULL_CAUSE_NONE;
  lull_lane_enqueue(leg->lane->lane, &leg->ticket, call->request.method, path,
                    retry);
  lull_lanes_touch(&e->lanes, leg->lane);
  return LULL_OK;
}

enum lull_err lull_lifecycle_enqueue(struct lull_engine *e,
                                     struct lull_leg *leg, bool retry)
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
  lull_lifecycle_finish_early(e, call, LULL_WHY_BREAKER, LULL_CLASS_NONE);
}

/* A call to a lane whose breaker is open fails at once. */
static void refuse_if_open(struct lull_engine *e, struct lull_call *call,
                           bool retry)
{
  lull_usec until;
  if (!lull_judge_admits(call->leg.lane->lane, retry, e->now, &until))
    refuse(e, call, until);
}

void lull_lifecycle_refuse_queued(struct lull_engine *e,
                                  struct lull_lane *lane)
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

enum lull_why lull_lifecycle_held(const struct lull_engine *e,
                                  struct lull_call *call,
                                  const struct lull_lane_hold *hold)
{
  enum lull_why why = lull_judge_held(lull_call_limits(call),
                                      lull_call_deadline(call), hold, e->now);
  if (!why)
    return why;
  call->retry_after = hold->until - e->now;
  call->leg.cause = hold->cause;
  call->held = true;
  return why;
}

static void end_held(struct lull_engine *e, struct lull_call *call,
                     const struct lull_lane_hold *hold)
{
  enum lull_why why = lull_lifecycle_held(e, call, hold);
  if (why)
    lull_lifecycle_finish_early(e, call, why, LULL_CLASS_NONE);
}

/* What can be known at once is not waited for. */
static void refuse_if_held(struct lull_engine *e, struct lull_call *call)
{
  struct lull_leg *leg = &call->leg;
  struct lull_lane_hold hold =
      lull_lane_held(leg->lane->lane, &leg->ticket, e->now);
  if (call->state == LULL_QUEUED)
    end_held(e, call, &hold);
}

static void refuse_held(struct lull_engine *e,
                        const struct lull_lane_slot *slot,
                        const struct lull_lane_hold *hold)
{
  struct lull_entry *entry;
  size_t at = 0;
  while ((entry = lull_idtable_next(&e->ids, &at)) != NULL) {
    struct lull_call *call = lull_call_of(entry);
    if (call && call->leg.lane == slot && !call->hedge &&
        (call->state == LULL_QUEUED || call->state == LULL_WAITING))
      end_held(e, call, hold);
  }
}

#define BRIEF (LULL_SEC / 4) /* ends soon enough by itself */

/* Each time that it moves. */
void lull_lifecycle_sweep(struct lull_engine *e, struct lull_lane_slot *slot)
{
  struct lull_lane_hold hold = lull_lane_held(slot->lane, NULL, e->now);
  if (!hold.cause || hold.until - e->now < BRIEF ||
      hold.until < lull_usec_add(slot->swept, BRIEF))
    return;
  slot->swept = hold.until;
  refuse_held(e, slot, &hold);
}

enum lull_err lull_lifecycle_begin(struct lull_engine *e,
                                   struct lull_call *call, bool retry)
{
  enum lull_err err = lull_lifecycle_enqueue(e, &call->leg, retry);
  if (err)
    return err;
  if (!retry && !e->world->simulated)
    lull_call_keep_part(call);
  call->state = LULL_QUEUED;
  lull_timerq_set(&e->timers, &call->entry.timer, lull_call_deadline(call));
  refuse_if_open(e, call, retry);
  refuse_if_held(e, call);
  return LULL_OK;
}

enum lull_err lull_lifecycle_resume(struct lull_engine *e,
                                    struct lull_call *call, lull_usec wait)
{
  struct lull_url url;
  enum lull_err err = lull_url_parse(call->request.url, &url);
  if (err)
    return err;
  lull_url_clear(&url);
  call->state = LULL_WAITING;
  lull_timerq_set(&e->timers, &call->entry.timer, lull_usec_add(e->now, wait));
  return LULL_OK;
}

void lull_lifecycle_again(struct lull_engine *e, struct lull_call *call)
{
  enum lull_err err = lull_lifecycle_begin(e, call, true);
  if (err)
    lull_lifecycle_finish_early(e, call, LULL_WHY_RULE, lull_class_of(err));
}

/* ---- judged ------------------------------------------------------------ */

void lull_lifecycle_wait(struct lull_engine *e, struct lull_call *call,
                         struct lull_verdict v)
{
  call->timeout_rule = lull_call_judged(call)->rule;
  if (v.action == LULL_RETRY)
    call->previous = v.wait;
  call->waited = lull_usec_add(call->waited, v.wait);
  call->state = LULL_WAITING;
  if (!e->record)
    lull_call_shrink(call);
  lull_timerq_set(&e->timers, &call->entry.timer,
                  lull_usec_add(e->now, v.wait));
}

void lull_lifecycle_ask(struct lull_engine *e, struct lull_call *call)
{
  lull_call_judged(call)->asked = true;
  call->state = LULL_ASKED;
  lull_events_tell(&e->events, &call->entry, LULL_TELL_ASK);
}

void lull_lifecycle_prepare(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  leg->headers = LULL_HEADERS_WANTED;
  if (leg == &call->leg)
    call->state = LULL_PREPARING;
  lull_events_tell(&e->events, &call->entry, LULL_TELL_HEADERS);
}
