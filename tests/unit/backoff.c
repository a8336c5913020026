/* Backoff arithmetic and the generator for Lua; times in seconds. */
#include "unit.h"

#include "backoff.h"

#define TYPE "lull.unit.rng"

static struct lull_rng *check(lua_State *L, int index)
{
  return luaL_checkudata(L, index, TYPE);
}

static int rng(lua_State *L)
{
  struct lull_rng *r = lua_newuserdata(L, sizeof *r);
  lull_rng_seed(r, (uint64_t)luaL_checknumber(L, 1));
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

static int range(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_rng_range(
                        check(L, 1), (lull_usec)luaL_checknumber(L, 2),
                        (lull_usec)luaL_checknumber(L, 3)));
  return 1;
}

static double field(lua_State *L, const char *name, double fallback)
{
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1))
    fallback = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return fallback;
}

static struct lull_backoff read_backoff(lua_State *L)
{
  struct lull_backoff b;
  b.kind = (enum lull_backoff_kind)(int)field(L, "kind", 2);
  b.jitter = (enum lull_jitter)(int)field(L, "jitter", 0);
  b.factor = field(L, "factor", 2);
  b.base = lull_usec_from(field(L, "base", 1));
  b.cap = lull_usec_from(field(L, "cap", 60));
  b.lo = lull_usec_from(field(L, "lo", 0));
  b.hi = lull_usec_from(field(L, "hi", 0));
  return b;
}

/* wait(backoff, retry, previous or nil, rng) */
static int wait(lua_State *L)
{
  struct lull_backoff b = read_backoff(L);
  lull_usec previous =
      lua_isnil(L, 3) ? -1 : lull_usec_from(luaL_checknumber(L, 3));
  lua_pushnumber(
      L, lull_usec_to(lull_backoff_wait(&b, (unsigned)luaL_checknumber(L, 2),
                                        previous, check(L, 4))));
  return 1;
}

static int bounds(lua_State *L)
{
  struct lull_backoff b = read_backoff(L);
  struct lull_backoff_span s =
      lull_backoff_bounds(&b, (unsigned)luaL_checknumber(L, 2));
  lua_pushnumber(L, lull_usec_to(s.least));
  lua_pushnumber(L, lull_usec_to(s.mean));
  lua_pushnumber(L, lull_usec_to(s.most));
  return 3;
}

void unit_backoff(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"rng", rng}, {"wait", wait}, {"bounds", bounds}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"range", range}, {NULL, NULL}};
  luaL_newmetatable(L, TYPE);
  unit_add(L, "__index", methods);
  lua_pop(L, 1);
  unit_add(L, "backoff", functions);
}
