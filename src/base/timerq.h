/*
 * timerq: a min-heap of timers by (time, sequence).
 *
 * A timer is embedded in its owner; the queue owns only the array of
 * pointers. Reserving is the one operation that can fail, so it is done when
 * a call is created, and arming cannot fail afterwards. Timers that are due
 * at the same time fire in the order in which they were armed; all that are
 * due when a round begins fire before any that is armed meanwhile, so a
 * zero wait cannot starve the others.
 */
#ifndef LULL_BASE_TIMERQ_H
#define LULL_BASE_TIMERQ_H

#include "base/base.h"

struct lull_timer {
  lull_usec at;
  size_t slot; /* where in the heap, from 1; 0 when idle, DUE when taken */
  struct lull_timer *next; /* in the round */
  union {
    uint64_t seq;            /* in the heap */
    struct lull_timer *prev; /* in the round */
  } u;
};

struct lull_timerq {
  struct lull_timer **heap; /* from 1 */
  size_t count, cap, reserved;
  uint64_t seq;
  struct lull_timer *due_first, *due_last;
};

void lull_timerq_init(struct lull_timerq *q);
void lull_timerq_clear(struct lull_timerq *q); /* the timers stay owned */

/* Makes room for one more timer; LULL_ENOMEM. Each reserve is given back by
   one release. */
enum lull_err lull_timerq_reserve(struct lull_timerq *q);
void lull_timerq_release(struct lull_timerq *q);

/* Arms (or moves) a timer: O(log n), cannot fail. LULL_NEVER disarms. */
void lull_timerq_set(struct lull_timerq *q, struct lull_timer *t,
                     lull_usec at);
void lull_timerq_cancel(struct lull_timerq *q, struct lull_timer *t);
bool lull_timer_armed(const struct lull_timer *t);

/* When the first timer is due; LULL_NEVER when none is armed. */
lull_usec lull_timerq_first(const struct lull_timerq *q);

/* Begins a round: takes out all that are due at `now`. */
void lull_timerq_begin(struct lull_timerq *q, lull_usec now);

/* The next timer of the round, disarmed; NULL when the round is over. */
struct lull_timer *lull_timerq_fire(struct lull_timerq *q);

#endif
