/*
 * record: one line of a call's history as fields of a Lua table.
 */
#ifndef LULL_BIND_RECORD_H
#define LULL_BIND_RECORD_H

#include "bind/type.h"

/* Sets the fields of one line of a call's history in the
   table on top of the stack; or those of its outcome alone. */
void lull_bind_record(lua_State *L, const struct lull_record *r);
void lull_bind_outcome(lua_State *L, const struct lull_record *r);

#endif
