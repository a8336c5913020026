/*
 * scatter: whether refusals are scattered among what is granted because a
 * limit is exceeded by a little, or for a reason that no rate mends: of a
 * limit there are fewer when less is sent.
 *
 * Works on what the lane has learned; used by hold and learn only.
 */
#ifndef LULL_LANE_SCATTER_H
#define LULL_LANE_SCATTER_H

#include "lane/learned.h"

#define LULL_SCATTER_RUN 3 /* refused in a row: no chance */

/* What was granted of all that began before number `mark`. */
uint64_t lull_scatter_granted(const struct lull_learn *l, uint64_t mark);

/* Granted a second since the lane began to be busy, pauses included. */
double lull_scatter_overall(const struct lull_learn *l, lull_usec now);

/* Sends at that rate from now on. */
void lull_scatter_settle(struct lull_learn *l, struct lull_slots *s,
                         double rate, lull_usec now);

/* Sends at less than that rate, to see. */
void lull_scatter_test(struct lull_learn *l, struct lull_slots *s, double rate,
                       lull_usec now);

/* The same, with the rate of late; when refusals are not too few to matter,
   or `anyhow`. */
void lull_scatter_try(struct lull_learn *l, struct lull_slots *s,
                      lull_usec now, bool anyhow);

/* The same, though refusals are many: cut after cut has not made them fewer.
 */
void lull_scatter_doubt(struct lull_learn *l, struct lull_slots *s,
                        lull_usec now);

/* What came of it. */
void lull_scatter_tally(struct lull_learn *l, const struct lull_learn_end *e,
                        bool granted);

/* True when refusals are few enough to have another reason. */
bool lull_scatter_few(const struct lull_learn *l);

/* True when refusals are what they have always been: no limit's. */
bool lull_scatter_noise(const struct lull_learn *l);

#endif
