/*
 * redis: a store in a Redis, as Lua opens it.
 */
#ifndef LULL_BIND_REDIS_H
#define LULL_BIND_REDIS_H

#include "bind/type.h"
#include "store/store.h"

/* Opens the store that the table at `index` is about: host, user, password,
   name, shown, join, step, port, database, lease, assume_durable; or,
   with relay, one whose scripts are run in Lua (see relay.h). */
struct lull_store *lull_bind_redis_open(lua_State *L, int index,
                                        const uint64_t draws[4], bool *passing,
                                        char *problem, size_t size);

#endif
