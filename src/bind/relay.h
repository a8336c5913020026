/*
 * relay: methods of a store whose scripts are run in Lua, as in a simulated
 * world. They raise for another store.
 */
#ifndef LULL_BIND_RELAY_H
#define LULL_BIND_RELAY_H

#include "bind/type.h"

/* Gives them to the type of stores, which is there:
   store:script() -> what the next script is to be given, a list of texts, and
   whether it is the one that lets this process join; nil: there is none;
   store:said(list): what that script has said, texts or lists of texts; gives
   why nothing more is kept, or nothing;
   store:heard(channel, text): what was said to all;
   store:renew(): the lease, with the next script;
   store:fail(why): nothing more is kept. */
void lull_bind_relay_methods(lua_State *L);

#endif
