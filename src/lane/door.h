/*
 * door: when a lane's next request may go: all that may hold it (breaker,
 * pause, what is learned, the pace on a quota, the script's rates, slots) is
 * asked in this one place, with one answer and its reason.
 *
 * Reads a lane and changes nothing. Used by its lane only.
 */
#ifndef LULL_LANE_DOOR_H
#define LULL_LANE_DOOR_H

#include "lane/state.h"

/* When each thing that the lane waits for will be over. LULL_NEVER: only an
   event can end it. */
struct lull_door {
  lull_usec at[LULL_CAUSES];
};

struct lull_door lull_door_ask(const struct lull_lane *lane, lull_usec now);

/* When those windows have room that not all requests count in, and with them
   all that other processes send, too. */
lull_usec lull_door_rated(const struct lull_lane *lane,
                          const struct lull_ticket *ticket);

/* For this one, which may fall under more windows. */
void lull_door_narrow(struct lull_door *door, const struct lull_lane *lane,
                      const struct lull_ticket *ticket);

/* When all of them are over. */
lull_usec lull_door_open(const struct lull_door *door);

/* Why it is shut; LULL_CAUSE_NONE: it is open. */
enum lull_lane_cause lull_door_cause(const struct lull_door *door,
                                     lull_usec now);

/* Until when it is shut for certain. */
struct lull_lane_hold lull_door_held(const struct lull_door *door,
                                     const struct lull_lane *lane,
                                     lull_usec now);

#endif
