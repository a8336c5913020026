/*
 * budget: a token bucket that bounds how many retries a lane may add to its
 * first tries (M. Brooker, "Fixing retries with token buckets and circuit
 * breakers", 2022; the retry quota of the AWS SDKs has the same form).
 *
 * A plain value, owned by its lane, and used by nobody else. Counted in
 * whole thousandths: ten refunds of 0.1 make exactly one token. It never
 * refills by time.
 */
#ifndef LULL_LANE_BUDGET_H
#define LULL_LANE_BUDGET_H

#include "lane/conf.h"

struct lull_budget {
  struct lull_budget_conf conf;
  unsigned level;           /* 1/1000 token; at most conf.capacity */
  unsigned spent, refunded; /* that who shares it was not told of */
  int64_t told;             /* spent less refunded, told and not answered */
};

/* Takes new limits. A new budget starts full; afterwards what was spent
   stays spent, so that a change of limits is no refill. */
void lull_budget_configure(struct lull_budget *b,
                           const struct lull_budget_conf *conf);

/* Takes the cost of one retry; false, and nothing taken, when it is not
   there. Always true when the budget is off. */
bool lull_budget_pay(struct lull_budget *b);

/* Gives `refund` back, up to the capacity. */
void lull_budget_refund(struct lull_budget *b, bool retried);

/* What all who share it have left, but for what they were not told of, or have
   not answered: that may not be in it. */
void lull_budget_set(struct lull_budget *b, int64_t level);

/* From now on what there is to tell counts as told. */
void lull_budget_tell(struct lull_budget *b);

#endif
