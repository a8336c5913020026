/* Requests, what a redirect makes of them, and URLs, for Lua. */
#include "unit.h"

#include "http/prefix.h"
#include "http/url.h"
#include "request/redirect.h"

#include <string.h>

#define TYPE "lull.unit.request"

static struct lull_request *check(lua_State *L)
{
  return luaL_checkudata(L, 1, TYPE);
}

static const char *text_field(lua_State *L, const char *name, size_t *len)
{
  const char *text;
  lua_getfield(L, 1, name);
  text = lua_tolstring(L, -1, len);
  lua_pop(L, 1);
  return text;
}

static char *copy_field(lua_State *L, const char *name)
{
  size_t len = 0;
  const char *text = text_field(L, name, &len);
  return text ? lull_mem_copy(text, len) : NULL;
}

static void fill_headers(lua_State *L, const char *name,
                         struct lull_headers *headers)
{
  size_t len = 0;
  const char *raw = text_field(L, name, &len);
  if (raw && lull_headers_add_raw(headers, LULL_REQUEST_HEADERS_MAX, raw,
                                  len) != LULL_OK)
    luaL_error(L, "bad %s", name);
}

/* new{method, url, headers, secrets, body}; headers as name NUL value NUL */
static int new_request(lua_State *L)
{
  struct lull_request *r;
  const char *body;
  size_t len = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  r = lua_newuserdata(L, sizeof *r);
  lull_request_init(r);
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  lua_getfield(L, 1, "method");
  if (lull_request_method(r, luaL_checkstring(L, -1)) != LULL_OK)
    return luaL_error(L, "no method");
  lua_pop(L, 1);
  r->url = copy_field(L, "url");
  body = text_field(L, "body", &len);
  if (body && lull_body_bytes(&r->body, body, len) != LULL_OK)
    return luaL_error(L, "no memory");
  fill_headers(L, "headers", &r->headers);
  fill_headers(L, "secrets", &r->secrets);
  return 1;
}

/* body_file(path) -> length, or nil and a text */
static int body_file(lua_State *L)
{
  struct lull_request *r = check(L);
  enum lull_err err = lull_body_file(&r->body, luaL_checkstring(L, 2));
  if (err)
    return unit_report(L, (int)err);
  lua_pushnumber(L, (lua_Number)r->body->len);
  return 1;
}

static int body_check(lua_State *L)
{
  return unit_report(L, (int)lull_body_check(check(L)->body));
}

/* redirect(status, location) */
static int redirect(lua_State *L)
{
  return unit_report(L, (int)lull_redirect_apply(check(L),
                                                 (int)luaL_checkinteger(L, 2),
                                                 luaL_checkstring(L, 3)));
}

static int override(lua_State *L)
{
  size_t len;
  const char *raw = luaL_checklstring(L, 2, &len);
  return unit_report(L,
                     (int)lull_request_override(&check(L)->headers, raw, len));
}

static void set(lua_State *L, const char *name, const char *bytes, size_t len)
{
  lua_pushlstring(L, bytes ? bytes : "", len);
  lua_setfield(L, -2, name);
}

static void set_headers(lua_State *L, const char *name,
                        const struct lull_headers *headers)
{
  size_t len;
  const char *raw = lull_headers_raw(headers, &len);
  set(L, name, raw, len);
}

/* look() -> { method, url, headers, secrets, body, foreign } */
static int look(lua_State *L)
{
  const struct lull_request *r = check(L);
  lua_newtable(L);
  set(L, "method", r->method, strlen(r->method));
  set(L, "url", r->url, strlen(r->url));
  set_headers(L, "headers", &r->headers);
  set_headers(L, "secrets", &r->secrets);
  if (r->body && !r->body->file)
    set(L, "body", r->body->text, (size_t)r->body->len);
  lua_pushboolean(L, r->foreign);
  lua_setfield(L, -2, "foreign");
  return 1;
}

/* outgoing(headers, secrets): those of a client -> what goes out */
static int outgoing(lua_State *L)
{
  struct lull_request *r = check(L);
  size_t open_len, hidden_len, raw_len;
  const char *raw;
  const char *open = luaL_optlstring(L, 2, "", &open_len);
  const char *hidden = luaL_optlstring(L, 3, "", &hidden_len);
  struct lull_client *c = lull_client_new();
  struct lull_headers all;
  lull_headers_init(&all);
  lull_headers_add_raw(&c->headers, SIZE_MAX, open, open_len);
  lull_headers_add_raw(&c->secrets, SIZE_MAX, hidden, hidden_len);
  lull_request_headers(r, c, &all);
  raw = lull_headers_raw(&all, &raw_len);
  lua_pushlstring(L, raw, raw_len);
  lull_headers_clear(&all);
  lull_client_drop(c);
  return 1;
}

static int clear(lua_State *L)
{
  lull_request_clear(check(L));
  return 0;
}

/* url(text) -> origin, path; or nil and a text */
static int url(lua_State *L)
{
  struct lull_url u;
  enum lull_err err = lull_url_parse(luaL_checkstring(L, 1), &u);
  if (err)
    return unit_report(L, (int)err);
  lua_pushstring(L, u.origin);
  lua_pushstring(L, u.path);
  lull_url_clear(&u);
  return 2;
}

static int resolve(lua_State *L)
{
  char *result;
  enum lull_err err = lull_url_resolve(luaL_checkstring(L, 1),
                                       luaL_checkstring(L, 2), &result);
  if (err)
    return unit_report(L, (int)err);
  lua_pushstring(L, result);
  lull_mem_free(result);
  return 1;
}

static int redact(lua_State *L)
{
  char *result = lull_url_redact(luaL_checkstring(L, 1));
  lua_pushstring(L, result);
  lull_mem_free(result);
  return 1;
}

/* front(url) -> its length */
static int front(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_prefix_len(luaL_checkstring(L, 1)));
  return 1;
}

/* rest(front, url) -> path and query, or nothing */
static int rest(lua_State *L)
{
  const char *text =
      lull_prefix_rest(luaL_checkstring(L, 1), luaL_checkstring(L, 2));
  if (text)
    lua_pushstring(L, text);
  return text ? 1 : 0;
}

void unit_request(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"new", new_request}, {"url", url},     {"resolve", resolve},
      {"redact", redact},   {"front", front}, {"rest", rest},
      {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"body_file", body_file}, {"body_check", body_check},
      {"redirect", redirect},   {"override", override},
      {"look", look},           {"outgoing", outgoing},
      {"clear", clear},         {NULL, NULL}};
  unit_type(L, TYPE, methods, clear);
  unit_add(L, "request", functions);
}
