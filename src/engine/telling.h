/*
 * telling: what of a shared lane there is to tell and to ask for, as the next
 * write of the store that several have.
 *
 * Used by peers only.
 */
#ifndef LULL_ENGINE_TELLING_H
#define LULL_ENGINE_TELLING_H

#include "engine/state.h"

#define LULL_TELLING_SAME (2 * LULL_MSEC) /* pauses that differ by less */

/* For so long places are taken ahead, and what became of them need not be
   told, while there is room for all: a tenth of the shortest window. What is
   taken ahead and not used waits for twice as long. */
lull_usec lull_telling_span(const struct lull_lane *lane);

/* When there will be something, as far as time alone goes: at once, LULL_NEVER
   for no. */
lull_usec lull_telling_due(struct lull_engine *e, struct lull_lane *lane);

/* All that there is. */
void lull_telling_lane(struct lull_engine *e, struct lull_lane *lane);

/* All places come back. */
void lull_telling_drop(struct lull_lane *lane);

/* They do, and it is told with what was not told yet. */
void lull_telling_leave(struct lull_engine *e, struct lull_lane *lane);

#endif
