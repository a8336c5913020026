/*
 * read: fields of the tables that lull's own Lua files pass.
 */
#ifndef LULL_BIND_READ_H
#define LULL_BIND_READ_H

#include "bind/type.h"
#include "policy/policy.h"

/* Fields of the table at `index`; absent ones give the fallback. They raise
   when the type is wrong: all callers are lull's own Lua files. */
double lull_bind_number(lua_State *L, int index, const char *name,
                        double fallback);
lull_usec lull_bind_time(lua_State *L, int index, const char *name,
                         lull_usec fallback);
bool lull_bind_flag(lua_State *L, int index, const char *name);

/* A string field, borrowed while the table holds it; NULL when absent. Without
   `len` it is a C string, and one that holds a NUL raises: the half before it
   would be another URL, another file. */
const char *lull_bind_string(lua_State *L, int index, const char *name,
                             size_t *len);

/* Index of the string field in `names` (ended by NULL), or fallback. */
int lull_bind_choice(lua_State *L, int index, const char *name,
                     const char *const *names, int fallback);

/* Reads the limits among the table's fields over those that are there. */
void lull_bind_limits(lua_State *L, int index, struct lull_limits *limits);

/* Raises the text of an error. */
int lull_bind_raise(lua_State *L, enum lull_err err);

#endif
