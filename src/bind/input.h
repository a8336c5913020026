/*
 * input: what a file of Lua's has, taken without waiting for it: who
 * writes slowly into a pipe does not hold up the calls under way.
 */
#ifndef LULL_BIND_INPUT_H
#define LULL_BIND_INPUT_H

#include "bind/type.h"

/* core.input(file) -> bytes; "" at the end; or nil and
   "later", when there is nothing yet, or nil and what is wrong. */
int lull_bind_input(lua_State *L);

/* core.terminal(file) -> true when it is one, and how many columns it has,
   where it tells */
int lull_bind_terminal(lua_State *L);

#endif
