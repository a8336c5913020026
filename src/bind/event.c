#include "bind/event.h"
#include "bind/packed.h"
#include "bind/record.h"
#include "bind/write.h"
#include "http/files.h"
#include "policy/reason.h"

#define RESPONSE "lull.response"

static void set_packed(lua_State *L, const struct lull_call *c, lull_usec now)
{
  lull_bind_pack(L, c, now);
  lua_setfield(L, -2, "packed");
}

static void set_request(lua_State *L, const struct lull_call *c)
{
  lull_bind_set_string(L, "method", c->request.method);
  lull_bind_set_string(L, "url", c->request.url);
}

/* The last real answer, when it is not the one that is told of. */
static void set_last(lua_State *L, const struct lull_last *last)
{
  if (!last->status)
    return;
  lull_bind_set_integer(L, "last_status", last->status);
  lull_bind_set_bytes(L, "last_body", last->body, last->body_len);
}

/* The table becomes the attempt that a rule's function sees. */
static void push_ask(lua_State *L, const struct lull_engine *e,
                     const struct lull_call *c, const struct lull_record *r,
                     lull_usec now)
{
  enum lull_action suggested = c->ended->suggestion.action;
  struct lull_last last;
  lull_call_last(c, &last);
  lull_bind_outcome(L, r);
  if (r->status)
    lull_bind_set_bytes(L, "body", last.body, last.body_len);
  else
    set_last(L, &last);
  if (r->rule != LULL_NO_RULE)
    lull_bind_set_integer(L, "rule", r->rule + 1);
  lull_bind_set_string(L, "verdict", lull_action_name(suggested));
  if (c->ask_always)
    lull_bind_set_flag(L, "may_retry", lull_engine_may_retry(e, c));
  set_packed(L, c, now);
}

/* Sent to where the call went before: the record at which it left, and that
   of the leg which was cut then. */
static bool went_before(const struct lull_call *c, unsigned left_at,
                        const struct lull_record *r)
{
  const struct lull_record *left = &c->records[left_at];
  return r == left || (r > left && r->at < left->at + left->took);
}

static void push_verdict(lua_State *L, const struct lull_engine *e,
                         const struct lull_call *c,
                         const struct lull_record *r, lull_usec now)
{
  struct lull_left left;
  lull_bind_record(L, r);
  set_request(L, c);
  if (lull_call_left(c, &left) && went_before(c, left.at, r)) {
    lull_bind_set_string(L, "method", left.method);
    lull_bind_set_string(L, "url", left.url);
  }
  lull_bind_set_integer(L, "limit", (lua_Integer)lull_call_most(c));
  if (r->rule != LULL_NO_RULE)
    lull_bind_set_string(L, "rule_key", c->client->policy.rules[r->rule].key);
  lull_bind_set_number(L, "now", lull_usec_to(now));
  lull_bind_set_string(L, "lane", lull_engine_lane_of(c));
  if (lull_engine_records(e) && r->status) {
    struct lull_last last;
    lull_call_last(c, &last);
    lull_bind_set_bytes(L, "raw_headers", last.headers, last.headers_len);
    lull_bind_set_bytes(L, "body", last.body, last.body_len);
  }
}

static bool has_rule(const struct lull_call *c)
{
  unsigned i;
  for (i = 0; i < c->record_count; i++)
    if (c->records[i].rule != LULL_NO_RULE)
      return true;
  return false;
}

/* The table becomes the response: there are many, so it is small, and ready
   but for the names of rules. */
static void push_accepted(lua_State *L, const struct lull_call *c,
                          lull_usec now)
{
  struct lull_last last;
  lull_call_last(c, &last);
  lua_createtable(L, 0, 4);
  lull_bind_set_integer(L, "status", last.status);
  lull_bind_set_bytes(L, "body", last.body, last.body_len);
  if (c->request.output)
    lull_bind_set_integer(L, "written",
                          (lua_Integer)c->request.output->written);
  if (lull_call_judged(c)->cut)
    lull_bind_outcome(L, lull_call_judged(c));
  set_packed(L, c, now);
  if (has_rule(c)) {
    lull_bind_set_string(L, "accepted", "ruled");
    return;
  }
  lull_bind_set_flag(L, "accepted", true);
  luaL_getmetatable(L, RESPONSE);
  lua_setmetatable(L, -2);
}

int lull_bind_response(lua_State *L)
{
  luaL_newmetatable(L, RESPONSE);
  return 1;
}

static void push_failed(lua_State *L, const struct lull_call *c,
                        const struct lull_record *r, lull_usec now)
{
  struct lull_last last;
  lull_bind_set_string(L, "lane", lull_engine_lane_of(c));
  lull_bind_set_string(L, "why", lull_why_name(c->end_why));
  lull_bind_set_string(L, "why_text", lull_why_text(c->end_why));
  if (r)
    lull_bind_outcome(L, r);
  if (c->fault) {
    lull_bind_set_string(L, "class", lull_class_name(c->fault));
    lull_bind_set_string(L, "text", lull_class_text(c->fault));
  }
  if (lull_call_detail(c))
    lull_bind_set_string(L, "detail", lull_call_detail(c));
  if (c->retry_after >= 0)
    lull_bind_set_number(L, "retry_after", lull_usec_to(c->retry_after));
  lull_call_last(c, &last);
  set_last(L, &last);
  set_packed(L, c, now);
}

/* What a simulated server is to see, client's headers included. */
static void push_send(lua_State *L, const struct lull_call *c,
                      const struct lull_leg *leg)
{
  size_t len;
  const char *headers = lull_headers_raw(&leg->flight->attempt.outgoing, &len);
  const struct lull_body *body = c->request.body;
  set_request(L, c);
  lull_bind_set_integer(L, "nth", (lua_Integer)leg->flight->nth);
  if (body && body->file)
    lull_bind_set_string(L, "file", body->text);
  else if (body)
    lull_bind_set_bytes(L, "body", body->text, (size_t)body->len);
  lull_bind_set_bytes(L, "headers", headers, len);
}

/* The request that is to leave, as the function sees it. */
static void push_headers(lua_State *L, const struct lull_call *c)
{
  const struct lull_body *body = c->request.body;
  set_request(L, c);
  lull_bind_set_integer(L, "n", (lua_Integer)c->total + !c->hop);
  if (body && !body->file)
    lull_bind_set_bytes(L, "body", body->text, (size_t)body->len);
  lull_bind_set_flag(L, "at_home", lull_request_at_home(&c->request));
  lull_bind_set_flag(L, "foreign", c->request.foreign);
}

/* A call that the lane's own limits ended says how the lane stands. */
static void push_lane_state(lua_State *L, const struct lull_engine *e,
                            const struct lull_call *c)
{
  struct lull_lane_state s;
  if (c->held)
    lull_bind_set_string(L, "held_by", lull_ticket_cause_name(c->leg.cause));
  if (c->end_why != LULL_WHY_BUDGET && c->end_why != LULL_WHY_BREAKER)
    return;
  lull_engine_lane_state(e, c, &s);
  lull_bind_set_number(L, "budget", s.budget);
  lull_bind_set_number(L, "budget_capacity", s.budget_capacity);
  lull_bind_set_string(L, "breaker", s.breaker);
}

int lull_bind_event(lua_State *L, const struct lull_engine *e,
                    const struct lull_event *event, lull_usec now)
{
  static const char *const kinds[] = {
      [LULL_EV_NONE] = "none",       [LULL_EV_IDLE] = "idle",
      [LULL_EV_SEND] = "send",       [LULL_EV_ASK] = "ask",
      [LULL_EV_VERDICT] = "verdict", [LULL_EV_DONE] = "done",
      [LULL_EV_TIMER] = "timer",     [LULL_EV_INTR] = "interrupt",
      [LULL_EV_STORE] = "store",     [LULL_EV_HEADERS] = "headers",
      [LULL_EV_FILES] = "files",     [LULL_EV_SCRIPT] = "script"};
  lua_pushstring(L, kinds[event->kind]);
  lull_bind_push_id(L, event->id);
  if (event->kind == LULL_EV_STORE)
    return lua_pushstring(L, lull_engine_problem(e)), 3;
  if (event->kind == LULL_EV_FILES)
    return lua_pushnumber(L, (lua_Number)lull_files_limit()), 3;
  if (!event->call)
    return 2;
  if (event->kind == LULL_EV_DONE && event->call->end == LULL_ACCEPT) {
    push_accepted(L, event->call, now);
    return 3;
  }
  lua_createtable(L, 0, event->kind == LULL_EV_ASK ? 8 : 16);
  if (event->kind == LULL_EV_ASK)
    push_ask(L, e, event->call, event->record, now);
  else if (event->kind == LULL_EV_VERDICT)
    push_verdict(L, e, event->call, event->record, now);
  else if (event->kind == LULL_EV_HEADERS)
    push_headers(L, event->call);
  else if (event->kind == LULL_EV_SEND)
    push_send(L, event->call, event->leg);
  else {
    push_failed(L, event->call, event->record, now);
    push_lane_state(L, e, event->call);
  }
  return 3;
}

/* What it has found out: only what there is. */
static void push_learned(lua_State *L, const struct lull_learned *l)
{
  lua_newtable(L);
  if (l->rate > 0)
    lull_bind_set_number(L, "rate", l->rate);
  if (l->count) {
    lull_bind_set_integer(L, "count", (lua_Integer)l->count);
    lull_bind_set_number(L, "window", lull_usec_to(l->window));
  }
  if (l->parallel)
    lull_bind_set_integer(L, "parallel", (lua_Integer)l->parallel);
  if (l->noise > 0)
    lull_bind_set_number(L, "noise", l->noise);
  lua_setfield(L, -2, "learned");
}

/* The state of a lane as a table. */
/* weighed: {name, most, window, held} of each such window */
static void push_weighed(lua_State *L, const struct lull_lane *lane,
                         lull_usec now)
{
  struct lull_lane_weighed w;
  unsigned i = 0;
  int n = 0;
  while (lull_lane_weighed(lane, &i, now, &w)) {
    if (!n)
      lua_newtable(L);
    lua_newtable(L);
    lull_bind_set_string(L, "name", w.name);
    lull_bind_set_number(L, "most", (double)w.most);
    lull_bind_set_number(L, "window", lull_usec_to(w.length));
    lull_bind_set_number(L, "held", (double)w.held);
    lua_rawseti(L, -2, ++n);
  }
  if (n)
    lua_setfield(L, -2, "weighed");
}

void lull_bind_lane(lua_State *L, const struct lull_lane *lane, lull_usec now)
{
  struct lull_lane_state s;
  struct lull_lane_hold hold = lull_lane_held(lane, NULL, now);
  bool paused;
  lull_lane_inspect(lane, now, &s);
  paused = s.paused_until > now;
  lua_newtable(L);
  lull_bind_set_integer(L, "queued", (lua_Integer)s.queued);
  lull_bind_set_integer(L, "flying", (lua_Integer)s.flying);
  lull_bind_set_integer(L, "parallel", (lua_Integer)s.parallel);
  lull_bind_set_number(L, "paused",
                       paused ? lull_usec_to(s.paused_until - now) : 0);
  lull_bind_set_number(L, "held",
                       hold.cause ? lull_usec_to(hold.until - now) : 0);
  if (hold.cause)
    lull_bind_set_string(L, "held_by", lull_ticket_cause_name(hold.cause));
  lull_bind_set_number(L, "budget", s.budget);
  lull_bind_set_number(L, "budget_capacity", s.budget_capacity);
  lull_bind_set_string(L, "breaker", s.breaker);
  lull_bind_set_string(L, "waits_for",
                       lull_ticket_cause_name(lull_lane_cause(lane, now)));
  push_learned(L, &s.learned);
  push_weighed(L, lane, now);
  lull_bind_set_integer(L, "processes",
                        s.sharers ? (lua_Integer)s.sharers : 1);
  if (s.machines)
    lull_bind_set_string(L, "machines", s.machines);
  if (s.quota_remaining >= 0)
    lull_bind_set_number(L, "quota", (double)s.quota_remaining);
}
