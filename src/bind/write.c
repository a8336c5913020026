#include "bind/write.h"

#include <string.h>

void lull_bind_set_string(lua_State *L, const char *name, const char *text)
{
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

void lull_bind_set_bytes(lua_State *L, const char *name, const char *bytes,
                         size_t len)
{
  lua_pushlstring(L, bytes ? bytes : "", len);
  lua_setfield(L, -2, name);
}

void lull_bind_set_number(lua_State *L, const char *name, double value)
{
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

void lull_bind_set_integer(lua_State *L, const char *name, lua_Integer value)
{
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

void lull_bind_set_flag(lua_State *L, const char *name, bool value)
{
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

void lull_bind_push_uuid(lua_State *L, const char digits[32])
{
  static const size_t ends[] = {8, 12, 16, 20, 32}; /* of its parts */
  char form[36], *to = form;
  size_t i, at = 0;
  for (i = 0; i < sizeof ends / sizeof *ends; i++) {
    if (i)
      *to++ = '-';
    memcpy(to, digits + at, ends[i] - at);
    to += ends[i] - at;
    at = ends[i];
  }
  lua_pushlstring(L, form, sizeof form);
}

void lull_bind_push_id(lua_State *L, lull_id id)
{
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)id);
#else
  lua_pushnumber(L, (lua_Number)id);
#endif
}

int lull_bind_problem(lua_State *L, const char *sentence)
{
  lua_pushnil(L);
  lua_pushstring(L, sentence);
  return 2;
}
