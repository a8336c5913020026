/*
 * stores: what the driver is to be told of the stores that an engine has, the
 * journal and that of shared lanes: one keeps nothing any more, or wants a
 * simulated server to run a script.
 *
 * Changes nothing of the stores but that this was told.
 */
#ifndef LULL_ENGINE_STORES_H
#define LULL_ENGINE_STORES_H

#include "engine/event.h"
#include "engine/state.h"

/* LULL_EV_STORE, LULL_EV_SCRIPT, or LULL_EV_NONE. */
enum lull_event_kind lull_stores_tell(const struct lull_engine *e);

/* That is told; false when there was nothing. */
bool lull_stores_told(struct lull_engine *e);

#endif
