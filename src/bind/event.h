/*
 * event: an event of the engine as Lua values.
 *
 * A call's URL, headers and history cross as one string, which is taken
 * apart only when a script looks at them (packed).
 */
#ifndef LULL_BIND_EVENT_H
#define LULL_BIND_EVENT_H

#include "bind/type.h"

/* Pushes kind, id and a table; how many values. */
int lull_bind_event(lua_State *L, const struct lull_engine *e,
                    const struct lull_event *event, lull_usec now);

/* core.response() -> the metatable of responses. */
int lull_bind_response(lua_State *L);

/* Pushes a table. */
void lull_bind_lane(lua_State *L, const struct lull_lane *lane, lull_usec now);

#endif
