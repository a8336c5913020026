/*
 * reach: what a lane does while nobody answers at all: the name has no
 * address, or the connection is refused or does not come about in time. When
 * what was sent after such an end ends so, too, one goes at a time, after a
 * pause of the lane's own; so that those that wait do not use up their
 * attempts one after the other. The first that is answered lets the others go,
 * twice as many with each round.
 *
 * A plain value, owned by its lane, and used by nobody else.
 */
#ifndef LULL_LANE_REACH_H
#define LULL_LANE_REACH_H

#include "base/rng.h"
#include "lane/slots.h"

struct lull_reach {
  unsigned streak; /* ends out of reach in a row, that say more than one */
  uint64_t cut;    /* starts up to here are accounted for */
};

/* Attempt number `start` ended, and its slot is given back. `alone`: no other
   call waits, and its own wait will do. `base`: of its backoff. */
void lull_reach_finish(struct lull_reach *r, struct lull_slots *s,
                       struct lull_rng *rng, lull_usec now, uint64_t start,
                       enum lull_lane_result result, bool alone,
                       lull_usec base);

/* True while one goes at a time. */
bool lull_reach_lost(const struct lull_reach *r);

#endif
