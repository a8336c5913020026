/*
 * rng: the generator of random numbers, for jitter and for whatever else is
 * drawn by chance. Its owner seeds it and holds it: the same seed gives the
 * same draws.
 */
#ifndef LULL_BASE_RNG_H
#define LULL_BASE_RNG_H

#include "base/base.h"

/* A seeded generator (xoshiro256**, Blackman and Vigna 2018; its state is
   filled by splitmix64). */
struct lull_rng {
  uint64_t s[4];
};

void lull_rng_seed(struct lull_rng *rng, uint64_t seed);
uint64_t lull_rng_next(struct lull_rng *rng);

/* Uniform in [lo, hi], both included; lo when hi <= lo. Unbiased. */
lull_usec lull_rng_range(struct lull_rng *rng, lull_usec lo, lull_usec hi);

#endif
