/*
 * unit: the core's pure files as a Lua module, so that busted can test them
 * on every interpreter. Each part adds a table of functions; times cross as
 * seconds.
 */
#ifndef LULL_UNIT_H
#define LULL_UNIT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

/* Sets `functions` (ended by NULLs) as field `name` of the module, which is
   on top of the stack. */
void unit_add(lua_State *L, const char *name, const luaL_Reg *functions);

/* Makes the metatable of a type of userdata; `gc` may be NULL. */
void unit_type(lua_State *L, const char *type, const luaL_Reg *methods,
               lua_CFunction gc);

/* A number of microseconds; both infinities are the ends of its range. */
int64_t unit_usec(lua_State *L, int index);

/* true, or nil and the text of an error. */
int unit_report(lua_State *L, int err);

/* The field of the table at `index`, or the fallback when it is absent. */
double unit_number(lua_State *L, int index, const char *name, double fallback);
int unit_flag(lua_State *L, int index, const char *name);

/* Index of the string at the stack's `index` in `names` (ended by NULL);
   `fallback` when it is nil. */
int unit_choice(lua_State *L, int index, const char *const *names,
                int fallback);

struct lull_backoff;

/* backoff.c: the table at `index` as a backoff, times in seconds. */
struct lull_backoff unit_backoff_at(lua_State *L, int index);
struct lull_rng *unit_rng_at(lua_State *L, int index);

void unit_base(lua_State *L);
void unit_http(lua_State *L);
void unit_idtable(lua_State *L);
void unit_request(lua_State *L);
void unit_hint(lua_State *L);
void unit_lane(lua_State *L);
void unit_timerq(lua_State *L);
void unit_state(lua_State *L);
void unit_backoff(lua_State *L);
void unit_policy(lua_State *L);
void unit_world(lua_State *L);
void unit_gather(lua_State *L);
void unit_journal(lua_State *L);

#endif
