#include "unit.h"

void unit_add(lua_State *L, const char *name, const luaL_Reg *functions)
{
  lua_newtable(L);
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
  lua_setfield(L, -2, name);
}

__attribute__((visibility("default"))) int luaopen_lull_unit(lua_State *L);

int luaopen_lull_unit(lua_State *L)
{
  lua_newtable(L);
  unit_hint(L);
  unit_lane(L);
  unit_timerq(L);
  unit_backoff(L);
  return 1;
}
