/* The timer queue for Lua: timers are named by whole numbers, times are
   microseconds, and infinity is LULL_NEVER. */
#include "unit.h"

#include "base/timerq.h"

#define TYPE "lull.unit.timerq"
#define TIMERS 4096

struct box {
  struct lull_timerq q;
  struct lull_timer timers[TIMERS];
};

static struct box *check(lua_State *L)
{
  return luaL_checkudata(L, 1, TYPE);
}

static struct lull_timer *check_timer(lua_State *L, struct box *box)
{
  int n = (int)luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 1 && n <= TIMERS, 2, "no such timer");
  return &box->timers[n - 1];
}

/* new([n]): with room for n timers */
static int new_queue(lua_State *L)
{
  int n = (int)luaL_optinteger(L, 1, TIMERS);
  struct box *box = lua_newuserdata(L, sizeof *box);
  *box = (struct box){0};
  lull_timerq_init(&box->q);
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  while (n-- > 0)
    if (lull_timerq_reserve(&box->q) != LULL_OK)
      return luaL_error(L, "out of memory");
  return 1;
}

static int reserve(lua_State *L)
{
  return unit_report(L, (int)lull_timerq_reserve(&check(L)->q));
}

static int release(lua_State *L)
{
  lull_timerq_release(&check(L)->q);
  return 0;
}

static int set(lua_State *L)
{
  struct box *box = check(L);
  struct lull_timer *t = check_timer(L, box);
  lull_timerq_set(&box->q, t, unit_usec(L, 3));
  return 0;
}

static int cancel(lua_State *L)
{
  struct box *box = check(L);
  lull_timerq_cancel(&box->q, check_timer(L, box));
  return 0;
}

static int armed(lua_State *L)
{
  struct box *box = check(L);
  lua_pushboolean(L, lull_timer_armed(check_timer(L, box)));
  return 1;
}

static int first(lua_State *L)
{
  lull_usec at = lull_timerq_first(&check(L)->q);
  if (at == LULL_NEVER)
    return 0;
  lua_pushnumber(L, (lua_Number)at);
  return 1;
}

static int begin(lua_State *L)
{
  lull_timerq_begin(&check(L)->q, unit_usec(L, 2));
  return 0;
}

static int fire(lua_State *L)
{
  struct box *box = check(L);
  struct lull_timer *t = lull_timerq_fire(&box->q);
  if (!t)
    return 0;
  lua_pushinteger(L, (lua_Integer)(t - box->timers) + 1);
  return 1;
}

static int collect(lua_State *L)
{
  lull_timerq_clear(&check(L)->q);
  return 0;
}

void unit_timerq(lua_State *L)
{
  static const luaL_Reg functions[] = {{"new", new_queue}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"reserve", reserve}, {"release", release}, {"set", set},
      {"cancel", cancel},   {"armed", armed},     {"first", first},
      {"begin", begin},     {"fire", fire},       {NULL, NULL}};
  unit_type(L, TYPE, methods, collect);
  unit_add(L, "timerq", functions);
}
