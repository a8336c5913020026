/*
 * period: a window that was learned: so many are granted in each, whatever
 * their rate. Held like a window that the script tells.
 *
 * A plain value with a window of its own, owned by its lane's `learn`, and
 * used by nobody else.
 */
#ifndef LULL_LANE_PERIOD_H
#define LULL_LANE_PERIOD_H

#include "lane/outcomes.h"
#include "lane/window.h"

/* The server grants `count` in each window of `length`. */
struct lull_period {
  bool on;
  unsigned count, base; /* now, and before it grew */
  lull_usec length;
  struct lull_window window;
  const struct lull_outcomes *seen; /* borrowed from `learn` */
  unsigned grown;                   /* granted since count last grew */
  bool guessed;     /* by one block; the next has to confirm it */
  lull_usec began;  /* when the window that we are in did */
  unsigned block;   /* starts in it */
  unsigned granted; /* of them */
  bool harsh;       /* what was refused counts, too */
  unsigned doubts;  /* refusals in a row that confirm it */
  lull_usec begins; /* when the next window may begin already; 0: not known */
  uint64_t early;   /* the start that tries that; 0: none */
};

/* `count` were granted in a block; the next was refused `least` after its
   beginning and granted `most` after it. The window counts all of `seen`,
   since the server may. Without memory nothing is learned. */
void lull_period_learn(struct lull_period *p, unsigned count, lull_usec least,
                       lull_usec most, const struct lull_outcomes *seen,
                       lull_usec epoch);
void lull_period_drop(struct lull_period *p);

/* One that was learned in another run; its starts are still to be counted.
   False: it is none, or there is no memory. */
bool lull_period_restore(struct lull_period *p, unsigned count,
                         lull_usec length, bool harsh,
                         const struct lull_outcomes *seen);

/* The earliest time of the next start. A window that is but guessed lets one
   go when it is full, to see, and one before it begins anew. */
lull_usec lull_period_next(const struct lull_period *p, lull_usec now,
                           unsigned flying);

/* Start number `number` happens now. */
void lull_period_start(struct lull_period *p, uint64_t number, lull_usec now);

/* Start number `number`, at `began`, was granted. */
void lull_period_passed(struct lull_period *p, uint64_t number,
                        lull_usec began);

/* It was refused. False: not because the window is full. `rated`: there is
   another limit, that it may have met. */
bool lull_period_refused(struct lull_period *p, uint64_t number, bool rated);

#endif
