/*
 * words: the names that outcomes and verdicts carry, for messages, the
 * manual and its spec.
 */
#ifndef LULL_BIND_WORDS_H
#define LULL_BIND_WORDS_H

#include "bind/type.h"

/* core.classes() -> {name = text}; core.words() -> {why,
   source, hint, cause}, lists of names. */
int lull_bind_classes(lua_State *L);
int lull_bind_words(lua_State *L);

#endif
