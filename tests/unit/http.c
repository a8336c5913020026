/* Bounded bytes, header lists, methods and statuses for Lua. */
#include "unit.h"

#include "base/buf.h"
#include "http/http.h"

#define BUF "lull.unit.buf"
#define LIST "lull.unit.headers"

/* ---- buf --------------------------------------------------------------- */

static struct lull_buf *check_buf(lua_State *L)
{
  return luaL_checkudata(L, 1, BUF);
}

/* buf(max) */
static int new_buf(lua_State *L)
{
  size_t max = (size_t)luaL_checknumber(L, 1);
  struct lull_buf *buf = lua_newuserdata(L, sizeof *buf);
  lull_buf_init(buf, max);
  luaL_getmetatable(L, BUF);
  lua_setmetatable(L, -2);
  return 1;
}

static int buf_add(lua_State *L)
{
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  return unit_report(L, (int)lull_buf_add(check_buf(L), bytes, len));
}

/* look() -> bytes, capacity */
static int buf_look(lua_State *L)
{
  struct lull_buf *buf = check_buf(L);
  lua_pushlstring(L, buf->data ? buf->data : "", buf->len);
  lua_pushnumber(L, (lua_Number)buf->cap);
  return 2;
}

static int buf_trim(lua_State *L)
{
  lull_buf_trim(check_buf(L));
  return 0;
}

static int buf_clear(lua_State *L)
{
  lull_buf_clear(check_buf(L));
  return 0;
}

/* ---- header lists ------------------------------------------------------ */

struct list {
  struct lull_headers headers; /* first */
  size_t max;
};

static struct lull_headers *check_list(lua_State *L)
{
  return luaL_checkudata(L, 1, LIST);
}

static size_t max_of(lua_State *L)
{
  return ((struct list *)luaL_checkudata(L, 1, LIST))->max;
}

/* headers(max) */
static int new_list(lua_State *L)
{
  size_t max = (size_t)luaL_optnumber(L, 1, 1 << 20);
  struct list *list = lua_newuserdata(L, sizeof *list);
  lull_headers_init(&list->headers);
  list->max = max;
  luaL_getmetatable(L, LIST);
  lua_setmetatable(L, -2);
  return 1;
}

static int add(lua_State *L)
{
  size_t name_len, value_len;
  const char *name = luaL_checklstring(L, 2, &name_len);
  const char *value = luaL_checklstring(L, 3, &value_len);
  return unit_report(L, (int)lull_headers_add(check_list(L), max_of(L), name,
                                              name_len, value, value_len));
}

static int add_line(lua_State *L)
{
  size_t len;
  const char *line = luaL_checklstring(L, 2, &len);
  return unit_report(
      L, (int)lull_headers_add_line(check_list(L), max_of(L), line, len));
}

static int add_raw(lua_State *L)
{
  size_t len;
  const char *raw = luaL_checklstring(L, 2, &len);
  return unit_report(
      L, (int)lull_headers_add_raw(check_list(L), max_of(L), raw, len));
}

/* get(name [, nth from 1]) */
static int get(lua_State *L)
{
  lua_pushstring(L, lull_headers_get(check_list(L), luaL_checkstring(L, 2),
                                     (unsigned)luaL_optinteger(L, 3, 1) - 1));
  return 1;
}

static int raw_of(lua_State *L)
{
  struct lull_headers *h = check_list(L);
  size_t len;
  const char *raw;
  raw = lull_headers_raw(h, &len);
  lua_pushlstring(L, raw, len);
  return 1;
}

static int count(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)lull_headers_count(check_list(L)));
  return 1;
}

/* all() -> a list of {name, value} */
static int all(lua_State *L)
{
  struct lull_headers *h = check_list(L);
  const char *name, *value;
  size_t at = 0;
  int i = 0;
  lua_newtable(L);
  while (lull_headers_next(h, &at, &name, &value)) {
    lua_newtable(L);
    lua_pushstring(L, name);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, ++i);
  }
  return 1;
}

static int clear(lua_State *L)
{
  lull_headers_clear(check_list(L));
  return 0;
}

/* ---- methods and statuses ---------------------------------------------- */

/* method(name) -> valid, safe, idempotent */
static int method(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  lua_pushboolean(L, lull_method_valid(name));
  lua_pushboolean(L, lull_method_safe(name));
  lua_pushboolean(L, lull_method_idempotent(name));
  return 3;
}

static int status_text(lua_State *L)
{
  lua_pushstring(L, lull_status_text((int)luaL_checkinteger(L, 1)));
  return 1;
}

void unit_http(lua_State *L)
{
  static const luaL_Reg functions[] = {{"buf", new_buf},
                                       {"headers", new_list},
                                       {"method", method},
                                       {"status_text", status_text},
                                       {NULL, NULL}};
  static const luaL_Reg buf_methods[] = {{"add", buf_add},
                                         {"look", buf_look},
                                         {"trim", buf_trim},
                                         {"clear", buf_clear},
                                         {NULL, NULL}};
  static const luaL_Reg list_methods[] = {
      {"add", add},     {"add_line", add_line}, {"add_raw", add_raw},
      {"get", get},     {"raw", raw_of},        {"count", count},
      {"clear", clear}, {"all", all},           {NULL, NULL}};
  unit_type(L, BUF, buf_methods, buf_clear);
  unit_type(L, LIST, list_methods, clear);
  unit_add(L, "http", functions);
}
