#include "bind/relay.h"
#include "bind/store.h"
#include "store/relay.h"

enum { TEXTS = 64 }; /* of a list that is short */

static struct lull_store *check(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  if (!lull_relay_is(s))
    luaL_error(L, "nobody runs scripts for this store here");
  return s;
}

static int script(lua_State *L)
{
  struct lull_store *s = check(L);
  const struct lull_store_text *argv = NULL;
  bool join = false;
  size_t count, i;
  lull_store_flush(s);
  s->ops->land(s);
  count = lull_relay_script(s, &argv, &join);
  if (!count)
    return 0;
  lua_createtable(L, (int)count, 0);
  for (i = 0; i < count; i++) {
    lua_pushlstring(L, argv[i].bytes, argv[i].len);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_pushboolean(L, join);
  return 2;
}

/* The texts of the list on top of the stack stay there until it is popped. */
static void hear_list(lua_State *L, struct lull_store *s)
{
  struct lull_store_text few[TEXTS], *texts = few;
  int count = (int)lua_rawlen(L, -1), at = lua_gettop(L), i;
  if (count > TEXTS)
    texts = lua_newuserdata(L, (size_t)count * sizeof *texts);
  for (i = 0; i < count; i++) {
    lua_rawgeti(L, at, i + 1);
    texts[i].bytes = luaL_checklstring(L, -1, &texts[i].len);
    lua_rawseti(L, at, i + 1); /* a number is a text from now on */
  }
  lull_relay_hear(s, texts, (size_t)count);
  lua_settop(L, at);
}

static int said(lua_State *L)
{
  struct lull_store *s = check(L);
  int i, count;
  luaL_checktype(L, 2, LUA_TTABLE);
  count = (int)lua_rawlen(L, 2);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, i);
    if (!lua_istable(L, -1)) {
      lua_createtable(L, 1, 0);
      lua_insert(L, -2);
      lua_rawseti(L, -2, 1);
    }
    hear_list(L, s);
    lua_pop(L, 1);
  }
  lull_relay_answered(s);
  return s->problem[0] ? (lua_pushstring(L, s->problem), 1) : 0;
}

static int heard(lua_State *L)
{
  struct lull_store *s = check(L);
  struct lull_store_text texts[3] = {{"message", 7}};
  texts[1].bytes = luaL_checklstring(L, 2, &texts[1].len);
  texts[2].bytes = luaL_checklstring(L, 3, &texts[2].len);
  lull_relay_hear(s, texts, 3);
  return 0;
}

static int renew(lua_State *L)
{
  lull_relay_renew(check(L));
  return 0;
}

static int fail(lua_State *L)
{
  lull_store_fail(check(L), luaL_checkstring(L, 2));
  return 0;
}

void lull_bind_relay_methods(lua_State *L)
{
  static const luaL_Reg methods[] = {{"script", script}, {"said", said},
                                     {"heard", heard},   {"renew", renew},
                                     {"fail", fail},     {NULL, NULL}};
  luaL_getmetatable(L, lull_bind_store_name);
  lull_bind_functions(L, methods);
  lua_pop(L, 1);
}
