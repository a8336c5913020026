/*
 * bind: the core as a Lua module, `lull.core`: engines and clients as
 * userdata, events as Lua values.
 *
 * These files (bind, bind_*) are the only ones of the core that know Lua. They
 * keep no lua_State and no registry reference, and call no Lua function.
 * Whatever may raise is done before anything is allocated outside a userdata.
 */
#ifndef LULL_BIND_BIND_H
#define LULL_BIND_BIND_H

#include "engine/engine.h"

#include <lauxlib.h>
#include <lua.h>

/* ---- Lua 5.1 lacks these ---- */
#if LUA_VERSION_NUM < 502
#define lua_rawlen lua_objlen
#endif

extern const char lull_bind_engine_name[], lull_bind_client_name[];

/* Puts functions into the table on top of the stack. */
void lull_bind_functions(lua_State *L, const luaL_Reg *functions);

/* Makes a metatable that is its own __index, with those methods. */
void lull_bind_type(lua_State *L, const char *type, const luaL_Reg *methods);

/* Fields of the table at `index`; absent ones give the fallback. They raise
   when the type is wrong: all callers are lull's own Lua files. */
double lull_bind_number(lua_State *L, int index, const char *name,
                        double fallback);
lull_usec lull_bind_time(lua_State *L, int index, const char *name,
                         lull_usec fallback);
bool lull_bind_flag(lua_State *L, int index, const char *name);

/* A string field, borrowed while the table holds it; NULL when absent. */
const char *lull_bind_string(lua_State *L, int index, const char *name,
                             size_t *len);

/* Index of the string field in `names` (ended by NULL), or fallback. */
int lull_bind_choice(lua_State *L, int index, const char *name,
                     const char *const *names, int fallback);

/* Reads the limits among the table's fields over those that are there. */
void lull_bind_limits(lua_State *L, int index, struct lull_limits *limits);

/* Raises the text of an error. */
int lull_bind_raise(lua_State *L, enum lull_err err);

/* A userdata of that type; raises for another value. */
void *lull_bind_udata(lua_State *L, int index, const char *type);

/* The engine at index 1, or another; raises when it is closed. */
struct lull_engine *lull_bind_check_engine(lua_State *L);
struct lull_engine *lull_bind_engine_at(lua_State *L, int index);

/* An id is a whole number, where Lua has them. */
void lull_bind_push_id(lua_State *L, lull_id id);

/* bind_start.c: engine:start, core.fetch; and the body among the
   fields of the table at an index: `body`, a text, or `file`, a path. */
int lull_bind_start(lua_State *L);
int lull_bind_fetch(lua_State *L);
enum lull_err lull_bind_body(lua_State *L, int index, struct lull_body **body);

/* bind_client.c: the words for an action, in the order of enum lull_action;
   ended by NULL. */
extern const char *const lull_bind_actions[];

/* bind_client.c: core.client(options), and its methods. */
int lull_bind_client(lua_State *L);
void lull_bind_client_type(lua_State *L);
struct lull_client *lull_bind_check_client(lua_State *L, int index);

/* bind_event.c: pushes kind, id and a table; how many values. */
int lull_bind_event(lua_State *L, const struct lull_engine *e,
                    const struct lull_event *event, lull_usec now);

/* bind_event.c: core.response() -> the metatable of responses. */
int lull_bind_response(lua_State *L);

/* bind_event.c: pushes a table. */
void lull_bind_lane(lua_State *L, const struct lull_lane *lane, lull_usec now);

/* bind_fleet.c: core.fleet(client, options), and its figures' type. */
int lull_bind_fleet(lua_State *L);
void lull_bind_fleet_type(lua_State *L);

/* bind_words.c: core.classes() -> {name = text}; core.words() -> {why,
   source, hint, cause}, lists of names. */
int lull_bind_classes(lua_State *L);
int lull_bind_words(lua_State *L);

/* bind_input.c: core.input(file) -> bytes; "" at the end; or nil and
   "later", when there is nothing yet, or nil and what is wrong. */
int lull_bind_input(lua_State *L);

/* bind_packed.c: pushes, as one string, what is seldom asked of a call: its
   request, the headers of its last answer, its history. `now` is when it
   ended, or was asked about. */
void lull_bind_pack(lua_State *L, const struct lull_call *c, lull_usec now);

/* core.unpack(packed, name) -> one of url, method, headers (name NUL value
   NUL ...), attempts, elapsed, waited, history (a list of tables); of the
   outcome that is asked about n, sent, maybe_applied, hint, wait, left; or
   nothing. */
int lull_bind_unpack(lua_State *L);

/* bind_record.c: sets the fields of one line of a call's history in the
   table on top of the stack; or those of its outcome alone. */
void lull_bind_record(lua_State *L, const struct lull_record *r);
void lull_bind_outcome(lua_State *L, const struct lull_record *r);

/* bind_record.c: sets one field of the table on top of the stack. */
void lull_bind_set_string(lua_State *L, const char *name, const char *text);
void lull_bind_set_bytes(lua_State *L, const char *name, const char *bytes,
                         size_t len);
void lull_bind_set_number(lua_State *L, const char *name, double value);
void lull_bind_set_integer(lua_State *L, const char *name, lua_Integer value);
void lull_bind_set_flag(lua_State *L, const char *name, bool value);

#endif
