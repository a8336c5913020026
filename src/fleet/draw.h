/*
 * draw: random amounts of time for a simulated fleet: how long a
 * server takes, how long the way to it is.
 *
 * Pure but for the generator, which its caller owns. The fleet and its
 * server draw from it; it knows neither.
 */
#ifndef LULL_FLEET_DRAW_H
#define LULL_FLEET_DRAW_H

#include "base/rng.h"

enum lull_fleet_draw_kind {
  LULL_FLEET_DRAW_UNIFORM, /* a to b; b <= a: always a */
  LULL_FLEET_DRAW_NORMAL,  /* |normal|: mean a, standard deviation b */
  LULL_FLEET_DRAW_TAIL     /* uniform, but for a share: a Pareto tail */
};

#define LULL_FLEET_TAILS 2

/* Of all draws, `share` are above `at`; beyond it the share that is above x
   is share * (x / at)^-exponent. */
struct lull_fleet_tail {
  double share, exponent;
  lull_usec at;
};

struct lull_fleet_draw {
  enum lull_fleet_draw_kind kind;
  lull_usec a, b;
  unsigned tail_count; /* the wider share first */
  struct lull_fleet_tail tails[LULL_FLEET_TAILS];
};

/* Uniform in (0, 1), the ends excluded. */
double lull_fleet_draw_unit(struct lull_rng *rng);

/* Exponential with that mean, us: the gap of a Poisson process. */
double lull_fleet_draw_gap(double mean, struct lull_rng *rng);

lull_usec lull_fleet_draw_next(const struct lull_fleet_draw *draw,
                               struct lull_rng *rng);

#endif
