/* What of the world needs no network, for Lua. */
#include "unit.h"

#include "world/trust.h"

/* trust(usual, first, second) -> the file to be read instead, or nil */
static int trust(lua_State *L)
{
  const char *places[] = {luaL_checkstring(L, 2), luaL_checkstring(L, 3),
                          NULL};
  lua_pushstring(L, lull_trust_first(luaL_checkstring(L, 1), places));
  return 1;
}

void unit_world(lua_State *L)
{
  static const luaL_Reg functions[] = {{"trust", trust}, {NULL, NULL}};
  unit_add(L, "world", functions);
}
