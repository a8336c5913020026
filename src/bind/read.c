#include "bind/read.h"

#include <string.h>

double lull_bind_number(lua_State *L, int index, const char *name,
                        double fallback)
{
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1)) {
    if (!lua_isnumber(L, -1))
      luaL_error(L, "%s is not a number", name);
    fallback = lua_tonumber(L, -1);
  }
  lua_pop(L, 1);
  return fallback;
}

lull_usec lull_bind_time(lua_State *L, int index, const char *name,
                         lull_usec fallback)
{
  double seconds = lull_bind_number(L, index, name, -1);
  return seconds < 0 ? fallback : lull_usec_from(seconds);
}

bool lull_bind_flag(lua_State *L, int index, const char *name)
{
  bool flag;
  lua_getfield(L, index, name);
  flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

const char *lull_bind_string(lua_State *L, int index, const char *name,
                             size_t *len)
{
  const char *text;
  size_t whole;
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "%s is not a string", name);
  text = lua_tolstring(L, -1, &whole);
  if (len)
    *len = whole;
  else if (text && strlen(text) != whole)
    luaL_error(L, "%s holds a NUL", name);
  lua_pop(L, 1);
  return text;
}

int lull_bind_choice(lua_State *L, int index, const char *name,
                     const char *const *names, int fallback)
{
  const char *text = lull_bind_string(L, index, name, NULL);
  int i;
  if (!text)
    return fallback;
  for (i = 0; names[i]; i++)
    if (strcmp(names[i], text) == 0)
      return i;
  return luaL_error(L, "%s cannot be '%s'", name, text);
}

/* A number of seconds, or a list of them for attempt 1, 2, ... */
static void read_timeouts(lua_State *L, int index, struct lull_limits *l)
{
  int i, n;
  lua_getfield(L, index, "timeout");
  l->timeout_given = l->timeout_given || !lua_isnil(L, -1);
  if (lull_bind_flag(L, index, "timeout_by_default")) /* for tests */
    l->timeout_given = false;
  if (lua_isnumber(L, -1)) {
    l->timeout_count = 1;
    l->timeout[0] = lull_usec_from(lua_tonumber(L, -1));
  } else if (lua_istable(L, -1)) {
    n = (int)lua_rawlen(L, -1);
    if (n > LULL_TIMEOUTS)
      luaL_error(L, "at most %d timeouts", LULL_TIMEOUTS);
    l->timeout_count = (unsigned)n;
    for (i = 0; i < n; i++) {
      lua_rawgeti(L, -1, i + 1);
      l->timeout[i] = lull_usec_from(lua_tonumber(L, -1));
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

void lull_bind_limits(lua_State *L, int index, struct lull_limits *l)
{
  l->attempts = (unsigned)lull_bind_number(L, index, "attempts", l->attempts);
  l->deadline = lull_bind_time(L, index, "deadline", l->deadline);
  l->max_hint = lull_bind_time(L, index, "max_hint", l->max_hint);
  lua_getfield(L, index, "max_hint");
  l->max_hint_given = l->max_hint_given || !lua_isnil(L, -1);
  lua_pop(L, 1);
  l->stall = lull_bind_time(L, index, "stall", l->stall);
  read_timeouts(L, index, l);
}

int lull_bind_raise(lua_State *L, enum lull_err err)
{
  return luaL_error(L, "%s", lull_err_text(err));
}
