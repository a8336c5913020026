/*
 * strip: takes out of a compiled chunk of Lua 5.4 the names of local variables
 * and upvalues, which only messages about lull's own mistakes would show.
 * They are half of the strings that are read at the start; lines stay.
 */
#ifndef LULL_BINARY_STRIP_H
#define LULL_BINARY_STRIP_H

#include <stdbool.h>
#include <stddef.h>

/* In place; false when it is no such chunk, and may be spoilt then. Source of
   the format: ldump.c of Lua. */
bool lull_strip(unsigned char *chunk, size_t *len);

#endif
