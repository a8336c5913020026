/*
 * outcomes: what a lane's last attempts came to, in the order of their
 * sending: granted or refused.
 *
 * Owned by its lane's `learn`, and used by nobody else. What
 * is neither (a failure, a cancelled one) is not noted. Attempts are known by
 * the number of their start. A lane with few attempts is small; without memory
 * fewer of them are known.
 */
#ifndef LULL_LANE_OUTCOMES_H
#define LULL_LANE_OUTCOMES_H

#include "base/base.h"

#define LULL_OUTCOMES 64

struct lull_outcome {
  uint64_t number;
  lull_usec began;
  bool granted;
};

struct lull_outcomes {
  struct lull_outcome *list; /* a ring, as they ended */
  unsigned size;             /* of it: it grows, up to LULL_OUTCOMES */
  unsigned count, at;
  unsigned refused;    /* of those in the ring */
  uint64_t granted;    /* ever */
  uint64_t latest;     /* the number of the last start that was granted */
  lull_usec latest_at; /* when it, or another, was granted last */
};

struct lull_tally {
  unsigned granted, refused;
};

void lull_outcomes_note(struct lull_outcomes *o, uint64_t number,
                        lull_usec began, lull_usec now, bool granted);

/* Of the starts after number `mark`. */
struct lull_tally lull_outcomes_after(const struct lull_outcomes *o,
                                      uint64_t mark);

/* How many were refused with none granted that was sent after them. */
unsigned lull_outcomes_run(const struct lull_outcomes *o);

/* The share of refusals; 0 when nothing is known. */
double lull_outcomes_share(const struct lull_outcomes *o);

/* Granted a second, of those that began since `since`, and of the `least`
   latest if that is longer. 0: it is not known. */
double lull_outcomes_rate(const struct lull_outcomes *o, lull_usec since,
                          unsigned least);

/* When the first of them was sent that was refused; 0: none was. */
lull_usec lull_outcomes_refusal(const struct lull_outcomes *o);

/* Granted a second since then, up to now: what a limit bears that had no room
   left then. */
double lull_outcomes_borne(const struct lull_outcomes *o, lull_usec now);

/* The rate of the bucket that was full at `from` and is again at `to`, after
   what was granted in between; it holds `burst`. 0: it is not known. */
double lull_outcomes_fit(const struct lull_outcomes *o, lull_usec from,
                         lull_usec to, double burst);

void lull_outcomes_clear(struct lull_outcomes *o);

#endif
