/*
 * bind_event: an event of the engine as Lua values.
 *
 * A call's headers cross as one string (name NUL value NUL ...) and its
 * history as another (the records' bytes); both are taken apart only when a
 * script looks at them.
 */
#include "bind.h"
#include "reason.h"

#include <string.h>

static void set_string(lua_State *L, const char *name, const char *text)
{
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void set_bytes(lua_State *L, const char *name, const char *bytes,
                      size_t len)
{
  lua_pushlstring(L, bytes ? bytes : "", len);
  lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double value)
{
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool value)
{
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

/* The outcome of a record: status, or class and its text. */
static void set_outcome(lua_State *L, const struct lull_record *r)
{
  enum lull_class class = (enum lull_class)r->class;
  if (r->status && class == LULL_CLASS_NONE)
    set_integer(L, "status", r->status);
  if (class == LULL_CLASS_NONE)
    return;
  set_string(L, "class", lull_class_name(class));
  set_string(L, "text", lull_class_text(class));
}

static void set_record(lua_State *L, const struct lull_record *r)
{
  set_outcome(L, r);
  set_integer(L, "n", r->n);
  set_number(L, "at", lull_usec_to(r->at));
  set_number(L, "took", lull_usec_to(r->took));
  set_number(L, "wait", lull_usec_to(r->wait));
  set_string(L, "verdict", lull_action_name((enum lull_action)r->action));
  set_flag(L, "sent", r->sent);
  set_flag(L, "maybe_applied", r->maybe_applied);
  if (r->why)
    set_string(L, "why", lull_why_name((enum lull_why)r->why));
  if (r->source)
    set_string(L, "source", lull_source_name((enum lull_source)r->source));
  if (r->hint_source) {
    set_string(L, "hint",
               lull_hint_source_name((enum lull_hint_source)r->hint_source));
    set_number(L, "hint_seconds", lull_usec_to(r->hint));
  }
  if (r->rule != LULL_NO_RULE)
    set_integer(L, "rule", r->rule + 1);
  if (r->queued > 0) {
    set_number(L, "queued", lull_usec_to(r->queued));
    set_string(L, "cause",
               lull_lane_cause_name((enum lull_lane_cause)r->cause));
  }
  if (r->asked)
    set_flag(L, "asked", true);
  if (r->free)
    set_flag(L, "free", true);
  if (r->hedge)
    set_flag(L, "hedge", true);
  if (r->resumed)
    set_flag(L, "resumed", true);
  if (r->chaos)
    set_flag(L, "chaos", true);
}

int lull_bind_history(lua_State *L)
{
  size_t len;
  const char *packed = luaL_checklstring(L, 1, &len);
  size_t i, n = len / sizeof(struct lull_record);
  lua_createtable(L, (int)n, 0);
  for (i = 0; i < n; i++) {
    struct lull_record r;
    memcpy(&r, packed + i * sizeof r, sizeof r);
    lua_newtable(L);
    set_record(L, &r);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static void set_response(lua_State *L, const struct lull_call *c)
{
  const struct lull_response *r = &c->last;
  if (!r->status)
    return;
  set_integer(L, "last_status", r->status);
  set_bytes(L, "raw_headers", r->headers.raw.data, r->headers.raw.len);
  set_bytes(L, "body", r->sink.memory.data, r->sink.memory.len);
}

static void set_progress(lua_State *L, const struct lull_call *c,
                         lull_usec now)
{
  set_integer(L, "attempts", c->total);
  set_number(L, "elapsed", lull_usec_to(now - c->started));
  set_number(L, "waited", lull_usec_to(c->waited));
  set_bytes(L, "records", (const char *)c->records,
            c->record_count * sizeof *c->records);
}

static void set_request(lua_State *L, const struct lull_call *c)
{
  set_string(L, "method", c->request.method);
  set_string(L, "url", c->request.url);
}

static void set_hint(lua_State *L, const struct lull_hint *h)
{
  if (h->source == LULL_HINT_NONE)
    return;
  lua_newtable(L);
  set_number(L, "seconds", lull_usec_to(h->wait));
  set_string(L, "source", lull_hint_source_name(h->source));
  set_string(L, "raw", h->raw);
  if (h->unanchored)
    set_flag(L, "unanchored", true);
  lua_setfield(L, -2, "hint");
}

static void push_ask(lua_State *L, const struct lull_engine *e,
                     const struct lull_call *c, const struct lull_record *r,
                     lull_usec now)
{
  set_record(L, r);
  set_request(L, c);
  set_response(L, c);
  set_progress(L, c, now);
  set_hint(L, &c->hint);
  set_number(L, "wait", lull_usec_to(c->suggestion.wait));
  set_string(L, "suggestion", lull_action_name(c->suggestion.action));
  set_flag(L, "may_retry", lull_engine_may_retry(e, c));
  if (c->deadline_at != LULL_NEVER)
    set_number(L, "left", lull_usec_to(c->deadline_at - now));
}

static void push_verdict(lua_State *L, const struct lull_engine *e,
                         const struct lull_call *c,
                         const struct lull_record *r, lull_usec now)
{
  set_record(L, r);
  set_request(L, c);
  if (r->action == LULL_FOLLOW && c->left_method && c->left_url) {
    set_string(L, "method", c->left_method);
    set_string(L, "url", c->left_url);
  }
  set_integer(L, "limit", (lua_Integer)lull_call_limit(c));
  if (r->rule != LULL_NO_RULE)
    set_string(L, "rule_key", c->client->policy.rules[r->rule].key);
  set_number(L, "now", lull_usec_to(now));
  set_string(L, "lane", lull_engine_lane_of(c));
  if (lull_engine_records(e) && r->status)
    set_response(L, c);
}

static void push_done(lua_State *L, const struct lull_call *c,
                      const struct lull_record *r, lull_usec now)
{
  set_string(L, "lane", lull_engine_lane_of(c));
  set_flag(L, "accepted", c->end.action == LULL_ACCEPT);
  if (c->end.why)
    set_string(L, "why", lull_why_name(c->end.why));
  if (c->end.why)
    set_string(L, "why_text", lull_why_text(c->end.why));
  if (r)
    set_outcome(L, r);
  if (c->fault) {
    set_string(L, "class", lull_class_name(c->fault));
    set_string(L, "text", lull_class_text(c->fault));
  }
  if (c->detail)
    set_string(L, "detail", c->detail);
  if (c->retry_after >= 0)
    set_number(L, "retry_after", lull_usec_to(c->retry_after));
  set_request(L, c);
  set_response(L, c);
  set_progress(L, c, now);
}

/* What a simulated server is to see, client's headers included. */
static void push_send(lua_State *L, const struct lull_call *c,
                      const struct lull_leg *leg)
{
  const struct lull_headers *all = &leg->attempt->outgoing;
  set_request(L, c);
  set_integer(L, "nth", (lua_Integer)leg->nth);
  if (c->request.body.kind == LULL_BODY_BYTES)
    set_bytes(L, "body", c->request.body.bytes, (size_t)c->request.body.len);
  if (c->request.body.kind == LULL_BODY_FILE)
    set_string(L, "file", c->request.body.bytes);
  set_bytes(L, "headers", all->raw.data, all->raw.len);
}

/* A call that the lane's own limits ended says how the lane stands. */
static void push_lane_state(lua_State *L, const struct lull_engine *e,
                            const struct lull_call *c)
{
  struct lull_lane_state s;
  if (c->end.why != LULL_WHY_BUDGET && c->end.why != LULL_WHY_BREAKER)
    return;
  lull_engine_lane_state(e, c, &s);
  set_number(L, "budget", s.budget);
  set_number(L, "budget_capacity", s.budget_capacity);
  set_string(L, "breaker", s.breaker);
}

int lull_bind_event(lua_State *L, const struct lull_engine *e,
                    const struct lull_event *event, lull_usec now)
{
  static const char *const kinds[] = {
      [LULL_EV_NONE] = "none",       [LULL_EV_IDLE] = "idle",
      [LULL_EV_SEND] = "send",       [LULL_EV_ASK] = "ask",
      [LULL_EV_VERDICT] = "verdict", [LULL_EV_DONE] = "done",
      [LULL_EV_TIMER] = "timer",     [LULL_EV_INTR] = "interrupt"};
  lua_pushstring(L, kinds[event->kind]);
  lua_pushnumber(L, (lua_Number)event->id);
  if (!event->call)
    return 2;
  lua_createtable(L, 0, 16); /* what most events have: no growing */
  if (event->kind == LULL_EV_ASK)
    push_ask(L, e, event->call, event->record, now);
  else if (event->kind == LULL_EV_VERDICT)
    push_verdict(L, e, event->call, event->record, now);
  else if (event->kind == LULL_EV_SEND)
    push_send(L, event->call, event->leg);
  else {
    push_done(L, event->call, event->record, now);
    push_lane_state(L, e, event->call);
  }
  return 3;
}

/* The state of a lane as a table. */
void lull_bind_lane(lua_State *L, const struct lull_lane *lane, lull_usec now)
{
  struct lull_lane_state s;
  bool paused;
  lull_lane_inspect(lane, now, &s);
  paused = s.paused_until > now;
  lua_newtable(L);
  set_integer(L, "queued", (lua_Integer)s.queued);
  set_integer(L, "flying", (lua_Integer)s.flying);
  set_integer(L, "parallel", (lua_Integer)s.parallel);
  set_number(L, "paused", paused ? lull_usec_to(s.paused_until - now) : 0);
  set_number(L, "budget", s.budget);
  set_number(L, "budget_capacity", s.budget_capacity);
  set_string(L, "breaker", s.breaker);
  set_string(L, "waits_for", lull_lane_cause_name(lull_lane_cause(lane, now)));
  if (s.quota_remaining >= 0)
    set_number(L, "quota", (double)s.quota_remaining);
}
