/*
 * pace: keeps within a quota that the server tells, so that a well-behaved
 * client does not meet a 429.
 *
 * A plain value, owned by its lane, and used by nobody else. It reads no
 * header (see hint) and never holds a ticket: attempts are known by the
 * number of their start.
 *
 * What is left: the least told remainder minus all that is in flight, since
 * an answer need not have counted those yet. Three rules follow:
 *  - while all that is queued fits into it, and more than a quarter of the
 *    window's quota is left, nothing waits;
 *  - else the starts are spread evenly over the rest of the window: a client
 *    that is slower than that by itself does not notice;
 *  - when nothing is left, nothing starts before the window renews. The new
 *    window is taken to hold what the old one was seen to hold, until an
 *    answer tells.
 */
#ifndef LULL_LANE_PACE_H
#define LULL_LANE_PACE_H

#include "hint/hint.h"

struct lull_pace {
  bool known;        /* else nothing is limited */
  bool guess;        /* the window renewed, and no answer told of it yet */
  int64_t remaining; /* >= 0 */
  int64_t crest;     /* the most that was told in this window */
  lull_usec reset_at;
  lull_usec last;   /* the last start */
  uint64_t mark;    /* starts up to here overlapped with the last telling */
  unsigned sharers; /* processes that have it: each has its part; 0: this */
  bool untold;      /* the others do not know of the last telling */
};

/* What holds at the time `now`: the same, or the next window. `starts`: how
   many there have been. */
struct lull_pace lull_pace_now(const struct lull_pace *p, lull_usec now,
                               uint64_t starts);

/* The earliest time of the next start with so many in flight and so many
   queued; LULL_NEVER when an answer has to come first. */
lull_usec lull_pace_next(const struct lull_pace *p, lull_usec now,
                         unsigned flying, unsigned queued);

/* A start at `now`. `starts`: how many there were before it. */
void lull_pace_start(struct lull_pace *p, lull_usec now, uint64_t starts);

/* Others were told that so much is left. */
void lull_pace_hear(struct lull_pace *p, lull_usec now, int64_t remaining,
                    int64_t crest, lull_usec reset_at, uint64_t starts);

/* Attempt number `start` ended and told `quota`; NULL or not known: nothing
   was told. */
void lull_pace_finish(struct lull_pace *p, lull_usec now, uint64_t start,
                      uint64_t starts, const struct lull_quota *quota);

#endif
