/*
 * memory: a store that lives as long as the process, for simulated worlds. It
 * can be told to crash: from then on it keeps nothing, as if the process had
 * ended there.
 *
 * What it keeps outlasts its openings: `new`, then open and close it as often
 * as wanted, and `free` at last.
 */
#ifndef LULL_STORE_MEMORY_H
#define LULL_STORE_MEMORY_H

#include "store/store.h"

struct lull_memory;

struct lull_memory *lull_memory_new(void); /* NULL: no memory */
void lull_memory_free(struct lull_memory *m);

/* The next opening crashes at its nth write (0: never): that one and those
   since the last commit are lost, and what was sent meanwhile was sent; or
   with `keep` that one only is, and nothing was sent meanwhile. */
void lull_memory_crash(struct lull_memory *m, uint64_t nth, bool keep);

/* Writes of all openings so far. */
uint64_t lull_memory_writes(const struct lull_memory *m);

/* A store on it; one at a time. NULL: no memory, or it is open. */
struct lull_store *lull_memory_open(struct lull_memory *m,
                                    const uint64_t secret[2]);

#endif
