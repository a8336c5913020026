/*
 * state: the engine's insides, shared by its own files. Nobody else includes
 * this.
 *
 * Upwards: events (the queue of what is told), state, lifecycle (how a call
 * goes from state to state), flight (its attempts on the wire), verdict (what
 * an ended attempt leads to), engine (what the driver calls, and the step).
 */
#ifndef LULL_ENGINE_STATE_H
#define LULL_ENGINE_STATE_H

#include "base/idtable.h"
#include "engine/events.h"
#include "engine/lanes.h"
#include "world/chaos.h"

struct lull_engine {
  struct lull_world *world;
  struct lull_timerq timers;
  struct lull_lanes lanes;
  struct lull_idtable ids;
  struct lull_rng rng;
  struct lull_events events;
  lull_usec now;
  size_t flying; /* attempts that the world will give back by itself */
  struct lull_chaos chaos;
  bool trace, record, drained, interrupted;
};

/* Gives an entry an id and a timer. LULL_ENOMEM. */
enum lull_err lull_state_enroll(struct lull_engine *e,
                                struct lull_entry *entry);

/* The entry is gone: its id, its timer, its memory. */
void lull_state_dismiss(struct lull_engine *e, struct lull_entry *entry);

#endif
