#include "engine/call.h"
#include "engine/aside.h"
#include "request/redirect.h"

#include <limits.h>
#include <string.h>

/* How much of an answer's body a waiting call keeps for its error. */
#define KEPT_BODY ((size_t)16 << 10)

/* What a waiting call keeps of its last real answer, in one block. */
struct lull_kept {
  int status;
  size_t headers_len, body_len;
  char bytes[];
};

struct lull_call *lull_call_of(struct lull_entry *entry)
{
  return entry && entry->kind == LULL_ENTRY_CALL
             ? (struct lull_call *)(void *)entry
             : NULL;
}

static bool copy_options(struct lull_call *call,
                         const struct lull_call_options *o)
{
  call->keyed = o->keyed;
  call->unsafe = o->unsafe;
  call->ask_always = o->ask_always;
  call->prepares = o->prepares;
  call->renews = o->renews;
  if (o->limits) {
    struct lull_limits *own = lull_mem_alloc(sizeof *own);
    if (!own || !lull_aside_of(&call->aside)) {
      lull_mem_free(own);
      return false;
    }
    *own = *o->limits;
    call->aside->limits = own;
  }
  if (o->lane && lull_aside_of(&call->aside))
    call->aside->lane = lull_mem_copy(o->lane, strlen(o->lane));
  call->remembered = o->memo != NULL;
  if (o->memo && !lull_aside_remember(&call->aside, o->memo))
    return false;
  if (o->weights && !lull_aside_weigh(&call->aside, o->weights))
    return false;
  return !o->lane || lull_call_lane(call, NULL) != NULL;
}

static void init_leg(struct lull_leg *leg, struct lull_call *call)
{
  *leg = (struct lull_leg){.call = call};
  if (call->aside)
    leg->ticket.weights = call->aside->weights;
}

/* One byte more, and each call that waits takes 64: allocators have blocks of
   some sizes. */
_Static_assert(sizeof(struct lull_call) <= 384, "a waiting call has grown");

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
  if (!copy_options(call, options)) {
    lull_call_free(call);
    return NULL;
  }
  init_leg(&call->leg, call);
  call->request = *request;
  lull_request_init(request);
  call->started = now;
  call->previous = -1;
  call->retry_after = -1;
  call->timeout_rule = LULL_NO_RULE;
  return call;
}

static void free_flight(struct lull_flight *flight)
{
  if (!flight)
    return;
  lull_attempt_clear(&flight->attempt);
  lull_mem_free(flight);
}

void lull_call_drop_hedge(struct lull_call *call)
{
  if (!call->hedge)
    return;
  free_flight(call->hedge->flight);
  lull_mem_free(call->hedge);
  call->hedge = NULL;
}

void lull_call_drop_body(struct lull_call *call)
{
  struct lull_sink *sink =
      call->ended ? &call->ended->attempt.response.sink : NULL;
  if (!sink || !sink->output)
    return;
  lull_output_discard(sink->output);
  sink->output = NULL;
}

static void drop_aside(struct lull_call *call)
{
  struct lull_aside *aside = call->aside;
  if (!aside)
    return;
  lull_mem_free(aside->limits);
  lull_mem_free(aside->lane);
  lull_mem_free(aside->detail);
  lull_mem_free(aside->left_method);
  lull_mem_free(aside->left_url);
  lull_mem_free(aside->memo);
  lull_mem_free(aside->past);
  lull_mem_free(aside->weights);
  lull_mem_free(aside);
}

void lull_call_free(struct lull_call *call)
{
  lull_call_drop_hedge(call);
  free_flight(call->leg.flight);
  free_flight(call->ended);
  lull_mem_free(call->kept);
  drop_aside(call);
  lull_request_clear(&call->request);
  lull_mem_free(call->records);
  lull_mem_free(call->rule_hits);
  lull_client_drop(call->client);
  lull_mem_free(call);
}

/* Room for one record of each leg. */
static bool room_for_records(struct lull_call *call)
{
  unsigned need = call->record_count + (call->hedge ? 2 : 1);
  unsigned cap = call->record_cap * 2 > need ? call->record_cap * 2 : need;
  struct lull_record *records;
  if (need <= call->record_cap)
    return true;
  records = lull_mem_grow(call->records, cap * sizeof *records);
  if (!records)
    return false;
  call->records = records;
  call->record_cap = cap;
  return true;
}

/* Only a GET of the whole can be continued. */
static bool may_continue(const struct lull_call *call)
{
  const struct lull_request *r = &call->request;
  return r->output && strcmp(r->method, "GET") == 0 &&
         !lull_request_names(r, call->client, "range");
}

void lull_call_keep_part(struct lull_call *call)
{
  if (may_continue(call))
    lull_output_keep(call->request.output, call->request.url);
}

static void take_up_part(const struct lull_call *call, struct lull_attempt *a)
{
  struct lull_output *o = call->request.output;
  if (!may_continue(call))
    return;
  a->resume_from = lull_output_take_up(o);
  a->validator = lull_version_validator(&o->version);
}

enum lull_err lull_call_attempt(struct lull_call *call, struct lull_leg *leg)
{
  struct lull_flight *flight;
  if (!room_for_records(call))
    return LULL_ENOMEM;
  flight = lull_mem_zero(sizeof *flight);
  if (!flight)
    return LULL_ENOMEM;
  lull_attempt_init(&flight->attempt, &call->request, call->client);
  flight->attempt.owner = leg;
  flight->attempt.fresh = call->fresh;
  flight->attempt.old = call->old;
  flight->hedge_at = LULL_NEVER;
  leg->flight = flight;
  take_up_part(call, &flight->attempt);
  return LULL_OK;
}

void lull_call_forget(struct lull_call *call, struct lull_leg *leg)
{
  struct lull_flight *flight = leg->flight;
  leg->flight = NULL;
  if (flight->hop) {
    call->hop = true;
  } else {
    call->tries--;
    call->total--;
  }
  call->wire--;
  if (call->request.output)
    lull_output_pause(call->request.output);
  free_flight(flight);
}

enum lull_err lull_call_hedge(struct lull_call *call)
{
  call->hedge = lull_mem_alloc(sizeof *call->hedge);
  if (!call->hedge)
    return LULL_ENOMEM;
  init_leg(call->hedge, call);
  return LULL_OK;
}

/* What came of the file: a whole body stays at hand until it is accepted. */
static void rest_output(struct lull_call *call, struct lull_attempt *a)
{
  struct lull_sink *sink = &a->response.sink;
  struct lull_output *o = call->request.output;
  bool whole = !a->class && !a->cut && a->response.status;
  if (!o || (whole && sink->output))
    return;
  sink->output = NULL;
  lull_output_pause(o);
  if (a->class == LULL_LIMIT_BODY || a->class == LULL_HTTP_CHECKSUM)
    lull_output_discard(o);
}

static void take_detail(struct lull_call *call, const struct lull_attempt *a)
{
  size_t len = strlen(a->detail);
  struct lull_aside *aside = len ? lull_aside_of(&call->aside) : call->aside;
  if (!aside)
    return;
  lull_mem_free(aside->detail);
  aside->detail = len ? lull_mem_copy(a->detail, len) : NULL;
}

/* Puts the answer into one small block. Without memory it is forgotten: it
   would only have been told of. */
static void keep(struct lull_call *call, const struct lull_response *r)
{
  const struct lull_buf *body = &r->sink.memory;
  size_t body_len = body->len > KEPT_BODY ? KEPT_BODY : body->len, len;
  const char *headers = lull_headers_raw(&r->headers, &len);
  struct lull_kept *kept = lull_mem_alloc(sizeof *kept + len + body_len);
  lull_mem_free(call->kept);
  call->kept = kept;
  if (!kept)
    return;
  *kept = (struct lull_kept){r->status, len, body_len};
  memcpy(kept->bytes, headers, len);
  if (body_len)
    memcpy(kept->bytes + len, body->data, body_len);
}

/* Makes `flight` the last one; a real answer before it is not lost. */
static void set_ended(struct lull_call *call, struct lull_flight *flight)
{
  struct lull_flight *before = call->ended;
  bool real = flight && flight->attempt.response.status;
  if (real) {
    lull_mem_free(call->kept);
    call->kept = NULL;
  } else if (before && before->attempt.response.status) {
    keep(call, &before->attempt.response);
  }
  free_flight(before);
  call->ended = flight;
}

void lull_call_absorb(struct lull_call *call, struct lull_leg *leg)
{
  struct lull_flight *flight = leg->flight;
  struct lull_attempt *a = &flight->attempt;
  leg->flight = NULL;
  rest_output(call, a);
  if (a->class != LULL_CLASS_NONE) {
    take_detail(call, a);
    lull_response_clear(&a->response);
  } else if (!a->response.status && call->ended) {
    free_flight(flight);
    return;
  }
  set_ended(call, flight);
}

void lull_call_shrink(struct lull_call *call)
{
  set_ended(call, NULL);
}

void lull_call_last(const struct lull_call *call, struct lull_last *last)
{
  const struct lull_kept *kept = call->kept;
  *last = (struct lull_last){.headers = "", .body = ""};
  if (call->ended && call->ended->attempt.response.status) {
    const struct lull_response *r = &call->ended->attempt.response;
    last->status = r->status;
    last->headers = lull_headers_raw(&r->headers, &last->headers_len);
    last->body_len = r->sink.memory.len;
    if (last->body_len)
      last->body = r->sink.memory.data;
  } else if (kept) {
    *last = (struct lull_last){kept->status, kept->bytes,
                               kept->bytes + kept->headers_len,
                               kept->headers_len, kept->body_len};
  }
}

const struct lull_limits *lull_call_limits(const struct lull_call *call)
{
  return call->aside && call->aside->limits ? call->aside->limits
                                            : &call->client->policy.limits;
}

lull_usec lull_call_deadline(const struct lull_call *call)
{
  return lull_usec_add(call->started, lull_call_limits(call)->deadline);
}

const char *lull_call_lane(const struct lull_call *call, const char *origin)
{
  return call->aside && call->aside->lane ? call->aside->lane : origin;
}

const char *lull_call_detail(const struct lull_call *call)
{
  const struct lull_output *o = call->request.output;
  bool file =
      call->fault == LULL_LOCAL_FILE ||
      (call->record_count && lull_call_judged(call)->class == LULL_LOCAL_FILE);
  if (file && o && o->problem)
    return o->problem;
  return call->aside ? call->aside->detail : NULL;
}

bool lull_call_left(const struct lull_call *call, struct lull_left *left)
{
  const struct lull_aside *aside = call->aside;
  if (!aside || !aside->left_method || !aside->left_url)
    return false;
  *left =
      (struct lull_left){aside->left_at, aside->left_method, aside->left_url};
  return true;
}

lull_usec lull_call_timeout(const struct lull_call *call)
{
  unsigned rule = call->timeout_rule;
  return rule == LULL_NO_RULE ? 0 : call->client->policy.rules[rule].timeout;
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
    call->tries = (uint16_t)(call->tries - (call->tries > 0));
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

unsigned lull_call_most(const struct lull_call *call)
{
  const struct lull_policy *p = &call->client->policy;
  unsigned free_ones = (unsigned)(call->total - call->tries);
  unsigned limit = lull_call_limits(call)->attempts + free_ones;
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
  struct lull_aside *aside = lull_aside_of(&call->aside);
  if (!aside)
    return;
  lull_mem_free(aside->left_method);
  lull_mem_free(aside->left_url);
  aside->left_method = lull_mem_copy(r->method, strlen(r->method));
  aside->left_url = lull_mem_copy(r->url, strlen(r->url));
  aside->left_at = call->judged;
}

enum lull_err lull_call_go(struct lull_call *call, const char *url)
{
  lull_call_note_hop(call);
  return lull_redirect_to(&call->request, url, call->client->cross_origin);
}

void lull_call_stay(struct lull_call *call)
{
  struct lull_aside *aside = call->aside;
  if (!aside || !aside->left_url || aside->left_at != call->judged)
    return;
  lull_mem_free(call->request.url);
  call->request.url = aside->left_url;
  aside->left_url = NULL;
}
