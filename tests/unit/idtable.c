/* The table of ids for Lua: things are whole numbers. */
#include "unit.h"

#include "base/idtable.h"

#define TYPE "lull.unit.idtable"
#define THINGS 65536

static char things[THINGS]; /* whose addresses are the things */

static struct lull_idtable *check(lua_State *L)
{
  return luaL_checkudata(L, 1, TYPE);
}

static int new_table(lua_State *L)
{
  struct lull_idtable *t = lua_newuserdata(L, sizeof *t);
  lull_idtable_init(t);
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

/* add(thing) -> id, 0 without memory */
static int add(lua_State *L)
{
  int n = (int)luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 0 && n < THINGS, 2, "no such thing");
  lua_pushnumber(L, (lua_Number)lull_idtable_add(check(L), &things[n]));
  return 1;
}

static uint64_t check_id(lua_State *L)
{
  return (uint64_t)luaL_checknumber(L, 2);
}

static int push_thing(lua_State *L, const char *thing)
{
  if (!thing)
    return 0;
  lua_pushinteger(L, (lua_Integer)(thing - things));
  return 1;
}

static int get(lua_State *L)
{
  return push_thing(L, lull_idtable_get(check(L), check_id(L)));
}

static int take(lua_State *L)
{
  lull_idtable_remove(check(L), check_id(L));
  return 0;
}

static int live(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)check(L)->live);
  return 1;
}

/* all() -> the things that live */
static int all(lua_State *L)
{
  struct lull_idtable *t = check(L);
  const char *thing;
  size_t at = 0;
  int i = 0;
  lua_newtable(L);
  while ((thing = lull_idtable_next(t, &at)) != NULL) {
    push_thing(L, thing);
    lua_rawseti(L, -2, ++i);
  }
  return 1;
}

static int collect(lua_State *L)
{
  lull_idtable_clear(check(L));
  return 0;
}

void unit_idtable(lua_State *L)
{
  static const luaL_Reg functions[] = {{"new", new_table}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"add", add},   {"get", get},
                                     {"take", take}, {"live", live},
                                     {"all", all},   {NULL, NULL}};
  unit_type(L, TYPE, methods, collect);
  unit_add(L, "idtable", functions);
}
