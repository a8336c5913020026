/*
 * past: the attempts of a remembered call, as a store keeps them: for people
 * who ask why an item takes so long. Nothing is decided by them.
 *
 * The latest few: of this run from the call's records, of runs before as they
 * were kept. Only `memo` uses it. An entry is little-endian: when it was sent
 * (8 bytes, us since 1970), how long it took and the wait after it (8 each,
 * us), its status (2), and the name of its class with its length (1) before.
 */
#ifndef LULL_ENGINE_PAST_H
#define LULL_ENGINE_PAST_H

#include "engine/call.h"

#define LULL_PAST_MOST 20   /* attempts */
#define LULL_PAST_ENTRY 64u /* bytes at most */

/* Their bytes, at most LULL_PAST_MOST entries; how many. `began` is when the
   call did, in us since 1970. */
size_t lull_past_write(const struct lull_call *call, lull_usec began,
                       char *bytes);

/* Those of runs before are these. Without memory they are forgotten. */
void lull_past_keep(struct lull_call *call, const char *bytes, size_t len);

#endif
