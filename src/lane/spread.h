/*
 * spread: the starts of one window, one after another instead of all at once:
 * a bucket that holds `burst` and is filled at the window's rate (GCRA, as in
 * ITU-T I.371).
 *
 * A plain value, owned by its window's entry in `rates`, and used by it and by
 * who shares lanes. It reads no clock.
 */
#ifndef LULL_LANE_SPREAD_H
#define LULL_LANE_SPREAD_H

#include "base/base.h"

/* A window that is longer is spread over this part of it: evenly, a batch of
   ten would take a minute with "10/1m". */
#define LULL_SPREAD_MOST (2 * LULL_SEC)

struct lull_spread {
  double gap;     /* us between two; 0: any number may start at once */
  double room;    /* us that a start may come before its turn: the burst */
  double turn;    /* of the next, us */
  unsigned parts; /* this is one of so many: their gaps are between its own */
};

/* Of a window of `count` in `length`. `burst`: how many may start at once,
   the others evenly; 0: one, and evenly over LULL_SPREAD_MOST at most. */
void lull_spread_init(struct lull_spread *s, unsigned count, lull_usec length,
                      unsigned burst);

/* The earliest time of the next start. */
lull_usec lull_spread_next(const struct lull_spread *s);

/* One starts; or it does not after all. */
void lull_spread_take(struct lull_spread *s, lull_usec now);
void lull_spread_back(struct lull_spread *s);

#endif
