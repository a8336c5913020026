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
  call->limits = &call->client->policy.limits;
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
  lull_request_init(&call->request);
  lull_headers_init(&call->last.headers, client->max_headers);
  lull_sink_init(&call->last.sink, client->max_body);
  if (!copy_options(call, options)) {
    lull_call_free(call);
    return NULL;
  }
  call->request = *request;
  lull_request_init(request);
  call->ticket.owner = call;
  call->started = now;
  call->deadline_at = lull_usec_add(now, call->limits->deadline);
  call->previous = -1;
  call->retry_after = -1;
  return call;
}

static void clear_response(struct lull_response *r)
{
  lull_headers_clear(&r->headers);
  lull_sink_clear(&r->sink);
  r->status = 0;
}

static void drop_attempt(struct lull_call *call)
{
  if (!call->attempt)
    return;
  clear_response(&call->attempt->response);
  lull_headers_clear(&call->attempt->outgoing);
  lull_mem_free(call->attempt);
  call->attempt = NULL;
}

void lull_call_free(struct lull_call *call)
{
  drop_attempt(call);
  clear_response(&call->last);
  if (own_limits(call))
    lull_mem_free(call->limits);
  lull_request_clear(&call->request);
  lull_mem_free(call->lane_name);
  lull_mem_free(call->records);
  lull_mem_free(call->rule_hits);
  lull_mem_free(call->detail);
  lull_client_drop(call->client);
  lull_mem_free(call);
}

static bool room_for_record(struct lull_call *call)
{
  unsigned cap = call->record_cap ? call->record_cap * 2 : 1;
  struct lull_record *records;
  if (call->record_count < call->record_cap)
    return true;
  records = lull_mem_grow(call->records, cap * sizeof *records);
  if (!records)
    return false;
  call->records = records;
  call->record_cap = cap;
  return true;
}

struct lull_attempt *lull_call_attempt(struct lull_call *call)
{
  struct lull_attempt *a;
  if (!room_for_record(call) || !(a = lull_mem_zero(sizeof *a)))
    return NULL;
  a->owner = call;
  a->request = &call->request;
  a->client = call->client;
  lull_headers_init(&a->outgoing, SIZE_MAX);
  lull_headers_init(&a->response.headers, call->client->max_headers);
  lull_sink_init(&a->response.sink, call->client->max_body);
  call->attempt = a;
  return a;
}

void lull_call_absorb(struct lull_call *call)
{
  struct lull_attempt *a = call->attempt;
  if (a && a->class == LULL_CLASS_NONE && a->response.status) {
    clear_response(&call->last);
    call->last = a->response;
    lull_headers_init(&a->response.headers, 0);
    lull_sink_init(&a->response.sink, 0);
  }
  if (a && a->class != LULL_CLASS_NONE) {
    lull_mem_free(call->detail);
    call->detail = *a->detail ? lull_mem_copy(a->detail, strlen(a->detail))
                              : NULL;
  }
  drop_attempt(call);
}

void lull_call_shrink(struct lull_call *call)
{
  struct lull_sink *sink = &call->last.sink;
  if (sink->temp)
    lull_sink_clear(sink);
  if (sink->memory.len > KEPT_BODY)
    sink->memory.len = KEPT_BODY;
  lull_buf_trim(&sink->memory);
  lull_buf_trim(&call->last.headers.raw);
}

unsigned lull_call_count_rule(struct lull_call *call, unsigned rule)
{
  unsigned count = call->client->policy.rule_count;
  if (rule == LULL_NO_RULE)
    return 0;
  if (!call->rule_hits)
    call->rule_hits = lull_mem_zero(count * sizeof *call->rule_hits);
  if (!call->rule_hits)
    return UINT_MAX;
  return ++call->rule_hits[rule];
}

unsigned lull_call_limit(const struct lull_call *call)
{
  const struct lull_policy *p = &call->client->policy;
  unsigned limit = call->limits->attempts + (call->total - call->tries);
  if (call->record_count) {
    unsigned rule = call->records[call->record_count - 1].rule;
    if (rule != LULL_NO_RULE && p->rules[rule].attempts && call->rule_hits)
      limit = call->total - call->rule_hits[rule] + p->rules[rule].attempts;
  }
  return limit;
}
