/*
 * known: what lanes know, kept over the end of the process: read when a lane
 * is first used, and written along with a commit when something happened to
 * it since. Only the engine's own files use it.
 *
 * Lanes are kept as calls of a batch that no items have, by their names.
 */
#ifndef LULL_ENGINE_KNOWN_H
#define LULL_ENGINE_KNOWN_H

#include "engine/state.h"

/* The lane knows what it knew when the last process ended; when it does
   already, its windows from that one on do. */
void lull_known_recall(struct lull_engine *e, struct lull_lane_slot *slot,
                       unsigned from);

/* True for what may leave only when it is kept that a window counts it. */
bool lull_known_counts(const struct lull_engine *e,
                       const struct lull_leg *leg);

/* Such a one waits for the next commit. */
void lull_known_wait(struct lull_engine *e, struct lull_lane_slot *slot);

/* Writes what has changed, if it can be handed over now: with what is written
   already, or when it is worth a commit of its own. */
void lull_known_write(struct lull_engine *e);

/* There is a store now, or none; what the lanes know already is kept, too. */
void lull_known_begin(struct lull_engine *e);

/* Writes all that has changed to the store that there was. */
void lull_known_leave(struct lull_engine *e);

#endif
