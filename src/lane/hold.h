/*
 * hold: nobody but one goes, until one has passed; then what is learned from
 * how long that took and what was granted before.
 *
 * Works on what the lane has learned; used by learn only.
 */
#ifndef LULL_LANE_HOLD_H
#define LULL_LANE_HOLD_H

#include "lane/learned.h"

/* What has shut, as far as is known. */
struct lull_hold_cause {
  lull_usec full;   /* since when the server has had no room */
  uint64_t granted; /* until then */
  bool sure;        /* by more refusals than chance gives */
  unsigned trial;   /* it may bear so many at once; 0: no */
};

void lull_hold_begin(struct lull_learn *l, struct lull_slots *s,
                     const struct lull_learn_end *e,
                     const struct lull_hold_cause *cause);

/* The one that went first was refused; or it passed. */
void lull_hold_on(struct lull_learn *l, struct lull_slots *s,
                  const struct lull_learn_end *e);
void lull_hold_end(struct lull_learn *l, struct lull_slots *s,
                   const struct lull_learn_end *e);

#endif
