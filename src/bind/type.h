/*
 * type: userdata that know their type, and the functions of a table.
 *
 * The engine's handle is one of them: most files here take it as their first
 * argument.
 */
#ifndef LULL_BIND_TYPE_H
#define LULL_BIND_TYPE_H

#include "engine/engine.h"

#include <lauxlib.h>
#include <lua.h>

/* ---- Lua 5.1 lacks these ---- */
#if LUA_VERSION_NUM < 502
#define lua_rawlen lua_objlen
#endif

/* Puts functions into the table on top of the stack. */
void lull_bind_functions(lua_State *L, const luaL_Reg *functions);

/* Makes a metatable that is its own __index, with those methods. */
void lull_bind_type(lua_State *L, const char *type, const luaL_Reg *methods);

/* A userdata of that type; raises for another value. */
void *lull_bind_udata(lua_State *L, int index, const char *type);

extern const char lull_bind_engine_name[];

/* The engine at index 1, or another; raises when it is closed. */
struct lull_engine *lull_bind_check_engine(lua_State *L);
struct lull_engine *lull_bind_engine_at(lua_State *L, int index);

#endif
