#include "bind/client.h"
#include "bind/read.h"
#include "http/url.h"

#include <string.h>

static const char TYPE[] = "lull.client";

static const char *const kinds[] = {"constant", "linear", "exponential", NULL};
static const char *const jitters[] = {
    "none", "full", "equal", "decorrelated", "added", "factor", NULL};
const char *const lull_bind_actions[] = {"default", "accept", "retry", "stop",
                                         NULL};
static const char *const versions[] = {"any", "1.1", "2", NULL};

static void read_backoff(lua_State *L, int index, struct lull_backoff *b)
{
  b->kind = (enum lull_backoff_kind)lull_bind_choice(L, index, "kind", kinds,
                                                     (int)b->kind);
  b->jitter = (enum lull_jitter)lull_bind_choice(L, index, "jitter", jitters,
                                                 (int)b->jitter);
  b->factor = lull_bind_number(L, index, "factor", b->factor);
  b->base = lull_bind_time(L, index, "base", b->base);
  b->cap = lull_bind_time(L, index, "cap", b->cap);
  b->lo = lull_bind_time(L, index, "lo", b->lo);
  b->hi = lull_bind_time(L, index, "hi", b->hi);
}

static void read_rule(lua_State *L, int index, struct lull_rule *rule)
{
  *rule = (struct lull_rule){.pause = -1};
  rule->action = (enum lull_action)lull_bind_choice(
      L, index, "action", lull_bind_actions, LULL_DEFAULT);
  rule->ask = lull_bind_flag(L, index, "ask");
  rule->unsafe = lull_bind_flag(L, index, "unsafe");
  rule->attempts = (unsigned)lull_bind_number(L, index, "attempts", 0);
  rule->timeout = lull_bind_time(L, index, "timeout", 0);
  lua_getfield(L, index, "pause");
  if (!lua_isnil(L, -1))
    rule->pause = (signed char)lua_toboolean(L, -1);
  lua_pop(L, 1);
  lua_getfield(L, index, "backoff");
  rule->has_backoff = lua_istable(L, -1);
  if (rule->has_backoff) {
    lull_backoff_init(&rule->backoff);
    read_backoff(L, lua_gettop(L), &rule->backoff);
  }
  lua_pop(L, 1);
}

/* options.rules: a list of tables, each with its key. */
static void read_rules(lua_State *L, int index, struct lull_policy *p)
{
  int i, n;
  lua_getfield(L, index, "rules");
  n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (i = 1; i <= n; i++) {
    struct lull_rule rule;
    enum lull_err err;
    const char *key;
    lua_rawgeti(L, -1, i);
    read_rule(L, lua_gettop(L), &rule);
    key = lull_bind_string(L, lua_gettop(L), "key", NULL);
    err = lull_policy_rule(p, key ? key : "", &rule);
    if (err == LULL_EINVAL)
      luaL_error(L, "no outcome is called '%s'", key);
    if (err)
      lull_bind_raise(L, err);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void read_policy(lua_State *L, int index, struct lull_policy *p)
{
  lull_bind_limits(L, index, &p->limits);
  p->unsafe = lull_bind_flag(L, index, "unsafe");
  lua_getfield(L, index, "backoff");
  if (lua_istable(L, -1))
    read_backoff(L, lua_gettop(L), &p->backoff);
  lua_pop(L, 1);
  read_rules(L, index, p);
}

/* A copy of a string field; NULL when absent. */
static char *copy_string(lua_State *L, int index, const char *name)
{
  const char *text = lull_bind_string(L, index, name, NULL);
  char *copy = text ? lull_mem_copy(text, strlen(text)) : NULL;
  if (text && !copy)
    lull_bind_raise(L, LULL_ENOMEM);
  return copy;
}

static void read_transport(lua_State *L, int index, struct lull_transport *t)
{
  t->ca = copy_string(L, index, "ca");
  t->proxy = copy_string(L, index, "proxy");
  t->cert = copy_string(L, index, "cert");
  t->cert_key = copy_string(L, index, "cert_key");
  t->insecure = lull_bind_flag(L, index, "insecure");
  t->encoded = lull_bind_flag(L, index, "encoded");
  t->http =
      (enum lull_http_version)lull_bind_choice(L, index, "http", versions, 0);
}

/* A call counts them in 16 bits. */
static unsigned read_redirects(lua_State *L, int index, unsigned fallback)
{
  double most = lull_bind_number(L, index, "redirects", fallback);
  return most < UINT16_MAX ? (unsigned)most : UINT16_MAX;
}

static void read_headers(lua_State *L, int index, const char *name,
                         struct lull_headers *headers)
{
  size_t len;
  const char *raw = lull_bind_string(L, index, name, &len);
  enum lull_err err = LULL_OK;
  if (raw)
    err = lull_headers_add_raw(headers, LULL_REQUEST_HEADERS_MAX, raw, len);
  if (err)
    lull_bind_raise(L, err);
}

/* options.rates: a list of {count, window, name, method, path}. */
static void read_rates(lua_State *L, int index, struct lull_lane_conf *lane)
{
  int i, n;
  lua_getfield(L, index, "rates");
  n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (i = 1; i <= n; i++) {
    struct lull_rate rate;
    int at;
    lua_rawgeti(L, -1, i);
    at = lua_gettop(L);
    rate.count = (unsigned)lull_bind_number(L, at, "count", 0);
    rate.window = lull_bind_time(L, at, "window", 0);
    rate.burst = (unsigned)lull_bind_number(L, at, "burst", 0);
    if (lane->rate_count + lane->route_count >= LULL_LANE_RATES)
      luaL_error(L, "a lane has at most %d rates", LULL_LANE_RATES);
    if (lull_bind_string(L, at, "path", NULL) ||
        lull_bind_string(L, at, "name", NULL)) {
      struct lull_route *route = &lane->routes[lane->route_count++];
      route->rate = rate;
      route->name = copy_string(L, at, "name");
      route->method = copy_string(L, at, "method");
      route->path = copy_string(L, at, "path");
    } else {
      lane->rates[lane->rate_count++] = rate;
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static unsigned thousandths(lua_State *L, int index, const char *name,
                            unsigned fallback)
{
  return (unsigned)(lull_bind_number(L, index, name, fallback / 1000.0) *
                        1000 +
                    0.5);
}

static void read_budget(lua_State *L, int index, struct lull_budget_conf *b)
{
  lua_getfield(L, index, "budget");
  if (lua_isboolean(L, -1)) {
    b->on = lua_toboolean(L, -1);
  } else if (lua_istable(L, -1)) {
    int at = lua_gettop(L);
    b->on = true;
    b->capacity = thousandths(L, at, "capacity", b->capacity);
    b->cost = thousandths(L, at, "cost", b->cost);
    b->refund = thousandths(L, at, "refund", b->refund);
    b->payback = lull_bind_flag(L, at, "payback");
  }
  lua_pop(L, 1);
}

static void read_breaker(lua_State *L, int index, struct lull_breaker_conf *b)
{
  lua_getfield(L, index, "breaker");
  if (lua_istable(L, -1)) {
    int at = lua_gettop(L);
    b->on = true;
    b->failures = lull_bind_number(L, at, "failures", 0.5);
    b->window = lull_bind_time(L, at, "window", 30 * LULL_SEC);
    b->least = (unsigned)lull_bind_number(L, at, "least", 20);
    b->open = lull_bind_time(L, at, "open", 15 * LULL_SEC);
  }
  lua_pop(L, 1);
}

/* Leaves what is not given. */
static void read_flag(lua_State *L, int index, const char *name, bool *flag)
{
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1))
    *flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
}

static void read_lane(lua_State *L, int index, struct lull_lane_conf *lane)
{
  lane->parallel = (unsigned)lull_bind_number(L, index, "parallel", 0);
  read_flag(L, index, "learn", &lane->adaptive);
  read_flag(L, index, "slow_start", &lane->slow_start);
  read_flag(L, index, "pace", &lane->pace);
  read_rates(L, index, lane);
  read_budget(L, index, &lane->budget);
  read_breaker(L, index, &lane->breaker);
}

static struct lull_client **new_box(lua_State *L)
{
  struct lull_client **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  return box;
}

/* The base, and whose the client's credentials are. */
static void read_home(lua_State *L, int index, struct lull_client *c)
{
  struct lull_url url;
  enum lull_err err;
  c->base = copy_string(L, index, "base");
  c->cross_origin = lull_bind_flag(L, index, "cross_origin");
  c->cert_of_call = lull_bind_flag(L, index, "cert_of_call");
  if (!c->base)
    return;
  err = lull_url_parse(c->base, &url);
  if (err == LULL_ENOMEM)
    lull_bind_raise(L, err);
  c->home = url.origin; /* none of a base that is no URL */
  url.origin = NULL;
  lull_url_clear(&url);
}

int lull_bind_client(lua_State *L)
{
  struct lull_client **box, *c;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  box = new_box(L);
  c = *box = lull_client_new();
  if (!c)
    return lull_bind_raise(L, LULL_ENOMEM);
  read_home(L, 1, c);
  read_policy(L, 1, &c->policy);
  read_transport(L, 1, &c->transport);
  read_headers(L, 1, "headers", &c->headers);
  read_headers(L, 1, "secrets", &c->secrets);
  read_lane(L, 1, &c->lane);
  c->shared = lull_bind_flag(L, 1, "shared");
  c->apart = lull_bind_flag(L, 1, "apart");
  c->redirects = read_redirects(L, 1, c->redirects);
  c->hedge = lull_bind_time(L, 1, "hedge", 0);
  c->max_body_given = lull_bind_flag(L, 1, "max_body");
  c->max_body =
      (size_t)lull_bind_number(L, 1, "max_body", (double)c->max_body);
  c->max_headers =
      (size_t)lull_bind_number(L, 1, "max_headers", (double)c->max_headers);
  return 1;
}

struct lull_client *lull_bind_check_client(lua_State *L, int index)
{
  struct lull_client **box = lull_bind_udata(L, index, TYPE);
  return *box;
}

static int collect(lua_State *L)
{
  struct lull_client **box = lull_bind_udata(L, 1, TYPE);
  lull_client_drop(*box);
  *box = NULL;
  return 0;
}

/* client:wait(n [, rule]) -> least, mean and most seconds before retry n,
   after the client's backoff, or that of its rule with that number. */
static int wait_bounds(lua_State *L)
{
  const struct lull_policy *p = &lull_bind_check_client(L, 1)->policy;
  unsigned retry = (unsigned)luaL_checknumber(L, 2);
  unsigned rule = (unsigned)luaL_optnumber(L, 3, 0);
  const struct lull_backoff *b = &p->backoff;
  struct lull_backoff_span s;
  if (rule > 0 && rule <= p->rule_count && p->rules[rule - 1].has_backoff)
    b = &p->rules[rule - 1].backoff;
  s = lull_backoff_bounds(b, retry);
  lua_pushnumber(L, lull_usec_to(s.least));
  lua_pushnumber(L, lull_usec_to(s.mean));
  lua_pushnumber(L, lull_usec_to(s.most));
  return 3;
}

static void set_number(lua_State *L, const char *name, double value)
{
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

/* client:decide(method, outcome, keyed, sent) -> verdict, why: what the
   policy makes of a first attempt's outcome, a status or a class. */
static int decide(lua_State *L)
{
  const struct lull_policy *p = &lull_bind_check_client(L, 1)->policy;
  struct lull_facts f = {.limits = &p->limits, .deadline_at = LULL_NEVER};
  struct lull_rng rng;
  struct lull_verdict v;
  if (lua_type(L, 3) == LUA_TNUMBER)
    f.status = (int)lua_tonumber(L, 3);
  else
    f.class = lull_class_find(luaL_checkstring(L, 3));
  luaL_argcheck(L, f.class != LULL_CLASSES, 3, "no such outcome");
  f.repeatable =
      lull_method_idempotent(luaL_checkstring(L, 2)) || lua_toboolean(L, 4);
  f.sent = lua_toboolean(L, 5);
  f.rule = lull_policy_find(p, f.class, f.status);
  f.tries = f.total = f.rule_hits = 1;
  lull_rng_seed(&rng, 0);
  v = lull_policy_suggest(p, &f, &rng);
  lua_pushstring(L, lull_action_name(v.action));
  lua_pushstring(L, lull_why_name(v.why));
  return 2;
}

static void set_time(lua_State *L, const char *name, lull_usec t)
{
  set_number(L, name, lull_usec_to(t));
}

static void set_word(lua_State *L, const char *name, const char *word)
{
  lua_pushstring(L, word);
  lua_setfield(L, -2, name);
}

/* client:backoff([rule]) -> kind, jitter, base, factor, cap, lo, hi */
static int backoff_of(lua_State *L)
{
  const struct lull_policy *p = &lull_bind_check_client(L, 1)->policy;
  unsigned rule = (unsigned)luaL_optnumber(L, 2, 0);
  const struct lull_backoff *b = &p->backoff;
  if (rule > 0 && rule <= p->rule_count && p->rules[rule - 1].has_backoff)
    b = &p->rules[rule - 1].backoff;
  lua_newtable(L);
  set_word(L, "kind", kinds[b->kind]);
  set_word(L, "jitter", jitters[b->jitter]);
  set_time(L, "base", b->base);
  set_number(L, "factor", b->factor);
  set_time(L, "cap", b->cap);
  set_time(L, "lo", b->lo);
  set_time(L, "hi", b->hi);
  return 1;
}

static void set_budget(lua_State *L, const struct lull_budget_conf *b)
{
  lua_pushboolean(L, b->on);
  lua_setfield(L, -2, "budget");
  set_number(L, "budget_capacity", b->capacity / 1000.0);
  set_number(L, "budget_cost", b->cost / 1000.0);
  set_number(L, "budget_refund", b->refund / 1000.0);
  lua_pushboolean(L, b->payback);
  lua_setfield(L, -2, "payback");
}

static void set_breaker(lua_State *L, const struct lull_breaker_conf *b)
{
  if (!b->on)
    return;
  lua_newtable(L);
  set_number(L, "failures", b->failures);
  set_time(L, "window", b->window);
  set_number(L, "least", b->least);
  set_time(L, "open", b->open);
  lua_setfield(L, -2, "breaker");
}

/* client:limits([file]) -> all limits, `timeout` as a list: of a call whose
   body comes from or goes to a file, or of another one. */
static int limits(lua_State *L)
{
  const struct lull_client *c = lull_bind_check_client(L, 1);
  const struct lull_limits *l = &c->policy.limits;
  bool file = lua_toboolean(L, 2);
  unsigned i;
  lua_newtable(L);
  set_number(L, "attempts", l->attempts);
  set_time(L, "deadline", l->deadline);
  set_time(L, "max_hint", l->max_hint);
  set_time(L, "stall", lull_limits_bounds(l, 1, file).still);
  set_budget(L, &c->lane.budget);
  set_breaker(L, &c->lane.breaker);
  lua_pushboolean(L, c->lane.pace);
  lua_setfield(L, -2, "pace");
  set_time(L, "hedge", c->hedge);
  set_number(L, "redirects", c->redirects);
  set_number(L, "max_body", (double)c->max_body);
  set_number(L, "max_headers", (double)c->max_headers);
  lua_newtable(L);
  for (i = 0; i < l->timeout_count; i++) {
    lua_pushnumber(L, lull_usec_to(lull_limits_bounds(l, i + 1, file).whole));
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "timeout");
  return 1;
}

void lull_bind_client_type(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"wait", wait_bounds}, {"backoff", backoff_of}, {"decide", decide},
      {"limits", limits},    {"__gc", collect},       {NULL, NULL}};
  lull_bind_type(L, TYPE, methods);
}
