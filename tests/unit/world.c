/* What of the world needs no network, for Lua. */
#define _POSIX_C_SOURCE 200809L
#include "unit.h"

#include "world/curlcode.h"
#include "world/proxy.h"
#include "world/trust.h"

#include <curl/curl.h>
#include <stdlib.h>

/* trust(usual, first, second) -> the file to be read instead, or nil */
static int trust(lua_State *L)
{
  const char *places[] = {luaL_checkstring(L, 2), luaL_checkstring(L, 3),
                          NULL};
  lua_pushstring(L, lull_trust_first(luaL_checkstring(L, 1), places));
  return 1;
}

/* proxy_named(variable, value) -> with that variable, or without it */
static int proxy_named(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1), *value = lua_tostring(L, 2);
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
  lua_pushboolean(L, lull_proxy_named());
  return 1;
}

/* curlcode(code) -> its class, "by evidence" for one that means several, and
   what the libcurl that is here says of it */
static int curlcode(lua_State *L)
{
  int code = (int)luaL_checkinteger(L, 1);
  enum lull_class class = lull_curlcode_class(code);
  lua_pushstring(L, class == LULL_CURLCODE_AMBIGUOUS ? "by evidence"
                                                     : lull_class_name(class));
  lua_pushstring(L, curl_easy_strerror((CURLcode)code));
  return 2;
}

void unit_world(lua_State *L)
{
  static const luaL_Reg functions[] = {{"trust", trust},
                                       {"proxy_named", proxy_named},
                                       {"curlcode", curlcode},
                                       {NULL, NULL}};
  unit_add(L, "world", functions);
}
