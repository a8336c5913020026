#include "unit.h"

#include <string.h>

void unit_add(lua_State *L, const char *name, const luaL_Reg *functions)
{
  lua_newtable(L);
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
  lua_setfield(L, -2, name);
}

void unit_type(lua_State *L, const char *type, const luaL_Reg *methods,
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

double unit_number(lua_State *L, int index, const char *name, double fallback)
{
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1))
    fallback = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return fallback;
}

int unit_flag(lua_State *L, int index, const char *name)
{
  int flag;
  lua_getfield(L, index, name);
  flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

int unit_choice(lua_State *L, int index, const char *const *names,
                int fallback)
{
  const char *text;
  int i;
  if (lua_isnoneornil(L, index))
    return fallback;
  text = luaL_checkstring(L, index);
  for (i = 0; names[i]; i++)
    if (strcmp(names[i], text) == 0)
      return i;
  return luaL_error(L, "'%s' is no choice here", text);
}

__attribute__((visibility("default"))) int luaopen_lull_unit(lua_State *L);

int luaopen_lull_unit(lua_State *L)
{
  lua_newtable(L);
  unit_base(L);
  unit_http(L);
  unit_idtable(L);
  unit_request(L);
  unit_hint(L);
  unit_lane(L);
  unit_timerq(L);
  unit_backoff(L);
  unit_policy(L);
  unit_state(L);
  unit_world(L);
  unit_gather(L);
  unit_journal(L);
  return 1;
}
