/*
 * The hint files as Lua functions. Headers are a list of {name, value}.
 */
#include "unit.h"

#include "hint/hint.h"
#include "hint/httpdate.h"

#include <math.h>

static void append(lua_State *L, struct lull_headers *h)
{
  size_t name_len, value_len;
  const char *name, *value;
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  name = lua_tolstring(L, -2, &name_len);
  value = lua_tolstring(L, -1, &value_len);
  if (!name || !value ||
      lull_headers_add(h, 1 << 20, name, name_len, value, value_len)) {
    lull_headers_clear(h);
    luaL_error(L, "bad header");
  }
  lua_pop(L, 2);
}

static void read_headers(lua_State *L, int index, struct lull_headers *h)
{
  int i;
  luaL_checktype(L, index, LUA_TTABLE);
  lull_headers_init(h);
  for (i = 1;; i++) {
    lua_rawgeti(L, index, i);
    if (!lua_istable(L, -1))
      break;
    append(L, h);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static lull_usec seconds(lua_State *L, int index)
{
  return (lull_usec)floor(luaL_checknumber(L, index) * 1e6 + 0.5);
}

static void set_seconds(lua_State *L, const char *name, lull_usec t)
{
  lua_pushnumber(L, lull_usec_to(t));
  lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool flag)
{
  lua_pushboolean(L, flag);
  lua_setfield(L, -2, name);
}

/* read(headers, status, wall) -> { source, wait, unanchored, advice, raw } */
static int read(lua_State *L)
{
  static const char *const advice[] = {"none", "retry", "stop"};
  int status = (int)luaL_checkinteger(L, 2);
  lull_usec wall = seconds(L, 3);
  struct lull_headers h;
  struct lull_hint hint;
  read_headers(L, 1, &h);
  lull_hint_read(&h, status, wall, &hint);
  lull_headers_clear(&h);
  lua_newtable(L);
  set_text(L, "source", lull_hint_source_name(hint.source));
  set_seconds(L, "wait", hint.wait);
  set_flag(L, "unanchored", hint.unanchored);
  set_text(L, "advice", advice[hint.advice]);
  set_text(L, "raw", hint.raw);
  return 1;
}

/* quota(headers, wall) -> { remaining, reset }, or nil when not known */
static int quota(lua_State *L)
{
  lull_usec wall = seconds(L, 2);
  struct lull_headers h;
  struct lull_quota q;
  read_headers(L, 1, &h);
  lull_hint_quota(&h, wall, &q);
  lull_headers_clear(&h);
  if (!q.known) {
    lua_pushnil(L);
    return 1;
  }
  lua_newtable(L);
  lua_pushnumber(L, (lua_Number)q.remaining);
  lua_setfield(L, -2, "remaining");
  set_seconds(L, "reset", q.reset);
  return 1;
}

/* A date's seconds since 1970, or nil. */
static int push_date(lua_State *L, bool ok, lull_usec at)
{
  if (ok)
    lua_pushnumber(L, (lua_Number)at / 1e6);
  else
    lua_pushnil(L);
  return 1;
}

/* date(text, wall): one of the three forms of HTTP-date */
static int date(lua_State *L)
{
  struct lull_scan text = lull_scan_text(luaL_checkstring(L, 1));
  lull_usec at = 0;
  bool ok = lull_httpdate_read(text, seconds(L, 2), &at);
  return push_date(L, ok, at);
}

/* iso(text): RFC 3339 */
static int iso(lua_State *L)
{
  struct lull_scan text = lull_scan_text(luaL_checkstring(L, 1));
  lull_usec at = 0;
  bool ok = lull_httpdate_iso(text, &at);
  return push_date(L, ok, at);
}

/* name(number) -> the name of a source */
static int source_name(lua_State *L)
{
  int n = (int)luaL_checkinteger(L, 1);
  lua_pushstring(L, lull_hint_source_name((enum lull_hint_source)n));
  return 1;
}

void unit_hint(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"read", read}, {"quota", quota},      {"date", date},
      {"iso", iso},   {"name", source_name}, {NULL, NULL},
  };
  unit_add(L, "hint", functions);
}
