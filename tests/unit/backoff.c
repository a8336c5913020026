/* Backoff arithmetic and the generator for Lua; times in seconds. */
#include "unit.h"

#include "base/backoff.h"

#include <stdio.h>

#define TYPE "lull.unit.rng"

struct lull_rng *unit_rng_at(lua_State *L, int index)
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

/* next() -> 64 bits as 16 hexadecimal digits */
static int next(lua_State *L)
{
  char text[17];
  snprintf(text, sizeof text, "%016llx",
           (unsigned long long)lull_rng_next(unit_rng_at(L, 1)));
  lua_pushstring(L, text);
  return 1;
}

static int range(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_rng_range(
                        unit_rng_at(L, 1), unit_usec(L, 2), unit_usec(L, 3)));
  return 1;
}

static int choice(lua_State *L, int index, const char *name,
                  const char *const *names, int fallback)
{
  int n;
  lua_getfield(L, index, name);
  n = unit_choice(L, lua_gettop(L), names, fallback);
  lua_pop(L, 1);
  return n;
}

struct lull_backoff unit_backoff_at(lua_State *L, int index)
{
  static const char *const kinds[] = {"constant", "linear", "exponential",
                                      NULL};
  static const char *const jitters[] = {
      "none", "full", "equal", "decorrelated", "added", "factor", NULL};
  struct lull_backoff b;
  luaL_checktype(L, index, LUA_TTABLE);
  b.kind = (enum lull_backoff_kind)choice(L, index, "kind", kinds, 2);
  b.jitter = (enum lull_jitter)choice(L, index, "jitter", jitters, 0);
  b.factor = unit_number(L, index, "factor", 2);
  b.base = lull_usec_from(unit_number(L, index, "base", 1));
  b.cap = lull_usec_from(unit_number(L, index, "cap", 60));
  b.lo = lull_usec_from(unit_number(L, index, "lo", 0));
  b.hi = lull_usec_from(unit_number(L, index, "hi", 0));
  return b;
}

/* wait(backoff, retry, previous or nil, rng) */
static int wait(lua_State *L)
{
  struct lull_backoff b = unit_backoff_at(L, 1);
  lull_usec previous =
      lua_isnil(L, 3) ? -1 : lull_usec_from(luaL_checknumber(L, 3));
  lua_pushnumber(
      L, lull_usec_to(lull_backoff_wait(&b, (unsigned)luaL_checknumber(L, 2),
                                        previous, unit_rng_at(L, 4))));
  return 1;
}

static int bounds(lua_State *L)
{
  struct lull_backoff b = unit_backoff_at(L, 1);
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
  static const luaL_Reg methods[] = {
      {"range", range}, {"next", next}, {NULL, NULL}};
  unit_type(L, TYPE, methods, NULL);
  unit_add(L, "backoff", functions);
}
