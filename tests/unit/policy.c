/* Policies and verdicts for Lua: rules, facts and verdicts are tables, times
   are seconds. */
#include "unit.h"

#include "policy/policy.h"

#define TYPE "lull.unit.policy"

static const char *const actions[] = {"default", "accept", "retry",
                                      "stop",    "follow", NULL};
static const char *const sources[] = {"", "backoff", "rule", "hint", NULL};

static struct lull_policy *check(lua_State *L)
{
  return luaL_checkudata(L, 1, TYPE);
}

static int choice(lua_State *L, int index, const char *name,
                  const char *const *names)
{
  int n;
  lua_getfield(L, index, name);
  n = unit_choice(L, lua_gettop(L), names, 0);
  lua_pop(L, 1);
  return n;
}

static lull_usec seconds(lua_State *L, int index, const char *name,
                         lull_usec fallback)
{
  double s = unit_number(L, index, name, -1);
  return s < 0 ? fallback : lull_usec_from(s);
}

static bool backoff(lua_State *L, int index, struct lull_backoff *b)
{
  bool there;
  lua_getfield(L, index, "backoff");
  there = lua_istable(L, -1);
  if (there)
    *b = unit_backoff_at(L, lua_gettop(L));
  lua_pop(L, 1);
  return there;
}

static void read_limits(lua_State *L, int index, struct lull_limits *l)
{
  l->attempts = (unsigned)unit_number(L, index, "attempts", l->attempts);
  l->deadline = seconds(L, index, "deadline", l->deadline);
  l->max_hint = seconds(L, index, "max_hint", l->max_hint);
}

/* new{attempts, deadline, max_hint, unsafe, backoff} */
static int new_policy(lua_State *L)
{
  struct lull_policy *p;
  luaL_checktype(L, 1, LUA_TTABLE);
  p = lua_newuserdata(L, sizeof *p);
  lull_policy_init(p);
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  read_limits(L, 1, &p->limits);
  p->unsafe = unit_flag(L, 1, "unsafe");
  backoff(L, 1, &p->backoff);
  return 1;
}

/* rule(key, {action, ask, unsafe, attempts, backoff}) -> index, or nil and
   a text */
static int rule(lua_State *L)
{
  struct lull_policy *p = check(L);
  struct lull_rule r = {.pause = -1};
  enum lull_err err;
  luaL_checktype(L, 3, LUA_TTABLE);
  r.action = (enum lull_action)choice(L, 3, "action", actions);
  r.ask = unit_flag(L, 3, "ask");
  r.unsafe = unit_flag(L, 3, "unsafe");
  r.attempts = (unsigned)unit_number(L, 3, "attempts", 0);
  r.has_backoff = backoff(L, 3, &r.backoff);
  err = lull_policy_rule(p, luaL_checkstring(L, 2), &r);
  if (err)
    return unit_report(L, (int)err);
  lua_pushinteger(L, (lua_Integer)p->rule_count);
  return 1;
}

static enum lull_class class_at(lua_State *L, int index)
{
  enum lull_class class;
  if (lua_isnoneornil(L, index))
    return LULL_CLASS_NONE;
  class = lull_class_find(luaL_checkstring(L, index));
  luaL_argcheck(L, class != LULL_CLASSES, index, "no such class");
  return class;
}

/* find(status or class) -> index of the rule, or nothing */
static int find(lua_State *L)
{
  bool status = lua_type(L, 2) == LUA_TNUMBER;
  unsigned index = status ? lull_policy_find(check(L), LULL_CLASS_NONE,
                                             (int)luaL_checkinteger(L, 2))
                          : lull_policy_find(check(L), class_at(L, 2), 0);
  if (index == LULL_NO_RULE)
    return 0;
  lua_pushinteger(L, (lua_Integer)index + 1);
  return 1;
}

static int names(lua_State *L)
{
  lua_pushboolean(L,
                  lull_policy_names(check(L), (int)luaL_checkinteger(L, 2)));
  return 1;
}

static void read_hint(lua_State *L, int index, struct lull_hint *hint)
{
  static const char *const advice[] = {"none", "retry", "stop", NULL};
  double wait;
  *hint = (struct lull_hint){0};
  lua_getfield(L, index, "hint");
  wait = lua_isnil(L, -1) ? -1 : lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (wait >= 0) {
    hint->source = LULL_HINT_RETRY_AFTER;
    hint->wait = lull_usec_from(wait);
  }
  hint->advice = (enum lull_hint_advice)choice(L, index, "advice", advice);
}

static void read_outcome(lua_State *L, int index, struct lull_facts *f)
{
  lua_getfield(L, index, "class");
  f->class = class_at(L, lua_gettop(L));
  lua_pop(L, 1);
  f->status = (int)unit_number(L, index, "status", 0);
  f->sent = unit_flag(L, index, "sent");
}

/* The facts at `index`; the rule is the one that the outcome finds. */
static void read_facts(lua_State *L, int index, const struct lull_policy *p,
                       struct lull_limits *limits, struct lull_hint *hint,
                       struct lull_facts *f)
{
  luaL_checktype(L, index, LUA_TTABLE);
  *f = (struct lull_facts){.limits = limits, .hint = hint};
  *limits = p->limits;
  read_limits(L, index, limits);
  read_hint(L, index, hint);
  read_outcome(L, index, f);
  f->repeatable = unit_flag(L, index, "repeatable");
  f->unsafe = unit_flag(L, index, "unsafe");
  f->drained = unit_flag(L, index, "drained");
  f->rule = lull_policy_find(p, f->class, f->status);
  f->tries = (unsigned)unit_number(L, index, "tries", 1);
  f->total = (unsigned)unit_number(L, index, "total", f->tries);
  f->rule_hits = (unsigned)unit_number(L, index, "rule_hits", 1);
  f->now = seconds(L, index, "now", 0);
  f->deadline_at = seconds(L, index, "deadline_at", LULL_NEVER);
  f->previous = seconds(L, index, "previous", -1);
}

static int push_verdict(lua_State *L, struct lull_verdict v)
{
  lua_newtable(L);
  lua_pushstring(L, lull_action_name(v.action));
  lua_setfield(L, -2, "action");
  lua_pushstring(L, lull_why_name(v.why));
  lua_setfield(L, -2, "why");
  lua_pushstring(L, lull_source_name(v.source));
  lua_setfield(L, -2, "source");
  lua_pushnumber(L, lull_usec_to(v.wait));
  lua_setfield(L, -2, "wait");
  return 1;
}

/* suggest(facts, rng) -> verdict */
static int suggest(lua_State *L)
{
  struct lull_limits limits;
  struct lull_hint hint;
  struct lull_facts f;
  read_facts(L, 2, check(L), &limits, &hint, &f);
  return push_verdict(L, lull_policy_suggest(check(L), &f, unit_rng_at(L, 3)));
}

/* limit(facts, {action, wait, source}, free) -> verdict */
static int limit(lua_State *L)
{
  struct lull_limits limits;
  struct lull_hint hint;
  struct lull_facts f;
  struct lull_verdict v = {0};
  read_facts(L, 2, check(L), &limits, &hint, &f);
  v.action = (enum lull_action)choice(L, 3, "action", actions);
  v.source = (enum lull_source)choice(L, 3, "source", sources);
  v.wait = seconds(L, 3, "wait", 0);
  return push_verdict(L,
                      lull_policy_limit(check(L), &f, v, lua_toboolean(L, 4)));
}

/* ambiguous{class or status, sent} */
static int ambiguous(lua_State *L)
{
  struct lull_facts f = {0};
  luaL_checktype(L, 1, LUA_TTABLE);
  read_outcome(L, 1, &f);
  lua_pushboolean(L, lull_policy_ambiguous(f.class, f.status, f.sent));
  return 1;
}

/* timeout({seconds, ...}, n) -> of attempt n; nothing for none */
static int timeout(lua_State *L)
{
  struct lull_limits l;
  lull_usec t;
  luaL_checktype(L, 1, LUA_TTABLE);
  lull_limits_init(&l);
  for (l.timeout_count = 0; l.timeout_count < LULL_TIMEOUTS;
       l.timeout_count++) {
    lua_rawgeti(L, 1, (int)l.timeout_count + 1);
    if (lua_isnil(L, -1))
      break;
    l.timeout[l.timeout_count] = lull_usec_from(lua_tonumber(L, -1));
  }
  t = lull_limits_timeout(&l, (unsigned)luaL_checkinteger(L, 2));
  if (t == LULL_NEVER)
    return 0;
  lua_pushnumber(L, lull_usec_to(t));
  return 1;
}

/* classes() -> {name = permanent} */
static int classes(lua_State *L)
{
  int i;
  lua_newtable(L);
  for (i = 1; i < LULL_CLASSES; i++) {
    lua_pushboolean(L, lull_class_permanent((enum lull_class)i));
    lua_setfield(L, -2, lull_class_name((enum lull_class)i));
  }
  return 1;
}

static int collect(lua_State *L)
{
  lull_policy_clear(check(L));
  return 0;
}

void unit_policy(lua_State *L)
{
  static const luaL_Reg functions[] = {{"new", new_policy},
                                       {"ambiguous", ambiguous},
                                       {"timeout", timeout},
                                       {"classes", classes},
                                       {NULL, NULL}};
  static const luaL_Reg methods[] = {{"rule", rule},       {"find", find},
                                     {"names", names},     {"limit", limit},
                                     {"suggest", suggest}, {NULL, NULL}};
  unit_type(L, TYPE, methods, collect);
  unit_add(L, "policy", functions);
}
