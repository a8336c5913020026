/*
 * library: a shared library's functions, loaded when they are first needed:
 * what is not used costs nothing, and lull works where it is not installed.
 *
 * Used by what stands for one library: sqlite, hiredis, decode.
 */
#ifndef LULL_BASE_LIBRARY_H
#define LULL_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* Opens the first of `files` that is there, a list that ends with NULL, and
   fills `table`, a struct of pointers to functions, with those of the `count`
   names, in their order. False when there is none, or it lacks one. */
bool lull_library_load(const char *const *files, const char *const *names,
                       size_t count, void *table);

#endif
