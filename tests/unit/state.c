/* Another Lua state in this process, for Lua. */
#include "unit.h"

#include <lualib.h>

#define TYPE "lull.unit.state"

static int new (lua_State *L)
{
  lua_State **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  *box = luaL_newstate();
  if (!*box)
    return luaL_error(L, "no memory for a state");
  luaL_openlibs(*box);
  return 1;
}

static int done(lua_State *L)
{
  lua_State **box = luaL_checkudata(L, 1, TYPE);
  if (*box)
    lua_close(*box);
  *box = NULL;
  return 0;
}

/* state:run(code) -> what it returned, as a text; raises what it raised */
static int run(lua_State *L)
{
  lua_State **box = luaL_checkudata(L, 1, TYPE), *other = *box;
  int failed;
  luaL_argcheck(L, other, 1, "the state is closed");
  failed = luaL_loadstring(other, luaL_checkstring(L, 2)) ||
           lua_pcall(other, 0, 1, 0);
  lua_pushstring(L, lua_tostring(other, -1));
  lua_settop(other, 0);
  return failed ? lua_error(L) : 1;
}

void unit_state(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"run", run}, {"close", done}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", new}, {NULL, NULL}};
  unit_type(L, TYPE, methods, done);
  unit_add(L, "state", functions);
}
