/*
 * waits: engine:waits(), what the calls wait for that are to be tried again.
 */
#ifndef LULL_BIND_WAITS_H
#define LULL_BIND_WAITS_H

#include "bind/type.h"

/* engine:waits() -> a list of {lane, status or class, source, count, first,
   last}, in s from now; how many wait besides; how many calls there are */
int lull_bind_waits(lua_State *L);

#endif
