#include "engine.h"
#include "judge.h"
#include "lanes.h"
#include "idtable.h"
#include "redirect.h"
#include "url.h"

/* What an entry has to tell, told in this order. */
enum event_bit {
  TELL_VERDICT = 1,
  TELL_SEND = 2,
  TELL_ASK = 4,
  TELL_TIMER = 8,
  TELL_DONE = 16,
  TELLING = 32 /* is in the queue */
};

struct lull_engine {
  struct lull_world *world;
  struct lull_timerq timers;
  struct lull_lanes lanes;
  struct lull_idtable ids;
  struct lull_rng rng;
  struct lull_entry *first, *last; /* the queue of events */
  lull_usec now;
  size_t flying; /* attempts that the world will give back by itself */
  bool trace, drained, interrupted;
};

/* ---- small helpers ----------------------------------------------------- */

static lull_usec tick(struct lull_engine *e)
{
  return e->now = e->world->ops->now(e->world);
}

static void tell(struct lull_engine *e, struct lull_entry *entry,
                 enum event_bit what)
{
  entry->events |= (unsigned)what;
  if (entry->events & TELLING)
    return;
  entry->events |= TELLING;
  entry->next = NULL;
  if (e->last)
    e->last->next = entry;
  else
    e->first = entry;
  e->last = entry;
}

static void untell(struct lull_engine *e, struct lull_entry *entry)
{
  struct lull_entry **at = &e->first, *before = NULL;
  if (!(entry->events & TELLING))
    return;
  while (*at != entry) {
    before = *at;
    at = &before->next;
  }
  *at = entry->next;
  if (e->last == entry)
    e->last = before;
  entry->events = 0;
}

static struct lull_call *as_call(struct lull_entry *entry)
{
  return entry && entry->kind == LULL_ENTRY_CALL
           ? (struct lull_call *)(void *)entry
           : NULL;
}

/* Gives an entry an id and a timer. */
static enum lull_err enroll(struct lull_engine *e, struct lull_entry *entry)
{
  if (lull_timerq_reserve(&e->timers) != LULL_OK)
    return LULL_ENOMEM;
  entry->id = lull_idtable_add(&e->ids, entry);
  if (entry->id)
    return LULL_OK;
  lull_timerq_release(&e->timers);
  return LULL_ENOMEM;
}

static void dismiss(struct lull_engine *e, struct lull_entry *entry)
{
  struct lull_call *call = as_call(entry);
  untell(e, entry);
  lull_timerq_cancel(&e->timers, &entry->timer);
  lull_timerq_release(&e->timers);
  lull_idtable_remove(&e->ids, entry->id);
  if (call)
    lull_call_free(call);
  else
    lull_mem_free(entry);
}

/* ---- the course of a call ---------------------------------------------- */

static void finish(struct lull_engine *e, struct lull_call *call,
                   struct lull_verdict end)
{
  call->state = LULL_DONE;
  call->end = end;
  lull_timerq_cancel(&e->timers, &call->entry.timer);
  if (call->ticket.lane) {
    lull_lane_leave(&call->ticket, e->now);
    lull_lanes_touch(&e->lanes, call->lane);
  }
  tell(e, &call->entry, TELL_DONE);
}

static void finish_early(struct lull_engine *e, struct lull_call *call,
                         enum lull_why why, enum lull_class fault)
{
  call->fault = fault;
  finish(e, call, (struct lull_verdict){.action = LULL_STOP, .why = why});
}

static enum lull_err join_lane(struct lull_engine *e, struct lull_call *call,
                               const char *name)
{
  struct lull_client *client = call->client;
  struct lull_lane_slot *slot = lull_lanes_get(&e->lanes, &e->timers, name);
  enum lull_err err = slot ? LULL_OK : LULL_ENOMEM;
  if (!err && slot->configured_by != client->serial) {
    err = lull_lane_configure(slot->lane, &client->lane);
    lull_lane_expect_sent(slot->lane, true);
    slot->configured_by = client->serial;
  }
  call->lane = slot;
  return err;
}

/* Puts the call into the queue of its URL's lane. */
static enum lull_err enqueue(struct lull_engine *e, struct lull_call *call,
                             bool retry)
{
  struct lull_url url;
  enum lull_err err = lull_url_parse(call->request.url, &url);
  if (err)
    return err;
  err = join_lane(e, call, call->lane_name ? call->lane_name : url.origin);
  if (!err) {
    lull_lane_enqueue(call->lane->lane, &call->ticket, call->request.method,
                      url.path, retry);
    lull_lanes_touch(&e->lanes, call->lane);
    call->state = LULL_QUEUED;
    lull_timerq_set(&e->timers, &call->entry.timer, call->deadline_at);
  }
  lull_url_clear(&url);
  return err;
}

/* Later tries go to the queue's front, unless the breaker is open. */
static void requeue(struct lull_engine *e, struct lull_call *call)
{
  enum lull_err err = enqueue(e, call, true);
  if (err)
    finish_early(e, call, LULL_WHY_RULE,
                 err == LULL_EINVAL ? LULL_LOCAL_URL : LULL_LOCAL_MEMORY);
}

static void leaving(struct lull_attempt *a, lull_usec at)
{
  struct lull_engine *e = a->engine;
  struct lull_call *call = a->owner;
  lull_lane_sent(&call->ticket, at);
  lull_lanes_touch(&e->lanes, call->lane); /* a window may have moved */
}

static void conclude(struct lull_engine *e, struct lull_call *call);

static enum lull_class fault_of(enum lull_err err)
{
  return err == LULL_EIO || err == LULL_ECHANGED ? LULL_LOCAL_FILE
                                                 : LULL_LOCAL_MEMORY;
}

static void arm_attempt(struct lull_engine *e, struct lull_call *call)
{
  lull_usec timeout = call->next_timeout
                        ? call->next_timeout
                        : lull_limits_timeout(call->limits, call->total);
  lull_usec at = lull_usec_add(e->now, timeout);
  if (at > call->deadline_at)
    at = call->deadline_at;
  lull_timerq_set(&e->timers, &call->entry.timer, at);
}

/* The lane lets the call go: one attempt, or one hop of it. */
static void launch(struct lull_engine *e, struct lull_call *call)
{
  struct lull_attempt *a = lull_call_attempt(call);
  enum lull_err err;
  if (!a) {
    finish_early(e, call, LULL_WHY_RULE, LULL_LOCAL_MEMORY);
    return;
  }
  if (!call->hop) {
    call->tries++;
    call->total++;
    call->hops = 0;
  }
  call->hop = false;
  call->state = LULL_FLYING;
  call->left_at = e->now;
  a->engine = e;
  a->leaving = leaving;
  err = e->world->ops->send(e->world, a);
  if (err) {
    a->class = fault_of(err);
    conclude(e, call);
    return;
  }
  e->flying++;
  arm_attempt(e, call);
}

static void dispatch(struct lull_engine *e)
{
  struct lull_lane_slot *slot;
  while ((slot = lull_lanes_take(&e->lanes)) != NULL) {
    lull_usec when = LULL_NEVER;
    struct lull_ticket *ticket;
    while ((ticket = lull_lane_next(slot->lane, e->now, &when)) != NULL)
      launch(e, ticket->owner);
    lull_timerq_set(&e->timers, &slot->entry.timer, when);
  }
}

/* ---- verdicts ---------------------------------------------------------- */

static void leave_lane(struct lull_engine *e, struct lull_call *call,
                       const struct lull_record *r)
{
  struct lull_quota quota = {0};
  if (r->class == LULL_CLASS_NONE)
    lull_hint_quota(&call->last.headers, e->world->ops->wall(e->world),
                    &quota);
  lull_lane_finish(&call->ticket, e->now,
                   lull_judge_result((enum lull_class)r->class, r->status),
                   &quota);
  lull_lanes_touch(&e->lanes, call->lane);
}

/* The lane's own limits on a retry: its budget and its breaker. */
static struct lull_verdict ask_lane(struct lull_engine *e,
                                    struct lull_call *call,
                                    struct lull_verdict v, bool free)
{
  lull_usec until = 0, next = lull_usec_add(e->now, v.wait);
  if (v.action != LULL_RETRY)
    return v;
  if (!lull_lane_closed(call->lane->lane, e->now, &until) && until > next) {
    call->retry_after = until - e->now;
    return (struct lull_verdict){LULL_STOP, LULL_WHY_BREAKER, 0, 0};
  }
  if (!free && !lull_lane_pay(call->lane->lane))
    return (struct lull_verdict){LULL_STOP, LULL_WHY_BUDGET, 0, 0};
  return v;
}

static struct lull_record *last_record(struct lull_call *call)
{
  return call->record_count ? &call->records[call->record_count - 1] : NULL;
}

static void report_verdict(struct lull_engine *e, struct lull_call *call,
                           struct lull_verdict v)
{
  struct lull_record *r = last_record(call);
  r->action = (uint8_t)v.action;
  r->why = (uint8_t)v.why;
  r->source = (uint8_t)(v.action == LULL_RETRY ? v.source : 0);
  r->wait = v.action == LULL_RETRY ? v.wait : 0;
  if (e->trace)
    tell(e, &call->entry, TELL_VERDICT);
}

static struct lull_verdict accept(struct lull_engine *e,
                                  struct lull_call *call)
{
  struct lull_verdict v = {.action = LULL_ACCEPT};
  if (call->request.output &&
      lull_sink_commit(&call->last.sink, call->request.output) != LULL_OK) {
    call->fault = LULL_LOCAL_FILE;
    return (struct lull_verdict){LULL_STOP, LULL_WHY_RULE, 0, 0};
  }
  if (call->last.status < 400)
    lull_lane_refund(call->lane->lane);
  (void)e;
  return v;
}

static void start_waiting(struct lull_engine *e, struct lull_call *call,
                          struct lull_verdict v)
{
  const struct lull_record *r = last_record(call);
  const struct lull_policy *p = &call->client->policy;
  call->next_timeout = r->rule == LULL_NO_RULE ? 0 : p->rules[r->rule].timeout;
  call->previous = v.wait;
  call->waited = lull_usec_add(call->waited, v.wait);
  call->state = LULL_WAITING;
  lull_call_shrink(call);
  lull_timerq_set(&e->timers, &call->entry.timer,
                  lull_usec_add(e->now, v.wait));
}

static void pause_lane(struct lull_engine *e, struct lull_call *call,
                       const struct lull_verdict *v)
{
  lull_usec pause = lull_judge_pause(call, v);
  if (pause > 0)
    lull_lane_pause(call->lane->lane, lull_usec_add(e->now, pause));
  lull_lanes_touch(&e->lanes, call->lane);
}

/* Applies all limits to what the policy or the script wishes, and acts. */
static void settle(struct lull_engine *e, struct lull_call *call,
                   struct lull_verdict wish, bool free)
{
  struct lull_facts facts = lull_judge_facts(call, e->now, e->drained);
  struct lull_verdict v = wish;
  struct lull_record *r = last_record(call);
  if (v.action == LULL_ACCEPT && facts.class != LULL_CLASS_NONE)
    v = (struct lull_verdict){LULL_STOP, LULL_WHY_RULE, 0, 0};
  v = lull_policy_limit(&call->client->policy, &facts, v, free);
  v = ask_lane(e, call, v, free);
  if (v.why == LULL_WHY_HINT)
    call->retry_after = call->hint.wait;
  pause_lane(e, call, &v);
  r->free = free;
  if (free && v.action == LULL_RETRY)
    call->tries--;
  if (v.action == LULL_ACCEPT)
    v = accept(e, call);
  report_verdict(e, call, v);
  if (v.action == LULL_RETRY)
    start_waiting(e, call, v);
  else
    finish(e, call, v);
}

static void follow(struct lull_engine *e, struct lull_call *call)
{
  const char *to = lull_headers_get(&call->last.headers, "location", 0);
  struct lull_record *r = last_record(call);
  enum lull_err err = LULL_EINVAL;
  if (call->hops < call->client->redirects)
    err = lull_redirect_apply(&call->request, r->status, to);
  if (err) {
    r->class = err == LULL_ENOMEM ? LULL_LOCAL_MEMORY : LULL_HTTP_REDIRECTS;
    settle(e, call, (struct lull_verdict){LULL_STOP, LULL_WHY_RULE, 0, 0},
           false);
    return;
  }
  call->hops++;
  call->hop = true;
  report_verdict(e, call, (struct lull_verdict){.action = LULL_FOLLOW});
  lull_call_shrink(call);
  requeue(e, call);
}

/* An attempt is over, one way or the other. */
static void conclude(struct lull_engine *e, struct lull_call *call)
{
  const struct lull_policy *p = &call->client->policy;
  struct lull_record *r = lull_judge_record(call, e->now);
  struct lull_facts facts;
  bool ask;
  lull_call_count_rule(call, r->rule);
  if (r->rule != LULL_NO_RULE && p->rules[r->rule].attempts)
    call->tries--; /* the rule counts it, and the call does not */
  leave_lane(e, call, r);
  lull_timerq_cancel(&e->timers, &call->entry.timer);
  if (lull_judge_follows(call)) {
    follow(e, call);
    return;
  }
  facts = lull_judge_facts(call, e->now, e->drained);
  call->suggestion = lull_policy_suggest(p, &facts, &e->rng);
  ask = r->rule != LULL_NO_RULE && p->rules[r->rule].ask;
  if (!ask && call->ask_always)
    ask = lull_policy_limit(p, &facts, call->suggestion, false).action ==
          LULL_RETRY;
  if (!ask) {
    settle(e, call, call->suggestion, false);
    return;
  }
  /* Before the script is asked: it may take its time, and the calls behind
     must not run into the same answer meanwhile. */
  pause_lane(e, call, &call->suggestion);
  r->asked = true;
  call->state = LULL_ASKED;
  tell(e, &call->entry, TELL_ASK);
}

/* Takes a flying attempt off the wire; its evidence stays. */
static void ground(struct lull_engine *e, struct lull_call *call)
{
  struct lull_attempt *a = call->attempt;
  bool handed_out = e->world->simulated && a->parked && a->transfer;
  e->world->ops->cancel(e->world, a);
  if (!handed_out)
    e->flying--;
}

static void time_out(struct lull_engine *e, struct lull_call *call)
{
  ground(e, call);
  call->attempt->class = call->attempt->connected ? LULL_NET_TIMEOUT_READ
                                                  : LULL_NET_TIMEOUT_CONNECT;
  conclude(e, call);
}

static void call_is_due(struct lull_engine *e, struct lull_call *call)
{
  if (call->state == LULL_FLYING)
    time_out(e, call);
  else if (call->state == LULL_WAITING)
    requeue(e, call);
  else if (call->state == LULL_QUEUED)
    finish_early(e, call, LULL_WHY_DEADLINE, LULL_CLASS_NONE);
}

static void fire(struct lull_engine *e, struct lull_timer *timer)
{
  struct lull_entry *entry = (struct lull_entry *)(void *)timer;
  if (entry->kind == LULL_ENTRY_CALL)
    call_is_due(e, as_call(entry));
  else if (entry->kind == LULL_ENTRY_SLEEP)
    tell(e, entry, TELL_TIMER);
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
  lull_rng_seed(&e->rng, world->ops->entropy(world));
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
    struct lull_call *call = as_call(entry);
    if (call && call->state == LULL_FLYING)
      ground(e, call);
    if (call && call->ticket.lane)
      lull_lane_leave(&call->ticket, e->now);
    dismiss(e, entry);
  }
  lull_lanes_clear(&e->lanes, &e->timers);
  lull_timerq_clear(&e->timers);
  lull_idtable_clear(&e->ids);
  e->world->ops->close(e->world);
  lull_mem_free(e);
}

void lull_engine_seed(struct lull_engine *e, uint64_t seed)
{
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

/* A call to a lane whose breaker is open fails at once. */
static void refuse_if_open(struct lull_engine *e, struct lull_call *call)
{
  lull_usec until;
  if (lull_lane_closed(call->lane->lane, e->now, &until))
    return;
  call->retry_after = until - e->now;
  finish_early(e, call, LULL_WHY_BREAKER, LULL_CLASS_NONE);
}

enum lull_err lull_engine_start(struct lull_engine *e,
                                struct lull_client *client,
                                struct lull_request *request,
                                const struct lull_call_options *options,
                                lull_id *id)
{
  struct lull_call *call;
  enum lull_err err = LULL_EINVAL;
  if (!lull_method_valid(request->method))
    return err;
  call = lull_call_new(client, request, options, tick(e));
  if (!call)
    return LULL_ENOMEM;
  err = enroll(e, &call->entry);
  if (!err) {
    err = enqueue(e, call, false);
    if (!err) {
      *id = call->entry.id;
      refuse_if_open(e, call);
      return LULL_OK;
    }
  }
  *request = call->request; /* back to the caller */
  lull_request_init(&call->request);
  if (call->entry.id)
    dismiss(e, &call->entry);
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
  err = enroll(e, entry);
  if (err) {
    lull_mem_free(entry);
    return err;
  }
  lull_timerq_set(&e->timers, &entry->timer, lull_usec_add(tick(e), delay));
  *id = entry->id;
  return LULL_OK;
}

/* What a retry is to be sent with. All or nothing, but for the body. */
static enum lull_err alter(struct lull_call *call,
                           const struct lull_judgement *j)
{
  struct lull_request *r = &call->request;
  enum lull_err err = LULL_OK;
  char *url = NULL;
  if (j->url)
    err = lull_url_resolve(r->url, j->url, &url);
  if (!err && j->headers)
    err = lull_request_override(&r->headers, j->headers, j->headers_len);
  if (!err && j->secrets)
    err = lull_request_override(&r->secrets, j->secrets, j->secrets_len);
  if (err) {
    lull_mem_free(url);
    return err;
  }
  if (url) {
    lull_mem_free(r->url);
    r->url = url;
  }
  if (j->body) {
    lull_body_clear(&r->body);
    r->body = *j->body;
    *j->body = (struct lull_body){0};
  }
  return LULL_OK;
}

enum lull_err lull_engine_judge(struct lull_engine *e, lull_id id,
                                const struct lull_judgement *j)
{
  struct lull_call *call = as_call(lull_idtable_get(&e->ids, id));
  struct lull_verdict wish;
  enum lull_err err;
  if (!call || call->state != LULL_ASKED)
    return LULL_ESTALE;
  err = alter(call, j);
  if (err)
    return err;
  tick(e);
  wish = call->suggestion;
  if (j->action != LULL_DEFAULT) {
    wish.action = j->action;
    wish.why = j->action == LULL_STOP ? LULL_WHY_RULE : LULL_WHY_NONE;
  }
  if (j->action == LULL_RETRY && j->wait >= 0) {
    wish.wait = j->wait;
    wish.source = LULL_SOURCE_RULE;
  }
  settle(e, call, wish, j->free);
  return LULL_OK;
}

static enum lull_err fill(struct lull_attempt *a,
                          const struct lull_reply *reply)
{
  struct lull_response *to = &a->response;
  enum lull_err err = lull_headers_add_raw(&to->headers, reply->headers,
                                           reply->headers_len);
  to->status = reply->status;
  if (err && err != LULL_ELIMIT)
    return err;
  if (err) {
    a->class = LULL_LIMIT_HEADERS;
    return LULL_OK;
  }
  if (a->request->output && reply->status >= 200 && reply->status < 300)
    err = lull_sink_open(&to->sink, a->request->output);
  if (!err)
    err = lull_sink_write(&to->sink, reply->body, reply->body_len);
  if (err == LULL_ELIMIT)
    a->class = LULL_LIMIT_BODY;
  else if (err)
    a->class = fault_of(err);
  return LULL_OK;
}

enum lull_err lull_engine_reply(struct lull_engine *e, lull_id id,
                                const struct lull_reply *reply)
{
  struct lull_call *call = as_call(lull_idtable_get(&e->ids, id));
  enum lull_err err = LULL_OK;
  if (!call || call->state != LULL_FLYING || !call->attempt->parked ||
      call->record_count + 1 != reply->nth)
    return LULL_ESTALE;
  tick(e);
  call->attempt->class = reply->class;
  call->attempt->sent = reply->sent;
  call->attempt->arrived = lull_engine_wall(e);
  if (reply->class == LULL_CLASS_NONE)
    err = fill(call->attempt, reply);
  if (!err)
    conclude(e, call);
  return err;
}

enum lull_err lull_engine_cancel(struct lull_engine *e, lull_id id)
{
  struct lull_entry *entry = lull_idtable_get(&e->ids, id);
  struct lull_call *call = as_call(entry);
  struct lull_verdict v = {LULL_STOP, LULL_WHY_CANCELLED, 0, 0};
  if (!entry)
    return LULL_ESTALE;
  if (!call) {
    dismiss(e, entry);
    return LULL_OK;
  }
  if (call->state == LULL_DONE)
    return LULL_OK;
  tick(e);
  if (call->state == LULL_FLYING) {
    ground(e, call);
    call->attempt->response.status = 0;
    lull_judge_record(call, e->now);
    report_verdict(e, call, v);
  }
  finish(e, call, v);
  return LULL_OK;
}

void lull_engine_drain(struct lull_engine *e)
{
  struct lull_entry *entry;
  size_t at = 0;
  e->drained = true;
  while ((entry = lull_idtable_next(&e->ids, &at)) != NULL) {
    struct lull_call *call = as_call(entry);
    if (call && (call->state == LULL_WAITING || call->state == LULL_QUEUED))
      lull_engine_cancel(e, entry->id);
  }
}

void lull_engine_trace(struct lull_engine *e, bool on)
{
  e->trace = on;
}

/* ---- the step ---------------------------------------------------------- */

static const struct tellable {
  enum event_bit bit;
  enum lull_event_kind kind;
} order[] = {{TELL_VERDICT, LULL_EV_VERDICT}, {TELL_SEND, LULL_EV_SEND},
             {TELL_ASK, LULL_EV_ASK},         {TELL_TIMER, LULL_EV_TIMER},
             {TELL_DONE, LULL_EV_DONE}};

static const struct tellable *tellable(const struct lull_entry *entry)
{
  const struct tellable *t = order;
  while (!(entry->events & (unsigned)t->bit))
    t++;
  return t;
}

/* Looks at the first event without taking it. */
static bool peek(struct lull_engine *e, struct lull_event *event)
{
  struct lull_call *call = as_call(e->first);
  *event = (struct lull_event){.kind = LULL_EV_NONE};
  if (e->interrupted || e->world->interrupts) {
    e->interrupted = true;
    event->kind = LULL_EV_INTR;
    return true;
  }
  if (!e->first)
    return false;
  event->kind = tellable(e->first)->kind;
  event->id = e->first->id;
  event->call = call;
  event->record = call ? last_record(call) : NULL;
  return true;
}

void lull_engine_consume(struct lull_engine *e)
{
  struct lull_entry *entry = e->first;
  const struct tellable *t;
  if (e->interrupted) {
    e->interrupted = false;
    e->world->interrupts--;
    return;
  }
  if (!entry)
    return;
  t = tellable(entry);
  entry->events &= ~(unsigned)t->bit;
  if (t->bit == TELL_DONE || t->bit == TELL_TIMER)
    dismiss(e, entry);
  else if (entry->events == TELLING)
    untell(e, entry);
}

/* Lets the world work until the first timer, or the caller's patience. */
static void work(struct lull_engine *e, lull_usec until)
{
  lull_usec first = lull_timerq_first(&e->timers);
  struct lull_attempt *a;
  a = e->world->ops->next(e->world, first < until ? first : until);
  tick(e);
  if (!a)
    return;
  e->flying--;
  if (!a->parked) {
    conclude(e, a->owner);
    return;
  }
  a->transfer = a; /* handed out: the driver has it now */
  tell(e, &((struct lull_call *)a->owner)->entry, TELL_SEND);
}

void lull_engine_step(struct lull_engine *e, lull_usec patience,
                      struct lull_event *event)
{
  lull_usec until = lull_usec_add(tick(e), patience);
  bool worked = false;
  while (!peek(e, event)) {
    struct lull_timer *timer = lull_timerq_fire(&e->timers);
    if (timer) {
      fire(e, timer);
      continue;
    }
    dispatch(e);
    if (e->first)
      continue;
    if (worked && e->now >= until) {
      event->kind = LULL_EV_IDLE;
      return;
    }
    if (!e->flying && lull_timerq_first(&e->timers) == LULL_NEVER &&
        patience == LULL_NEVER)
      return; /* LULL_EV_NONE */
    work(e, until);
    worked = true;
    lull_timerq_begin(&e->timers, e->now);
  }
}

const char *lull_engine_lane_of(const struct lull_call *call)
{
  return call->lane ? lull_lane_name(call->lane->lane) : "";
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
