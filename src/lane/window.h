/*
 * window: one exact sliding window: no half-open interval of its length
 * ever holds more than `count` starts.
 *
 * It owns the stamps of the `count` latest starts, allocated at the start,
 * so that counting cannot fail. Only `rates` uses it. It never reads a clock
 * and never looks at a ticket: a start is known by its stamp alone.
 */
#ifndef LULL_LANE_WINDOW_H
#define LULL_LANE_WINDOW_H

#include "base/base.h"

#define LULL_WINDOW_MOST 1000000u /* starts; 8 bytes each */

struct lull_window {
  unsigned count, first, held;
  unsigned most;    /* of `count`, when others have the rest */
  lull_usec from;   /* none before that */
  unsigned pending; /* started, and no stamp known yet */
  lull_usec length;
  lull_usec *stamps; /* a ring in the order of time */
};

/* LULL_EINVAL for a window that nothing can pass, LULL_ELIMIT above
   LULL_WINDOW_MOST, LULL_ENOMEM. */
enum lull_err lull_window_init(struct lull_window *w, unsigned count,
                               lull_usec length);
void lull_window_clear(struct lull_window *w);

/* The earliest time of the next start; LULL_NEVER when only the stamp of a
   pending start can tell. */
lull_usec lull_window_next(const struct lull_window *w);

/* Counts a start at `stamp`. */
void lull_window_add(struct lull_window *w, lull_usec stamp);

/* One start that was counted at `from` really happened at `to`. */
void lull_window_move(struct lull_window *w, lull_usec from, lull_usec to);

/* Counts a start that is still to come: until its stamp is known it fills a
   place of the window, whatever the time. */
void lull_window_hold(struct lull_window *w);
void lull_window_settle(struct lull_window *w, lull_usec stamp);

/* It does not come after all. */
void lull_window_release(struct lull_window *w);

#endif
