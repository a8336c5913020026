#include "engine/engine.h"
#include "engine/flight.h"
#include "engine/judge.h"
#include "engine/lifecycle.h"
#include "engine/memo.h"
#include "engine/peers.h"
#include "engine/prepare.h"
#include "engine/room.h"
#include "engine/stores.h"
#include "engine/verdict.h"

static lull_usec tick(struct lull_engine *e)
{
  return e->now = e->world->ops->now(e->world);
}

static void call_due(struct lull_engine *e, struct lull_call *call)
{
  struct lull_leg *ended = NULL;
  if (call->state == LULL_FLYING)
    ended = lull_flight_due(e, call);
  else if (call->state == LULL_WAITING) {
    tick(e); /* its wait may have ended late */
    lull_lifecycle_again(e, call);
  } else if (call->state == LULL_QUEUED || call->state == LULL_PREPARING)
    lull_lifecycle_finish_early(e, call, LULL_WHY_DEADLINE, LULL_CLASS_NONE);
  if (ended)
    lull_verdict_conclude(e, ended);
}

static void fire(struct lull_engine *e, struct lull_timer *timer)
{
  struct lull_entry *entry = (struct lull_entry *)(void *)timer;
  if (entry->kind == LULL_ENTRY_CALL)
    call_due(e, lull_call_of(entry));
  else if (entry->kind == LULL_ENTRY_SLEEP)
    lull_events_tell(&e->events, entry, LULL_TELL_TIMER);
  else
    lull_lanes_touch(&e->lanes, (struct lull_lane_slot *)(void *)entry);
}

/* ---- what the driver calls --------------------------------------------- */

struct lull_engine *lull_engine_new(struct lull_world *world)
{
  struct lull_engine *e = lull_mem_zero(sizeof *e);
  if (!e) {
    world->ops->close(world);
    return NULL;
  }
  e->world = world;
  lull_timerq_init(&e->timers);
  lull_idtable_init(&e->ids);
  e->lanes.seed = world->ops->entropy(world);
  lull_rng_seed(&e->rng, e->lanes.seed);
  tick(e);
  return e;
}

void lull_engine_free(struct lull_engine *e)
{
  struct lull_entry *entry;
  size_t at = 0;
  if (!e)
    return;
  while ((entry = lull_idtable_next(&e->ids, &at)) != NULL) {
    struct lull_call *call = lull_call_of(entry);
    if (call)
      lull_lifecycle_abandon(e, call);
    lull_state_dismiss(e, entry);
  }
  lull_lanes_clear(&e->lanes, &e->timers);
  lull_timerq_clear(&e->timers);
  lull_idtable_clear(&e->ids);
  lull_memo_clear(e);
  lull_buf_clear(&e->peers.text);
  e->world->ops->close(e->world);
  lull_mem_free(e);
}

void lull_engine_seed(struct lull_engine *e, uint64_t seed)
{
  e->lanes.seed = seed;
  lull_rng_seed(&e->rng, seed);
}

struct lull_rng *lull_engine_rng(struct lull_engine *e)
{
  return &e->rng;
}

lull_usec lull_engine_now(const struct lull_engine *e)
{
  return e->world->ops->now(e->world);
}

lull_usec lull_engine_wall(const struct lull_engine *e)
{
  return e->world->ops->wall(e->world);
}

static enum lull_err begin(struct lull_engine *e, struct lull_call *call,
                           const struct lull_call_memo *memo)
{
  lull_usec wait = 0;
  if (memo && memo->bytes)
    wait = lull_memo_resume(e, call, memo->bytes, memo->len);
  return wait ? lull_lifecycle_resume(e, call, wait)
              : lull_lifecycle_begin(e, call, call->total > 0);
}

enum lull_err lull_engine_start(struct lull_engine *e,
                                struct lull_client *client,
                                struct lull_request *request,
                                const struct lull_call_options *options,
                                lull_id *id)
{
  struct lull_call *call;
  enum lull_err err = LULL_EINVAL;
  if (!*request->method)
    return err;
  if (options->memo && !e->store)
    return err;
  call = lull_call_new(client, request, options, tick(e));
  if (!call)
    return LULL_ENOMEM;
  err = lull_state_enroll(e, &call->entry);
  if (!err) {
    err = begin(e, call, options->memo);
    if (!err) {
      *id = call->entry.id;
      return LULL_OK;
    }
  }
  *request = call->request; /* back to the caller */
  lull_request_init(&call->request);
  if (call->entry.id)
    lull_state_dismiss(e, &call->entry);
  else
    lull_call_free(call);
  return err;
}

enum lull_err lull_engine_sleep(struct lull_engine *e, lull_usec delay,
                                lull_id *id)
{
  struct lull_entry *entry = lull_mem_zero(sizeof *entry);
  enum lull_err err = entry ? LULL_OK : LULL_ENOMEM;
  if (err)
    return err;
  entry->kind = LULL_ENTRY_SLEEP;
  err = lull_state_enroll(e, entry);
  if (err) {
    lull_mem_free(entry);
    return err;
  }
  lull_timerq_set(&e->timers, &entry->timer, lull_usec_add(tick(e), delay));
  *id = entry->id;
  return LULL_OK;
}

void lull_engine_attach(struct lull_engine *e, struct lull_store *store)
{
  lull_memo_attach(e, store);
  e->world->ops->watch(e->world, 0, store ? store->fd : -1);
}

enum lull_err lull_engine_sync(struct lull_engine *e, lull_id *id)
{
  struct lull_entry *entry;
  enum lull_err err = LULL_ESTALE;
  if (e->store)
    err = lull_engine_sleep(e, LULL_NEVER, id);
  if (err)
    return err;
  entry = lull_idtable_get(&e->ids, *id);
  err = lull_memo_sync(e, entry);
  if (err)
    lull_state_dismiss(e, entry);
  return err;
}

/* What a retry is to be sent with. Another origin sees no secrets but those
   that come with this very judgement. */
static enum lull_err alter(struct lull_call *call, struct lull_judgement *j)
{
  struct lull_request *r = &call->request;
  enum lull_err err = LULL_OK;
  if (j->url)
    err = lull_call_go(call, j->url);
  if (!err && j->headers)
    err = lull_request_override(&r->headers, j->headers, j->headers_len);
  if (!err && j->secrets)
    err = lull_request_override(&r->secrets, j->secrets, j->secrets_len);
  if (!err && j->body) {
    lull_mem_free(r->body);
    r->body = j->body;
    j->body = NULL;
  }
  return err;
}

enum lull_err lull_engine_judge(struct lull_engine *e, lull_id id,
                                struct lull_judgement *j)
{
  struct lull_call *call = lull_call_of(lull_idtable_get(&e->ids, id));
  struct lull_verdict wish;
  enum lull_err err;
  if (!call || call->state != LULL_ASKED)
    return LULL_ESTALE;
  err = alter(call, j);
  if (err)
    return err;
  tick(e);
  wish = call->ended->suggestion;
  if (j->action != LULL_DEFAULT) {
    wish.action = j->action;
    wish.why = j->action == LULL_STOP ? LULL_WHY_RULE : LULL_WHY_NONE;
  }
  if (j->action == LULL_RETRY && j->wait >= 0) {
    wish.wait = j->wait;
    wish.source = LULL_SOURCE_RULE;
  }
  lull_verdict_settle(e, call, wish, j->free);
  return LULL_OK;
}

/* The leg whose nth request waits for its simulated server; or NULL. */
static struct lull_leg *leg_of(struct lull_engine *e, lull_id id, unsigned nth)
{
  struct lull_call *call = lull_call_of(lull_idtable_get(&e->ids, id));
  struct lull_leg *leg = call ? &call->leg : NULL;
  if (leg && (!leg->flight || leg->flight->nth != nth))
    leg = call->hedge;
  if (leg && (!leg->flight || leg->flight->nth != nth))
    leg = NULL;
  return leg && leg->flight->attempt.handed_out ? leg : NULL;
}

enum lull_err lull_engine_reply(struct lull_engine *e, lull_id id,
                                const struct lull_reply *reply)
{
  struct lull_leg *leg = leg_of(e, id, reply->nth);
  struct lull_attempt *a = leg ? &leg->flight->attempt : NULL;
  enum lull_err err;
  if (!a)
    return LULL_ESTALE;
  tick(e);
  lull_reply_begin(a, reply, e->now, lull_engine_wall(e));
  a->class = reply->class;
  /* A simulated proxy says what most do. */
  a->proxy_status = reply->class == LULL_NET_PROXY ? 407 : 0;
  a->sent = reply->sent;
  err = reply->status ? lull_reply_fill(a, reply) : LULL_OK;
  if (err)
    return err;
  leg->untold = false;
  lull_verdict_conclude(e, leg);
  return LULL_OK;
}

enum lull_err lull_engine_arriving(struct lull_engine *e, lull_id id,
                                   const struct lull_reply *head,
                                   lull_usec gap)
{
  struct lull_leg *leg = leg_of(e, id, head->nth);
  tick(e);
  if (leg)
    lull_flight_arriving(e, leg, head, gap);
  return leg ? LULL_OK : LULL_ESTALE;
}

enum lull_err lull_engine_cancel(struct lull_engine *e, lull_id id)
{
  struct lull_entry *entry = lull_idtable_get(&e->ids, id);
  struct lull_call *call = lull_call_of(entry);
  if (!entry)
    return LULL_ESTALE;
  tick(e);
  if (!call)
    lull_state_dismiss(e, entry);
  else if (call->state != LULL_DONE)
    lull_lifecycle_cancel(e, call);
  return LULL_OK;
}

void lull_engine_trace(struct lull_engine *e, bool on)
{
  e->trace = on;
}

void lull_engine_record(struct lull_engine *e, bool on)
{
  e->record = on;
}

bool lull_engine_records(const struct lull_engine *e)
{
  return e->record;
}

enum lull_err lull_engine_chaos(struct lull_engine *e,
                                const struct lull_fault *fault)
{
  return lull_chaos_add(&e->chaos, fault);
}

bool lull_engine_may_retry(const struct lull_engine *e,
                           const struct lull_call *call)
{
  struct lull_facts facts = lull_judge_facts(call, e->now, e->drained);
  struct lull_verdict v = {.action = LULL_RETRY};
  v = lull_policy_limit(&call->client->policy, &facts, v, false);
  return v.action == LULL_RETRY;
}

/* ---- the step ---------------------------------------------------------- */

/* Lets the world work until the first timer, or the caller's patience. */
static void work(struct lull_engine *e, lull_usec until)
{
  lull_usec first = lull_timerq_first(&e->timers);
  struct lull_attempt *a;
  struct lull_leg *leg;
  if (e->gather.until)
    first = lull_usec_sooner(first, e->gather.until);
  a = e->world->ops->next(e->world, first < until ? first : until);
  tick(e);
  if (!a)
    return;
  e->flying--;
  if (!a->parked) {
    lull_verdict_conclude(e, a->owner);
    return;
  }
  leg = a->owner;
  leg->untold = true;
  a->handed_out = true;
  lull_events_tell(&e->events, &leg->call->entry, LULL_TELL_SEND);
}

/* Lets go what the lane allows to start. */
static void dispatch_lane(struct lull_engine *e, struct lull_lane_slot *slot)
{
  lull_usec when = LULL_NEVER;
  struct lull_ticket *ticket;
  bool room;
  while ((room = lull_room_for_one(e, &when)) &&
         (ticket = lull_lane_next(slot->lane, e->now, &when)) != NULL) {
    struct lull_leg *leg = (struct lull_leg *)ticket;
    leg->cause = slot->cause;
    if (lull_flight_launch(e, leg))
      lull_verdict_conclude(e, leg);
  }
  lull_lifecycle_refuse_queued(e, slot->lane);
  lull_lifecycle_sweep(e, slot);
  slot->cause = room ? lull_lane_cause(slot->lane, e->now) : LULL_CAUSE_FILES;
  lull_timerq_set(&e->timers, &slot->entry.timer, when);
}

static void dispatch(struct lull_engine *e)
{
  struct lull_lane_slot *slot;
  lull_room_wake(e);
  if (e->peers.store)
    lull_peers_refresh(e);
  while ((slot = lull_lanes_take(&e->lanes)) != NULL)
    dispatch_lane(e, slot);
}

/* A signal comes before all else that is to be told. */
static bool peek(struct lull_engine *e, struct lull_event *event)
{
  *event = (struct lull_event){.kind = lull_stores_tell(e)};
  if (event->kind != LULL_EV_NONE)
    return true;
  if (e->room.untold) {
    *event = (struct lull_event){.kind = LULL_EV_FILES};
    return true;
  }
  if (!e->interrupted && !e->world->interrupts)
    return lull_events_peek(&e->events, event);
  e->interrupted = true;
  *event = (struct lull_event){.kind = LULL_EV_INTR};
  return true;
}

void lull_engine_consume(struct lull_engine *e)
{
  struct lull_entry *gone;
  if (lull_stores_told(e))
    return;
  if (e->room.untold) {
    e->room.untold = false;
    return;
  }
  if (e->interrupted) {
    e->interrupted = false;
    e->world->interrupts--;
    return;
  }
  lull_prepare_note(e);
  gone = lull_events_take(&e->events);
  if (gone)
    lull_state_dismiss(e, gone);
}

/* Legs that waited for the store, and may leave. */
static void let_go(struct lull_engine *e)
{
  struct lull_leg *leg;
  while (e->dues.count && (leg = lull_memo_ready(e)) != NULL)
    if (lull_flight_take_off(e, leg))
      lull_verdict_conclude(e, leg);
}

void lull_engine_step(struct lull_engine *e, lull_usec patience,
                      struct lull_event *event)
{
  lull_usec until = lull_usec_add(tick(e), patience);
  bool worked = false;
  lull_prepare_step_back(e);
  while (!peek(e, event)) {
    struct lull_timer *timer = lull_timerq_fire(&e->timers);
    if (timer) {
      fire(e, timer);
      continue;
    }
    let_go(e);
    dispatch(e);
    if (e->events.first || lull_memo_flush(e) ||
        (e->peers.store && lull_peers_turn(e)))
      continue;
    if (worked && e->now >= until && !e->world->ops->more(e->world)) {
      event->kind = LULL_EV_IDLE;
      return;
    }
    if (patience == LULL_NEVER && lull_state_still(e))
      return; /* LULL_EV_NONE */
    work(e, until);
    worked = true;
    if (!e->world->ops->more(e->world))
      lull_timerq_begin(&e->timers, e->now);
  }
}
