/* Units of time, and the allocator's levers, for Lua. */
#include "unit.h"

#include "base/base.h"

#include <math.h>

lull_usec unit_usec(lua_State *L, int index)
{
  double us = luaL_checknumber(L, index);
  if (us >= 9.2e18)
    return LULL_NEVER;
  return us <= -9.2e18 ? INT64_MIN : (lull_usec)us;
}

/* from(seconds) -> microseconds; infinity when they are LULL_NEVER */
static int from(lua_State *L)
{
  lull_usec us = lull_usec_from(luaL_checknumber(L, 1));
  lua_pushnumber(L, us == LULL_NEVER ? HUGE_VAL : (lua_Number)us);
  return 1;
}

/* add(a, b), in microseconds; infinity is LULL_NEVER */
static int add(lua_State *L)
{
  lull_usec us = lull_usec_add(unit_usec(L, 1), unit_usec(L, 2));
  lua_pushnumber(L, us == LULL_NEVER ? HUGE_VAL : (lua_Number)us);
  return 1;
}

static int live(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_mem_live());
  return 1;
}

/* fail(n): the n-th allocation from now fails, and every one after it */
static int fail(lua_State *L)
{
  lull_mem_fail((long)luaL_checknumber(L, 1));
  return 0;
}

/* text(n) -> the text of an error */
static int text(lua_State *L)
{
  lua_pushstring(L, lull_err_text((enum lull_err)luaL_checkinteger(L, 1)));
  return 1;
}

int unit_report(lua_State *L, int err)
{
  if (err) {
    lua_pushnil(L);
    lua_pushstring(L, lull_err_text((enum lull_err)err));
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1;
}

void unit_base(lua_State *L)
{
  static const luaL_Reg functions[] = {{"from", from}, {"add", add},
                                       {"live", live}, {"fail", fail},
                                       {"text", text}, {NULL, NULL}};
  unit_add(L, "base", functions);
}
