#include "bind/type.h"

void lull_bind_functions(lua_State *L, const luaL_Reg *functions)
{
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

void lull_bind_type(lua_State *L, const char *type, const luaL_Reg *methods)
{
  luaL_newmetatable(L, type);
  lull_bind_functions(L, methods);
  lua_pushlightuserdata(L, (void *)type);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

/* By what lull_bind_type left in the metatable: luaL_checkudata looks its own
   up by name, which takes three times as long. */
void *lull_bind_udata(lua_State *L, int index, const char *type)
{
  void *data = lua_touserdata(L, index);
  bool same = false;
  if (data && lua_getmetatable(L, index)) {
    lua_rawgeti(L, -1, 1);
    same = lua_touserdata(L, -1) == type;
    lua_pop(L, 2);
  }
  return same ? data : luaL_checkudata(L, index, type);
}

const char lull_bind_engine_name[] = "lull.engine";

struct lull_engine *lull_bind_engine_at(lua_State *L, int index)
{
  struct lull_engine **box = lull_bind_udata(L, index, lull_bind_engine_name);
  if (!*box)
    luaL_error(L, "the engine is closed");
  return *box;
}

struct lull_engine *lull_bind_check_engine(lua_State *L)
{
  return lull_bind_engine_at(L, 1);
}
