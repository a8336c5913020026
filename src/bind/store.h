/*
 * store: what is kept over the end of the process, as userdata: a store, and
 * the memory of a simulated one.
 */
#ifndef LULL_BIND_STORE_H
#define LULL_BIND_STORE_H

#include "bind/type.h"

/* core.store(engine, path, memory or a table (see redis.h), relaxed) -> a
   store; or nil, one sentence, and whether that may pass; core.memory_store()
   -> the memory. */
int lull_bind_store(lua_State *L);
int lull_bind_memory_store(lua_State *L);
void lull_bind_store_type(lua_State *L);
extern const char lull_bind_store_name[]; /* of the type */

/* The open store at that index; raises for a closed one. */
struct lull_store *lull_bind_store_at(lua_State *L, int index);

#endif
