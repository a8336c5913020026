/*
 * weigh: what an attempt that the script is asked about really weighed.
 *
 * The engine's driver uses it. It calls lanes.
 */
#ifndef LULL_ENGINE_WEIGH_H
#define LULL_ENGINE_WEIGH_H

#include "engine/call.h"

struct lull_engine;

/* LULL_ESTALE: nobody is asked about that call. A call that weighs nothing
   under that name is left as it is. */
enum lull_err lull_weigh_attempt(struct lull_engine *e, lull_id id,
                                 const char *name, unsigned weight);

#endif
