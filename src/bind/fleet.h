/*
 * fleet: core.fleet(client, options): runs a simulated fleet and gives
 * its figures as a table. The options were checked by lull's Lua side.
 */
#ifndef LULL_BIND_FLEET_H
#define LULL_BIND_FLEET_H

#include "bind/type.h"

/* core.fleet(client, options), and its figures' type. */
int lull_bind_fleet(lua_State *L);
void lull_bind_fleet_type(lua_State *L);

#endif
