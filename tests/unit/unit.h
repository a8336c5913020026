/*
 * unit: the core's pure files as a Lua module, so that busted can test them
 * on every interpreter. Each part adds a table of functions; times cross as
 * seconds.
 */
#ifndef LULL_UNIT_H
#define LULL_UNIT_H

#include <lauxlib.h>
#include <lua.h>

/* Sets `functions` (ended by NULLs) as field `name` of the module, which is
   on top of the stack. */
void unit_add(lua_State *L, const char *name, const luaL_Reg *functions);

void unit_hint(lua_State *L);
void unit_lane(lua_State *L);
void unit_timerq(lua_State *L);
void unit_backoff(lua_State *L);

#endif
