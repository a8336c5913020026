/*
 * packed: what is seldom asked of a call, as one string of Lua's, and
 * its parts when they are asked for.
 *
 * The string is a struct front and, behind it, the URL and the method, each
 * with its NUL, the headers of the last answer, the records, and the hint, if
 * there is one. It never leaves the process.
 */
#ifndef LULL_BIND_PACKED_H
#define LULL_BIND_PACKED_H

#include "bind/type.h"

/* Pushes, as one string, what is seldom asked of a call: its
   request, the headers of its last answer, its history. `now` is when it
   ended, or was asked about. */
void lull_bind_pack(lua_State *L, const struct lull_call *c, lull_usec now);

/* core.unpack(packed, name) -> one of url, method, headers (name NUL value
   NUL ...), attempts, elapsed, waited, history (a list of tables); of the
   outcome that is asked about n, sent, maybe_applied, hint, wait, left; or
   nothing. */
int lull_bind_unpack(lua_State *L);

/* core.kept(status, body, packed) -> what a journal keeps of a response: each
   field's name and its value, with their lengths before them. */
int lull_bind_kept(lua_State *L);

#endif
