/*
 * drain: the end of a run that was asked for from outside: nothing new, and
 * what is on the wire may end, or is cut.
 */
#ifndef LULL_ENGINE_DRAIN_H
#define LULL_ENGINE_DRAIN_H

#include "engine/state.h"

/* No more retries: what flies may end, what waits is cancelled. */
void lull_drain_begin(struct lull_engine *e);

/* Cancels what flies still, and gives how many calls that were. One that the
   script is asked about is the script's to end. */
unsigned lull_drain_cut(struct lull_engine *e);

#endif
