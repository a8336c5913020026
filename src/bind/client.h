/*
 * client: a table of options, checked by the Lua side, becomes a
 * client: policy, transport, headers and lane limits.
 */
#ifndef LULL_BIND_CLIENT_H
#define LULL_BIND_CLIENT_H

#include "bind/type.h"

/* The words for an action, in the order of enum lull_action; ended by NULL.
 */
extern const char *const lull_bind_actions[];

/* core.client(options), and its methods. */
int lull_bind_client(lua_State *L);
void lull_bind_client_type(lua_State *L);
struct lull_client *lull_bind_check_client(lua_State *L, int index);

#endif
