/*
 * lanes: the engine's lanes by name, each with the timer that says when to
 * look at its queue again.
 *
 * Owns the lanes. A lane lives as long as its engine: what it knows of a
 * server (its budget, its windows) must outlast the calls.
 */
#ifndef LULL_ENGINE_LANES_H
#define LULL_ENGINE_LANES_H

#include "engine/call.h"

struct lull_lane_slot {
  struct lull_entry entry; /* first; its timer: when to ask again */
  struct lull_lane *lane;
  struct lull_lane_slot *next;       /* in order of appearance */
  struct lull_lane_slot *next_dirty; /* to be looked at */
  bool dirty;
  struct lull_lane_slot *next_stale; /* to be kept; see known.h */
  bool stale;
  bool recalled;         /* what was kept of it is known */
  struct lull_buf was;   /* that, for windows that are new to it */
  bool kept;             /* there is something kept of it */
  bool awaited;          /* something waits until it is kept as it is now */
  unsigned kept_changes; /* what it had learned then, */
  lull_usec kept_pause;  /* and the end of its pause */
  enum lull_lane_cause cause; /* why its queue could not move, when asked */
  uint64_t configured_by;     /* the client whose limits came last */
  lull_usec swept;            /* who cannot wait until then has been refused */
};

struct lull_lanes {
  struct lull_lane_slot *first, *last;
  struct lull_lane_slot *dirty, *stale;
  uint64_t seed; /* of what their pauses are spread by */
};

/* The lane of that name, made when it is new; NULL: no memory. */
struct lull_lane_slot *lull_lanes_get(struct lull_lanes *lanes,
                                      struct lull_timerq *timers,
                                      const char *name);

/* Something happened there: something may be able to start. */
void lull_lanes_touch(struct lull_lanes *lanes, struct lull_lane_slot *slot);

/* The next lane to look at, or NULL. */
struct lull_lane_slot *lull_lanes_take(struct lull_lanes *lanes);

void lull_lanes_clear(struct lull_lanes *lanes, struct lull_timerq *timers);

#endif
