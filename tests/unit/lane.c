#include "unit.h"

#include <math.h>
#include <string.h>

#include "lane/facts.h"
#include "lane/keep.h"
#include "lane/lane.h"
#include "lane/revive.h"
#include "lane/shared.h"

#define LANE "lull.unit.lane"
#define TICKET "lull.unit.ticket"

/* Nearest microsecond: what a test writes as 1.1 is meant as 1.1. */
static lull_usec to_usec(double seconds)
{
  double us = floor(seconds * 1e6 + 0.5);
  return us >= 9.2e18 ? LULL_NEVER : (lull_usec)us;
}

static lull_usec check_time(lua_State *L, int index)
{
  return to_usec(luaL_checknumber(L, index));
}

static struct lull_lane *check_lane(lua_State *L)
{
  struct lull_lane **lane = luaL_checkudata(L, 1, LANE);
  luaL_argcheck(L, *lane != NULL, 1, "the lane was freed");
  return *lane;
}

static struct lull_ticket *check_ticket(lua_State *L, int index)
{
  return luaL_checkudata(L, index, TICKET);
}

/* A queued or holding ticket, and its lane, must not be collected: both hang
   in the registry under two addresses within the ticket. */
static void anchor(lua_State *L, struct lull_ticket *ticket, int ud, int lane)
{
  lua_pushlightuserdata(L, ticket);
  lua_pushvalue(L, ud);
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, &ticket->number);
  lua_pushvalue(L, lane);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

static void release(lua_State *L, struct lull_ticket *ticket)
{
  if (ticket->lane)
    return;
  lua_pushlightuserdata(L, ticket);
  lua_pushnil(L);
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, &ticket->number);
  lua_pushnil(L);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

static int new_lane(lua_State *L)
{
  const char *name = luaL_optstring(L, 1, "lane");
  struct lull_lane **lane = lua_newuserdata(L, sizeof(struct lull_lane *));
  *lane = lull_lane_new(name);
  if (!*lane)
    return 0;
  luaL_getmetatable(L, LANE);
  lua_setmetatable(L, -2);
  return 1;
}

/* A ticket, and room for what it weighs in the windows that are called "w". */
struct weighed_ticket {
  struct lull_ticket ticket; /* first: their addresses are one */
  size_t room[(sizeof(struct lull_weights) + sizeof(struct lull_weight)) /
              sizeof(size_t)];
};

static struct lull_weights *weights_of(struct weighed_ticket *t)
{
  return (struct lull_weights *)(void *)t->room;
}

/* ticket([weight]) */
static int new_ticket(lua_State *L)
{
  unsigned weight = (unsigned)luaL_optnumber(L, 1, 0);
  struct weighed_ticket *t = lua_newuserdata(L, sizeof *t);
  *t = (struct weighed_ticket){0};
  if (weight) {
    weights_of(t)->count = 1;
    weights_of(t)->list[0] = (struct lull_weight){"w", weight, weight};
    t->ticket.weights = weights_of(t);
  }
  luaL_getmetatable(L, TICKET);
  lua_setmetatable(L, -2);
  return 1;
}

/* ticket:weigh(lane, weight): what it really weighed, once it has ended. */
static int weigh(lua_State *L)
{
  struct weighed_ticket *t = luaL_checkudata(L, 1, TICKET);
  struct lull_lane **lane = luaL_checkudata(L, 2, LANE);
  unsigned weight = (unsigned)luaL_checknumber(L, 3);
  lull_lane_weigh(*lane, &t->ticket, &weights_of(t)->list[0], weight);
  weights_of(t)->list[0].counted = weight;
  return 0;
}

static int free_lane(lua_State *L)
{
  struct lull_lane **lane = luaL_checkudata(L, 1, LANE);
  lull_lane_free(*lane);
  *lane = NULL;
  return 0;
}

static double field(lua_State *L, int table, const char *name)
{
  lua_getfield(L, table, name);
  double value = lua_type(L, -1) == LUA_TBOOLEAN ? lua_toboolean(L, -1)
                                                 : lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

static unsigned count(lua_State *L, int table, const char *name)
{
  return (unsigned)field(L, table, name);
}

static double item(lua_State *L, int table, int i)
{
  lua_rawgeti(L, table, i);
  double value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

static char *text_item(lua_State *L, int table, int i)
{
  lua_rawgeti(L, table, i);
  const char *text = lua_tostring(L, -1);
  char *copy = text ? lull_mem_copy(text, strlen(text)) : NULL;
  lua_pop(L, 1);
  return copy;
}

/* Without a burst all may come at once. */
static unsigned burst_item(lua_State *L, int t, int i, unsigned count)
{
  lua_rawgeti(L, t, i);
  unsigned burst = lua_isnil(L, -1) ? count : (unsigned)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return burst;
}

/* rates = {{count, seconds, burst}, ...} */
static void read_rates(lua_State *L, struct lull_lane_conf *conf)
{
  lua_getfield(L, 2, "rates");
  unsigned i = 0;
  for (; lua_istable(L, -1) && i < LULL_LANE_RATES; i++) {
    lua_rawgeti(L, -1, (int)i + 1);
    if (!lua_istable(L, -1))
      break;
    int t = lua_gettop(L);
    conf->rates[i].count = (unsigned)item(L, t, 1);
    conf->rates[i].window = to_usec(item(L, t, 2));
    conf->rates[i].burst = burst_item(L, t, 3, conf->rates[i].count);
    lua_pop(L, 1);
  }
  conf->rate_count = i;
  lua_settop(L, 2);
}

/* routes = {{method, path, count, seconds, burst, name}, ...} */
static void read_routes(lua_State *L, struct lull_lane_conf *conf)
{
  lua_getfield(L, 2, "routes");
  unsigned i = 0;
  for (; lua_istable(L, -1) && i < LULL_LANE_RATES; i++) {
    lua_rawgeti(L, -1, (int)i + 1);
    if (!lua_istable(L, -1))
      break;
    int t = lua_gettop(L);
    conf->routes[i].method = text_item(L, t, 1);
    conf->routes[i].path = text_item(L, t, 2);
    conf->routes[i].rate.count = (unsigned)item(L, t, 3);
    conf->routes[i].rate.window = to_usec(item(L, t, 4));
    conf->routes[i].rate.burst =
        burst_item(L, t, 5, conf->routes[i].rate.count);
    conf->routes[i].name = text_item(L, t, 6);
    lua_pop(L, 1);
  }
  conf->route_count = i;
  lua_settop(L, 2);
}

/* budget = {capacity, cost, refund}, in tokens */
static void read_budget(lua_State *L, struct lull_budget_conf *budget)
{
  lua_getfield(L, 2, "budget");
  if (lua_istable(L, -1)) {
    budget->on = true;
    budget->capacity = (unsigned)floor(field(L, 3, "capacity") * 1000 + 0.5);
    budget->cost = (unsigned)floor(field(L, 3, "cost") * 1000 + 0.5);
    budget->refund = (unsigned)floor(field(L, 3, "refund") * 1000 + 0.5);
  }
  lua_settop(L, 2);
}

static void read_breaker(lua_State *L, struct lull_breaker_conf *breaker)
{
  lua_getfield(L, 2, "breaker");
  if (lua_istable(L, -1)) {
    breaker->on = true;
    breaker->failures = field(L, 3, "failures");
    breaker->window = to_usec(field(L, 3, "window"));
    breaker->least = count(L, 3, "least");
    breaker->open = to_usec(field(L, 3, "open"));
  }
  lua_settop(L, 2);
}

/* True, or nil and the error's text. `fail` makes the n-th allocation of the
   lane itself fail. */
static int configure(lua_State *L)
{
  struct lull_lane *lane = check_lane(L);
  struct lull_lane_conf conf = {0};
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  conf.parallel = count(L, 2, "parallel");
  conf.adaptive = field(L, 2, "adaptive") != 0;
  conf.slow_start = field(L, 2, "slow_start") != 0;
  conf.pace = field(L, 2, "pace") != 0;
  read_rates(L, &conf);
  read_routes(L, &conf);
  read_budget(L, &conf.budget);
  read_breaker(L, &conf.breaker);
  lull_mem_fail((long)field(L, 2, "fail") - 1);
  enum lull_err err = lull_lane_configure(lane, &conf);
  lull_mem_fail(-1);
  for (unsigned i = 0; i < conf.route_count; i++) {
    lull_mem_free(conf.routes[i].method);
    lull_mem_free(conf.routes[i].path);
    lull_mem_free(conf.routes[i].name);
  }
  if (!err)
    return lua_pushboolean(L, 1), 1;
  lua_pushnil(L);
  lua_pushstring(L, lull_err_text(err));
  return 2;
}

static int enqueue(lua_State *L)
{
  struct lull_lane *lane = check_lane(L);
  struct lull_ticket *ticket = check_ticket(L, 2);
  lull_lane_enqueue(lane, ticket, luaL_optstring(L, 3, "GET"),
                    luaL_optstring(L, 4, "/"), lua_toboolean(L, 5));
  anchor(L, ticket, 2, 1);
  return 0;
}

/* The ticket, or nil and when to ask again (math.huge: never). */
static int next(lua_State *L)
{
  lull_usec when;
  struct lull_lane *lane = check_lane(L);
  struct lull_ticket *ticket = lull_lane_next(lane, check_time(L, 2), &when);
  lua_pushlightuserdata(L, ticket);
  if (ticket)
    return lua_rawget(L, LUA_REGISTRYINDEX), 1;
  lua_pushnil(L);
  lua_pushnumber(L, lull_usec_to(when));
  return 2;
}

static int pause(lua_State *L)
{
  lull_lane_pause(check_lane(L), check_time(L, 2));
  return 0;
}

/* save(now, wall [, fail]): the bytes, or nil and the error's text; whether it
   knows anything */
static int save(lua_State *L)
{
  struct lull_buf out;
  bool knows = false;
  lull_buf_init(&out, 1 << 20);
  lull_mem_fail((long)luaL_optnumber(L, 4, 0) - 1);
  enum lull_err err = lull_keep_save(check_lane(L), check_time(L, 2),
                                     check_time(L, 3), &out, &knows);
  lull_mem_fail(-1);
  if (err)
    lua_pushnil(L);
  else
    lua_pushlstring(L, out.data, out.len);
  lua_pushstring(L, lull_err_text(err));
  lua_pushboolean(L, knows);
  lull_buf_clear(&out);
  return 3;
}

/* restore(now, wall, bytes) */
static int restore(lua_State *L)
{
  size_t len;
  const char *bytes = luaL_checklstring(L, 4, &len);
  enum lull_err err = lull_revive_lane(check_lane(L), check_time(L, 2),
                                       check_time(L, 3), bytes, len);
  lua_pushboolean(L, err == LULL_OK);
  return 1;
}

static int expect_sent(lua_State *L)
{
  lull_lane_expect_sent(check_lane(L), lua_toboolean(L, 2));
  return 0;
}

static int pay(lua_State *L)
{
  lua_pushboolean(L, lull_lane_pay(check_lane(L)));
  return 1;
}

static int refund(lua_State *L)
{
  lull_lane_refund(check_lane(L), lua_toboolean(L, 2));
  return 0;
}

static int closed(lua_State *L)
{
  lull_usec until;
  struct lull_lane *lane = check_lane(L);
  lua_pushboolean(L, lull_lane_closed(lane, check_time(L, 2), &until));
  lua_pushnumber(L, lull_usec_to(until));
  return 2;
}

static int cause(lua_State *L)
{
  enum lull_lane_cause c = lull_lane_cause(check_lane(L), check_time(L, 2));
  lua_pushstring(L, lull_ticket_cause_name(c));
  return 1;
}

/* Others have it, too. */
static int share(lua_State *L)
{
  lua_pushboolean(L, lull_shared_begin(check_lane(L)) == LULL_OK);
  return 1;
}

/* tell(now) -> what there is to tell them */
static int tell(lua_State *L)
{
  char text[LULL_FACTS_TEXT];
  lua_pushlstring(L, text,
                  lull_facts_tell(check_lane(L), check_time(L, 2), 0, text));
  return 1;
}

/* hear(now, word, value, answered): what is said to all, or answered */
static int hear(lua_State *L)
{
  struct lull_lane *lane = check_lane(L);
  if (lua_toboolean(L, 5))
    lull_facts_answered(lane);
  lull_facts_hear(lane, check_time(L, 2), 0, luaL_checkstring(L, 3),
                  luaL_checkstring(L, 4), NULL);
  return 0;
}

static int name(lua_State *L)
{
  lua_pushstring(L, lull_lane_name(check_lane(L)));
  return 1;
}

static void set(lua_State *L, const char *key, double value)
{
  lua_pushnumber(L, value);
  lua_setfield(L, -2, key);
}

static int inspect(lua_State *L)
{
  struct lull_lane_state state;
  lull_lane_inspect(check_lane(L), check_time(L, 2), &state);
  lua_newtable(L);
  set(L, "queued", state.queued);
  set(L, "flying", state.flying);
  set(L, "parallel", state.parallel);
  set(L, "paused_until", lull_usec_to(state.paused_until));
  set(L, "budget", state.budget);
  set(L, "budget_capacity", state.budget_capacity);
  set(L, "quota_remaining", (double)state.quota_remaining);
  set(L, "rate", state.learned.rate);
  set(L, "count", state.learned.count);
  set(L, "window", lull_usec_to(state.learned.window));
  set(L, "at_once", state.learned.parallel);
  set(L, "noise", state.learned.noise);
  lua_pushstring(L, state.breaker);
  lua_setfield(L, -2, "breaker");
  return 1;
}

static int sent(lua_State *L)
{
  lull_lane_sent(check_ticket(L, 1), check_time(L, 2));
  return 0;
}

static int leave(lua_State *L)
{
  struct lull_ticket *ticket = check_ticket(L, 1);
  lull_lane_leave(ticket, check_time(L, 2));
  release(L, ticket);
  return 0;
}

/* finish(now, result [, remaining, reset [, hint]]) */
static int finish(lua_State *L)
{
  static const char *const names[] = {"pass", "fail",    "throttle",
                                      "drop", "timeout", NULL};
  struct lull_ticket *ticket = check_ticket(L, 1);
  struct lull_quota quota = {0};
  int result = luaL_checkoption(L, 3, "pass", names);
  if (!lua_isnoneornil(L, 4)) {
    quota.known = true;
    quota.remaining = (int64_t)luaL_checknumber(L, 4);
    quota.reset = check_time(L, 5);
  }
  struct lull_lane_end end = {.result = (enum lull_lane_result)result,
                              .quota = &quota};
  if (!lua_isnoneornil(L, 6)) {
    end.hint = check_time(L, 6);
    end.told = true;
  }
  lull_lane_finish(ticket, check_time(L, 2), &end);
  release(L, ticket);
  return 0;
}

/* What the engine can read of a ticket. */
static int look(lua_State *L)
{
  const struct lull_ticket *ticket = check_ticket(L, 1);
  lua_newtable(L);
  set(L, "routes", ticket->routes);
  lua_pushboolean(L, ticket->holding);
  lua_setfield(L, -2, "holding");
  lua_pushboolean(L, ticket->probe);
  lua_setfield(L, -2, "probe");
  lua_pushboolean(L, ticket->lane != NULL);
  lua_setfield(L, -2, "inside");
  return 1;
}

static int live(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_mem_live());
  return 1;
}

static int fail(lua_State *L)
{
  lull_mem_fail((long)luaL_checknumber(L, 1));
  return 0;
}

static const luaL_Reg lane_methods[] = {
    {"configure", configure},
    {"enqueue", enqueue},
    {"next", next},
    {"pause", pause},
    {"save", save},
    {"restore", restore},
    {"pay", pay},
    {"refund", refund},
    {"closed", closed},
    {"cause", cause},
    {"name", name},
    {"share", share},
    {"tell", tell},
    {"hear", hear},
    {"inspect", inspect},
    {"free", free_lane},
    {"expect_sent", expect_sent},
    {NULL, NULL},
};

static const luaL_Reg ticket_methods[] = {
    {"sent", sent}, {"leave", leave}, {"finish", finish},
    {"look", look}, {"weigh", weigh}, {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"new", new_lane}, {"ticket", new_ticket}, {"live", live},
    {"fail", fail},    {NULL, NULL},
};

static void add_type(lua_State *L, const char *type, const luaL_Reg *methods,
                     lua_CFunction gc)
{
  luaL_newmetatable(L, type);
  unit_add(L, "__index", methods);
  if (gc) {
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_pop(L, 1);
}

void unit_lane(lua_State *L)
{
  add_type(L, LANE, lane_methods, free_lane);
  add_type(L, TICKET, ticket_methods, NULL);
  unit_add(L, "lane", functions);
}
