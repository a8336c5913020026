#include "call.h"

#include <limits.h>
#include <string.h>

/* How much of an answer's body a waiting call keeps for its error. */
#define KEPT_BODY ((size_t)16 << 10)

static bool own_limits(const struct lull_call *call)
{
  return call->limits != &call->client->policy.limits;
}

static bool copy_options(struct lull_call *call,
                         const struct lull_call_options *o)
{
  call->keyed = o->keyed;
  call->unsafe = o->unsafe;
  call->ask_always = o->ask_always;
  if (o->limits) {
    struct lull_limits *own = lull_mem_alloc(sizeof *own);
    if (!own)
      return false;
    *own = *o->limits;
    call->limits = own;
  }
  if (o->lane) {
    call->lane_name = lull_mem_copy(o->lane, strlen(o->lane));
    return call->lane_name != NULL;
  }
  return true;
}

static void init_leg(struct lull_leg *leg, struct lull_call *call)
{
  *leg = (struct lull_leg){.call = call};
  leg->ticket.owner = leg;
}

struct lull_call *lull_call_new(struct lull_client *client,
                                struct lull_request *request,
                                const struct lull_call_options *options,
                                lull_usec now)
{
  struct lull_call *call = lull_mem_zero(sizeof *call);
  if (!call)
    return NULL;
  call->entry.kind = LULL_ENTRY_CALL;
  call->client = lull_client_keep(client);
  call->limits = &call->client->policy.limits;
  lull_request_init(&call->request);
  lull_response_init(&call->last, client);
  lull_sink_init(&call->part, 0, UINT64_MAX);
  init_leg(&call->leg, call);
  if (!copy_options(call, options)) {
    lull_call_free(call);
    return NULL;
  }
  call->request = *request;
  lull_request_init(request);
  call->started = now;
  call->deadline_at = lull_usec_add(now, call->limits->deadline);
  call->hedge_at = LULL_NEVER;
  call->previous = -1;
  call->retry_after = -1;
  return call;
}

static void drop_attempt(struct lull_leg *leg)
{
  lull_attempt_free(leg->attempt);
  leg->attempt = NULL;
}

void lull_call_drop_hedge(struct lull_call *call)
{
  if (!call->hedge)
    return;
  drop_attempt(call->hedge);
  lull_mem_free(call->hedge);
  call->hedge = NULL;
}

void lull_call_drop_part(struct lull_call *call)
{
  lull_sink_clear(&call->part);
  lull_mem_free(call->validator);
  call->validator = NULL;
}

void lull_call_free(struct lull_call *call)
{
  lull_call_drop_hedge(call);
  drop_attempt(&call->leg);
  lull_call_drop_part(call);
  lull_response_clear(&call->last);
  if (own_limits(call))
    lull_mem_free(call->limits);
  lull_request_clear(&call->request);
  lull_mem_free(call->lane_name);
  lull_mem_free(call->records);
  lull_mem_free(call->rule_hits);
  lull_mem_free(call->detail);
  lull_mem_free(call->left_method);
  lull_mem_free(call->left_url);
  lull_client_drop(call->client);
  lull_mem_free(call);
}

/* Room for one record of each leg. */
static bool room_for_records(struct lull_call *call)
{
  unsigned need = call->record_count + (call->hedge ? 2 : 1);
  unsigned cap = call->record_cap ? call->record_cap * 2 : need;
  struct lull_record *records;
  if (need <= call->record_cap)
    return true;
  if (cap < need)
    cap = need;
  records = lull_mem_grow(call->records, cap * sizeof *records);
  if (!records)
    return false;
  call->records = records;
  call->record_cap = cap;
  return true;
}

enum lull_err lull_call_attempt(struct lull_call *call, struct lull_leg *leg)
{
  struct lull_attempt *a;
  if (!room_for_records(call))
    return LULL_ENOMEM;
  a = lull_attempt_new(&call->request, call->client);
  if (!a)
    return LULL_ENOMEM;
  a->owner = leg;
  leg->attempt = a;
  if (call->part.temp) {
    a->resume_from = call->part.size;
    a->validator = call->validator;
    lull_sink_move_part(&a->response.sink, &call->part);
  }
  return LULL_OK;
}

enum lull_err lull_call_hedge(struct lull_call *call)
{
  call->hedge = lull_mem_alloc(sizeof *call->hedge);
  if (!call->hedge)
    return LULL_ENOMEM;
  init_leg(call->hedge, call);
  return LULL_OK;
}

static void take_response(struct lull_call *call, struct lull_attempt *a)
{
  lull_response_clear(&call->last);
  call->last = a->response;
  lull_response_init(&a->response, call->client);
}

/* Keeps what came of a cut answer, when it can be continued. An answer that
   brought none of the file (an error, a reset) leaves the part as it was. */
static void take_part(struct lull_call *call, struct lull_attempt *a)
{
  struct lull_sink *sink = &a->response.sink;
  const char *validator = lull_attempt_validator(a);
  char *copy = NULL;
  if (!sink->temp)
    return;
  if (!validator && a->validator && a->response.sink.size > a->resume_from &&
      lull_headers_get(&a->response.headers, "content-range", 0))
    validator = a->validator; /* a 206 need not repeat it */
  if (sink->fd < 0 && a->validator) {
    lull_sink_move_part(&call->part, sink);
    return;
  }
  if (validator && a->class != LULL_LIMIT_BODY)
    copy = lull_mem_copy(validator, strlen(validator));
  lull_mem_free(call->validator);
  call->validator = copy;
  if (copy)
    lull_sink_move_part(&call->part, sink);
}

static void take_detail(struct lull_call *call, const struct lull_attempt *a)
{
  lull_mem_free(call->detail);
  call->detail =
      *a->detail ? lull_mem_copy(a->detail, strlen(a->detail)) : NULL;
}

void lull_call_absorb(struct lull_call *call, struct lull_leg *leg)
{
  struct lull_attempt *a = leg->attempt;
  if (a->class != LULL_CLASS_NONE) {
    take_part(call, a);
    take_detail(call, a);
  } else if (a->response.status) {
    if (a->response.sink.fd < 0)
      take_part(call, a);
    take_response(call, a);
  }
  drop_attempt(leg);
}

void lull_call_shrink(struct lull_call *call)
{
  struct lull_sink *sink = &call->last.sink;
  if (sink->temp) {
    lull_sink_clear(sink);
    return;
  }
  if (sink->memory.len > KEPT_BODY)
    sink->memory.len = KEPT_BODY;
  lull_buf_trim(&sink->memory);
  lull_buf_trim(&call->last.headers.raw);
}

void lull_call_count_rule(struct lull_call *call, unsigned rule)
{
  unsigned count = call->client->policy.rule_count;
  if (rule == LULL_NO_RULE)
    return;
  if (!call->rule_hits)
    call->rule_hits = lull_mem_zero(count * sizeof *call->rule_hits);
  if (call->rule_hits)
    call->rule_hits[rule]++;
}

void lull_call_uncount(struct lull_call *call, unsigned rule)
{
  const struct lull_rule *rules = call->client->policy.rules;
  if (rule == LULL_NO_RULE || !rules[rule].attempts)
    call->tries -= call->tries > 0;
  else if (call->rule_hits)
    call->rule_hits[rule]--;
}

unsigned lull_call_rule_hits(const struct lull_call *call, unsigned rule)
{
  if (rule == LULL_NO_RULE)
    return 0;
  return call->rule_hits ? call->rule_hits[rule] : UINT_MAX;
}

struct lull_record *lull_call_judged(const struct lull_call *call)
{
  return call->record_count ? &call->records[call->judged] : NULL;
}

unsigned lull_call_limit(const struct lull_call *call)
{
  const struct lull_policy *p = &call->client->policy;
  unsigned limit = call->limits->attempts + (call->total - call->tries);
  if (call->record_count) {
    unsigned rule = lull_call_judged(call)->rule;
    if (rule != LULL_NO_RULE && p->rules[rule].attempts && call->rule_hits)
      limit = call->total - call->rule_hits[rule] + p->rules[rule].attempts;
  }
  return limit;
}

void lull_call_note_hop(struct lull_call *call)
{
  const struct lull_request *r = &call->request;
  lull_mem_free(call->left_method);
  lull_mem_free(call->left_url);
  call->left_method = lull_mem_copy(r->method, strlen(r->method));
  call->left_url = lull_mem_copy(r->url, strlen(r->url));
}
