/*
 * journal: a journal's file for who only looks, as userdata.
 */
#ifndef LULL_BIND_JOURNAL_H
#define LULL_BIND_JOURNAL_H

#include "bind/type.h"

/* core.journal(path) -> a reader, or nil and one sentence. Each of its methods
   gives a list of rows, or nil and one sentence. */
int lull_bind_journal(lua_State *L);
/* core.journal_holder(path) -> the pid of the run that is at work on it, or
   nil */
int lull_bind_journal_holder(lua_State *L);
void lull_bind_journal_type(lua_State *L);

#endif
