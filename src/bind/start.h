/*
 * start: engine:start: a table becomes a call; and core.fetch: so
 * does a URL, where a call has no options.
 */
#ifndef LULL_BIND_START_H
#define LULL_BIND_START_H

#include "bind/type.h"

/* engine:start, core.fetch; and the body among the
   fields of the table at an index: `body`, a text, or `file`, a path. */
int lull_bind_start(lua_State *L);
int lull_bind_begin(lua_State *L);
int lull_bind_fetch(lua_State *L);
enum lull_err lull_bind_body(lua_State *L, int index, struct lull_body **body);

#endif
