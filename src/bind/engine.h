/*
 * engine: core.engine(options), and its methods.
 */
#ifndef LULL_BIND_ENGINE_H
#define LULL_BIND_ENGINE_H

#include "bind/type.h"

int lull_bind_engine(lua_State *L);
void lull_bind_engine_type(lua_State *L);

#endif
