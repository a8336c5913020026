/*
 * backoff: how long to wait before a retry, with jitter.
 *
 * Pure but for the generator, which its caller holds. All arithmetic
 * saturates: attempt 1100 gives the cap, never zero and never a negative.
 */
#ifndef LULL_BASE_BACKOFF_H
#define LULL_BASE_BACKOFF_H

#include "base/rng.h"

enum lull_backoff_kind {
  LULL_BACKOFF_CONSTANT,   /* base, base, base */
  LULL_BACKOFF_LINEAR,     /* base, 2 base, 3 base */
  LULL_BACKOFF_EXPONENTIAL /* base, base * factor, base * factor^2 */
};

/* After M. Brooker, "Exponential Backoff And Jitter", 2015. */
enum lull_jitter {
  LULL_JITTER_NONE,         /* v */
  LULL_JITTER_FULL,         /* U(0, v) */
  LULL_JITTER_EQUAL,        /* v/2 + U(0, v/2) */
  LULL_JITTER_DECORRELATED, /* min(cap, U(base, 3 * previous)) */
  LULL_JITTER_ADDED,        /* min(cap, v + U(lo, hi)) */
  LULL_JITTER_FACTOR        /* min(cap, v * U(lo, hi)); lo, hi in 1e-6 */
};

struct lull_backoff {
  enum lull_backoff_kind kind;
  enum lull_jitter jitter;
  double factor;
  lull_usec base;
  lull_usec cap; /* bounds the whole wait, jitter included */
  lull_usec lo, hi;
};

/* The wait before retry number `retry` (from 1). `previous` is the wait
   before, or a negative for none; only decorrelated jitter reads it. */
lull_usec lull_backoff_wait(const struct lull_backoff *b, unsigned retry,
                            lull_usec previous, struct lull_rng *rng);

/* The bounds between which that wait lies, and its mean, for printing the
   schedule. */
struct lull_backoff_span {
  lull_usec least, mean, most;
};
struct lull_backoff_span lull_backoff_bounds(const struct lull_backoff *b,
                                             unsigned retry);

#endif
