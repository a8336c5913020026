/*
 * weighed: one sliding window whose starts weigh: no half-open interval of its
 * length ever holds more than `most`, as far as the weights are right. One
 * that turned out to be more is counted as what it was, and the next waits.
 *
 * It owns its marks: a time, and what all that started then weighs. Counting
 * cannot fail: without memory, and where there are very many, two marks become
 * one at the later time, so that less is sent and never more. Only `rates`
 * uses it. It never reads a clock and never looks at a ticket.
 */
#ifndef LULL_LANE_WEIGHED_H
#define LULL_LANE_WEIGHED_H

#include "base/base.h"

struct lull_weighed_mark {
  lull_usec stamp;
  uint64_t weight;
};

struct lull_weighed {
  char *name; /* of what weighs */
  unsigned most;
  lull_usec length;
  struct lull_weighed_mark *marks; /* in the order of time */
  unsigned first, held, cap;
  uint64_t sum;     /* of all marks */
  uint64_t pending; /* of what started, and has no stamp yet */
};

/* The name is copied. LULL_EINVAL for a window that nothing can pass,
   LULL_ENOMEM. */
enum lull_err lull_weighed_new(struct lull_weighed **window, const char *name,
                               unsigned most, lull_usec length);
void lull_weighed_free(struct lull_weighed *w); /* NULL is none */

/* The earliest time of a start that weighs so much, at most `most`; LULL_NEVER
   when only the stamp of a pending one can tell. */
lull_usec lull_weighed_next(const struct lull_weighed *w, unsigned weight);

/* Something that started at `stamp` weighs so much. */
void lull_weighed_add(struct lull_weighed *w, lull_usec stamp,
                      unsigned weight);

/* So much of what was counted at `stamp` was none. False: too long ago. */
bool lull_weighed_take(struct lull_weighed *w, lull_usec stamp,
                       unsigned weight);

/* What weighs so much is still to come: until it is settled or released it
   has its place, whatever the time. */
void lull_weighed_hold(struct lull_weighed *w, unsigned weight);
void lull_weighed_release(struct lull_weighed *w, unsigned weight);

/* What all weighs that still counts at `now`. */
uint64_t lull_weighed_sum(const struct lull_weighed *w, lull_usec now);

#endif
