#include "engine/judge.h"
#include "request/redirect.h"

#include <string.h>

/* The answer's, or that of a proxy that refused; 0: none. */
static int status_of(const struct lull_attempt *a)
{
  if (a->class == LULL_NET_PROXY)
    return a->proxy_status;
  return a->class ? 0 : a->response.status;
}

static void note_outcome(struct lull_record *r, const struct lull_attempt *a)
{
  r->class = (uint8_t)a->class;
  r->cut = (uint8_t)a->cut;
  r->unproved = a->unproved;
  r->status = (int16_t)status_of(a);
  r->sent = a->sent || a->answered;
  r->resumed = a->resume_from > 0;
}

static void note_leg(struct lull_record *r, const struct lull_leg *leg,
                     lull_usec now)
{
  const struct lull_flight *f = leg->flight;
  r->at = f->left_at - leg->call->started;
  r->took = now - f->left_at;
  r->queued = f->left_at - leg->queued_at;
  r->cause = (uint8_t)(r->queued > 0 ? leg->cause : LULL_CAUSE_NONE);
  r->n = (uint16_t)f->n;
  r->hedge = leg == leg->call->hedge;
  r->chaos = f->chaos;
}

/* An answer that nobody will wait after need not be searched. */
static void read_hint(struct lull_flight *f, unsigned rule)
{
  const struct lull_attempt *a = &f->attempt;
  int status = status_of(a);
  bool answered = a->class == LULL_CLASS_NONE || a->class == LULL_NET_PROXY;
  if (answered && (status >= 300 || rule != LULL_NO_RULE))
    lull_hint_read(&a->response.headers, status, a->arrived, &f->hint);
}

static void note_hint(struct lull_record *r, struct lull_flight *f)
{
  read_hint(f, r->rule);
  r->hint_source = (uint8_t)f->hint.source;
  r->hint = f->hint.source == LULL_HINT_NONE ? -1 : f->hint.wait;
}

/* Where the next attempt may not go: to a connection for other names, or to
   one of HTTP/2 on which nothing came any more. */
static void note_connection(struct lull_call *call,
                            const struct lull_attempt *a, int status)
{
  bool dead = a->shared && a->class == LULL_NET_TIMEOUT_READ;
  call->fresh = dead || status == 421;
  call->old = call->old || a->asks_old;
}

/* Asked once, over another connection, it is asked no more. */
static bool was_misdirected(const struct lull_call *call)
{
  unsigned i;
  for (i = 0; i < call->judged; i++)
    if (call->records[i].status == 421)
      return true;
  return false;
}

struct lull_record *lull_judge_record(struct lull_call *call,
                                      struct lull_leg *leg, lull_usec now)
{
  struct lull_attempt *a = &leg->flight->attempt;
  struct lull_record *r = &call->records[call->record_count];
  lull_attempt_settle(a);
  call->judged = call->record_count++;
  *r = (struct lull_record){0};
  note_outcome(r, a);
  note_leg(r, leg, now);
  r->rule =
      (uint16_t)lull_policy_find(&call->client->policy, a->class, r->status);
  note_hint(r, leg->flight);
  if (r->unproved || lull_policy_ambiguous(a->class, r->status, r->sent))
    call->maybe_applied = true;
  note_connection(call, a, r->status);
  r->maybe_applied = call->maybe_applied;
  lull_call_absorb(call, leg);
  return r;
}

static bool refused_there(const struct lull_record *r)
{
  return r->class == LULL_CLASS_NONE &&
         (r->status == 401 || r->status == 403 || r->status == 404 ||
          r->status == 410);
}

static bool out_of_reach(enum lull_class class)
{
  return class == LULL_NET_DNS || class == LULL_NET_REFUSED ||
         class == LULL_NET_UNREACHABLE || class == LULL_NET_PROXY ||
         class == LULL_NET_TIMEOUT_CONNECT || class == LULL_TLS_HANDSHAKE ||
         class == LULL_TLS_CERT;
}

bool lull_judge_gone(const struct lull_call *call)
{
  const struct lull_record *r = lull_call_judged(call);
  return call->request.home &&
         (refused_there(r) || out_of_reach((enum lull_class)r->class));
}

/* A target that was sent to without being asked for anew. */
static bool stale(const struct lull_call *call)
{
  return call->request.home && call->hops == 0 &&
         refused_there(lull_call_judged(call));
}

/* A rate that the script sets is waited for, unless it says how long it
   waits. */
static bool is_too_long(const struct lull_limits *limits,
                        const struct lull_lane_hold *hold, lull_usec now)
{
  return hold->until - now > limits->max_hint &&
         (hold->cause != LULL_CAUSE_RATE || limits->max_hint_given);
}

enum lull_why lull_judge_held(const struct lull_limits *limits,
                              lull_usec deadline_at,
                              const struct lull_lane_hold *hold, lull_usec now)
{
  if (hold->cause == LULL_CAUSE_NONE ||
      (hold->until < deadline_at && !is_too_long(limits, hold, now)))
    return LULL_WHY_NONE;
  return hold->own ? LULL_WHY_DEADLINE : LULL_WHY_HINT;
}

bool lull_judge_admits(struct lull_lane *lane, bool retry, lull_usec now,
                       lull_usec *until)
{
  return lull_lane_closed(lane, now, until) ||
         (retry && !lull_lane_open_until(lane, now));
}

bool lull_judge_limited(enum lull_why why)
{
  return why == LULL_WHY_ATTEMPTS || why == LULL_WHY_DEADLINE ||
         why == LULL_WHY_HINT || why == LULL_WHY_BUDGET ||
         why == LULL_WHY_BREAKER;
}

struct lull_facts lull_judge_facts(const struct lull_call *call, lull_usec now,
                                   bool drained)
{
  const struct lull_record *r = lull_call_judged(call);
  return (struct lull_facts){
      .limits = lull_call_limits(call),
      .class = (enum lull_class)r->class,
      .status = r->status,
      .repeatable =
          call->keyed || lull_method_idempotent(call->request.method),
      .unsafe = call->unsafe,
      .sent = r->sent,
      .unproved = r->unproved,
      .elsewhere = r->status == 421 && !was_misdirected(call),
      .drained = drained,
      .rule = r->rule,
      .tries = call->tries,
      .total = call->total,
      .rule_hits = lull_call_rule_hits(call, r->rule),
      .restart = r->resumed && !call->ended->attempt.complete &&
                 (r->status == 416 || r->class == LULL_HTTP_MALFORMED ||
                  r->class == LULL_HTTP_CHECKSUM),
      .complete = call->ended->attempt.complete,
      .stale = stale(call),
      .now = now,
      .deadline_at = lull_call_deadline(call),
      .previous = call->previous,
      .hint = &call->ended->hint,
  };
}

/* The 403 of a limiter: a refusal for good names no time. */
static bool banned(int status, const struct lull_hint *hint)
{
  return status == 403 && hint && hint->asked && hint->wait > 0;
}

enum lull_lane_result lull_judge_result(enum lull_class class, int status,
                                        const struct lull_hint *hint)
{
  if (class == LULL_NET_DNS || class == LULL_NET_REFUSED ||
      class == LULL_NET_UNREACHABLE)
    return LULL_RESULT_UNREACHED;
  if (class == LULL_NET_TIMEOUT_CONNECT)
    return LULL_RESULT_UNCONNECTED;
  if (class == LULL_NET_TIMEOUT_READ)
    return LULL_RESULT_TIMEOUT;
  if (class == LULL_LOCAL_FILE || class == LULL_LOCAL_MEMORY ||
      class == LULL_LOCAL_URL)
    return LULL_RESULT_DROP;
  if (class != LULL_CLASS_NONE)
    return lull_class_permanent(class) && class != LULL_TLS_CERT
               ? LULL_RESULT_PASS
               : LULL_RESULT_FAIL;
  if (status == 429 || status == 503 || banned(status, hint))
    return LULL_RESULT_THROTTLE;
  return status >= 500 ? LULL_RESULT_FAIL : LULL_RESULT_PASS;
}

bool lull_judge_follows(const struct lull_call *call)
{
  const struct lull_record *r = lull_call_judged(call);
  return call->client->redirects > 0 && r->class == LULL_CLASS_NONE &&
         lull_redirect_status(r->status) &&
         lull_headers_get(&call->ended->attempt.response.headers, "location",
                          0) &&
         !lull_policy_names(&call->client->policy, r->status);
}

bool lull_judge_unexpected(const struct lull_call *call)
{
  const struct lull_record *r = lull_call_judged(call);
  return r->class == LULL_CLASS_NONE && r->status == 417 &&
         !lull_policy_names(&call->client->policy, 417) &&
         lull_request_value(&call->request, call->client, "expect");
}

/* Of the outcome's rule: 1 yes, 0 no, -1 the lane sees to it. */
static int rule_pause(const struct lull_call *call, unsigned rule)
{
  return rule == LULL_NO_RULE ? -1 : call->client->policy.rules[rule].pause;
}

static lull_usec told(const struct lull_hint *hint)
{
  return hint->source != LULL_HINT_NONE && hint->wait > 0 ? hint->wait : 0;
}

/* A wait that is too long to be obeyed is no reason to stop the others: each
   of them may be told something else. */
static bool is_obeyed(const struct lull_call *call,
                      const struct lull_hint *hint)
{
  return told(hint) <= lull_call_limits(call)->max_hint;
}

/* A lane that the script named may have several servers. */
static enum lull_lane_result in_named_lane(enum lull_lane_result result)
{
  if (result == LULL_RESULT_UNREACHED)
    return LULL_RESULT_FAIL;
  return result == LULL_RESULT_UNCONNECTED ? LULL_RESULT_TIMEOUT : result;
}

static struct lull_lane_end end_of(const struct lull_call *call, unsigned rule,
                                   enum lull_class class, int status,
                                   const struct lull_hint *hint)
{
  struct lull_lane_end end = {.result =
                                  lull_judge_result(class, status, hint)};
  end.base = call->client->policy.backoff.base;
  if (lull_call_lane(call, NULL))
    end.result = in_named_lane(end.result);
  if (end.result != LULL_RESULT_THROTTLE)
    return end;
  if (rule_pause(call, rule) == 0 || !is_obeyed(call, hint))
    end.result = LULL_RESULT_FAIL;
  end.hint = told(hint);
  end.told = status != 503;
  return end;
}

struct lull_lane_end lull_judge_end(const struct lull_call *call,
                                    const struct lull_quota *quota)
{
  const struct lull_record *r = lull_call_judged(call);
  struct lull_lane_end end = end_of(call, r->rule, (enum lull_class)r->class,
                                    r->status, &call->ended->hint);
  end.quota = quota;
  end.told = end.told || (quota && quota->known && quota->remaining <= 0);
  return end;
}

struct lull_lane_end lull_judge_head(const struct lull_call *call,
                                     struct lull_flight *f)
{
  int status = f->attempt.response.status;
  unsigned rule =
      lull_policy_find(&call->client->policy, LULL_CLASS_NONE, status);
  if (status >= 400)
    read_hint(f, rule);
  return end_of(call, rule, LULL_CLASS_NONE, status, &f->hint);
}

lull_usec lull_judge_pause(const struct lull_call *call,
                           const struct lull_verdict *v)
{
  const struct lull_hint *hint = &call->ended->hint;
  if (rule_pause(call, lull_call_judged(call)->rule) <= 0)
    return 0;
  if (told(hint) > 0)
    return is_obeyed(call, hint) ? told(hint) : 0;
  return v->action == LULL_RETRY ? v->wait : 0;
}
