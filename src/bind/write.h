/*
 * write: fields of the tables that the core gives to Lua.
 */
#ifndef LULL_BIND_WRITE_H
#define LULL_BIND_WRITE_H

#include "bind/type.h"

/* Sets one field of the table on top of the stack. */
void lull_bind_set_string(lua_State *L, const char *name, const char *text);
void lull_bind_set_bytes(lua_State *L, const char *name, const char *bytes,
                         size_t len);
void lull_bind_set_number(lua_State *L, const char *name, double value);
void lull_bind_set_integer(lua_State *L, const char *name, lua_Integer value);
void lull_bind_set_flag(lua_State *L, const char *name, bool value);

/* Gives nil and that sentence. */
int lull_bind_problem(lua_State *L, const char *sentence);

/* 32 hexadecimal digits in the form of a UUID. */
void lull_bind_push_uuid(lua_State *L, const char digits[32]);

/* An id is a whole number, where Lua has them. */
void lull_bind_push_id(lua_State *L, lull_id id);

#endif
