#include "base/backoff.h"

static lull_usec least_of(lull_usec a, lull_usec b)
{
  return a < b ? a : b;
}

/* a * b, held at `cap`. */
static lull_usec times(lull_usec a, double b, lull_usec cap)
{
  double product = (double)a * b;
  return product < (double)cap ? (lull_usec)product : cap;
}

/* The wait before jitter, held at the cap. Stops as soon as the cap is
   reached, so that attempt 1100 costs no more than attempt 10. The steps are
   doubles: cut to whole microseconds, 1 us times 1.5 would never grow. */
static lull_usec plain(const struct lull_backoff *b, unsigned retry)
{
  double v = (double)b->base;
  unsigned i;
  if (b->kind == LULL_BACKOFF_LINEAR)
    v *= retry;
  if (b->kind == LULL_BACKOFF_EXPONENTIAL && b->factor != 1)
    for (i = 1; i < retry && v >= 0.5 && v < (double)b->cap; i++)
      v *= b->factor;
  return v < (double)b->cap ? (lull_usec)v : b->cap;
}

lull_usec lull_backoff_wait(const struct lull_backoff *b, unsigned retry,
                            lull_usec previous, struct lull_rng *rng)
{
  lull_usec v = plain(b, retry);
  switch (b->jitter) {
  case LULL_JITTER_NONE:
    break;
  case LULL_JITTER_FULL:
    return lull_rng_range(rng, 0, v);
  case LULL_JITTER_EQUAL:
    return v / 2 + lull_rng_range(rng, 0, v - v / 2);
  case LULL_JITTER_DECORRELATED:
    /* The first wait comes from U(base, 3 base), and it can shrink again. */
    v = previous < 0 ? b->base : previous;
    v = lull_rng_range(rng, b->base, times(v, 3, LULL_NEVER));
    break;
  case LULL_JITTER_ADDED:
    v = lull_usec_add(v, lull_rng_range(rng, b->lo, b->hi));
    break;
  case LULL_JITTER_FACTOR:
    v = times(v, (double)lull_rng_range(rng, b->lo, b->hi) / 1e6, b->cap);
    break;
  }
  return least_of(v, b->cap);
}

static lull_usec saturate(double v)
{
  return v < 9.2e18 ? (lull_usec)v : LULL_NEVER;
}

/* The mean of min(cap, x), x uniform in [lo, hi]. */
static lull_usec capped_mean(lull_usec lo, lull_usec hi, lull_usec cap)
{
  double a = (double)lo, b = (double)hi, c = (double)cap;
  if (hi <= cap)
    return saturate((a + b) / 2);
  if (lo >= cap)
    return cap;
  return saturate(((c * c - a * a) / 2 + c * (b - c)) / (b - a));
}

static struct lull_backoff_span span(lull_usec lo, lull_usec hi, lull_usec cap)
{
  struct lull_backoff_span s = {least_of(lo, cap), capped_mean(lo, hi, cap),
                                least_of(hi, cap)};
  return s;
}

#define CHAINS 2000 /* drawn for the mean: within about one percent */

/* The most follows the recurrence. The mean has no closed form once the cap
   cuts in, and is taken over chains of draws from a fixed seed. */
static struct lull_backoff_span decorrelated(const struct lull_backoff *b,
                                             unsigned retry)
{
  struct lull_backoff_span s = {least_of(b->base, b->cap), 0, b->base};
  struct lull_rng rng;
  unsigned i, chain, steps = retry < 64 ? retry : 64;
  double sum = 0;
  for (i = 0; i < steps; i++)
    s.most = times(s.most, 3, b->cap);
  s.most = least_of(s.most, b->cap);
  lull_rng_seed(&rng, 1);
  for (chain = 0; chain < CHAINS; chain++) {
    lull_usec wait = -1;
    for (i = 1; i < steps; i++)
      wait = lull_backoff_wait(b, i, wait, &rng);
    wait = times(wait < 0 ? b->base : wait, 3, LULL_NEVER);
    if (wait < b->base)
      wait = b->base; /* the cap is below it */
    sum += (double)capped_mean(b->base, wait, b->cap);
  }
  s.mean = saturate(sum / CHAINS);
  if (s.mean < s.least) /* for want of half a microsecond */
    s.mean = s.least;
  return s;
}

struct lull_backoff_span lull_backoff_bounds(const struct lull_backoff *b,
                                             unsigned retry)
{
  lull_usec v = plain(b, retry);
  switch (b->jitter) {
  case LULL_JITTER_FULL:
    return span(0, v, b->cap);
  case LULL_JITTER_EQUAL:
    return span(v / 2, v, b->cap);
  case LULL_JITTER_DECORRELATED:
    return decorrelated(b, retry);
  case LULL_JITTER_ADDED:
    return span(lull_usec_add(v, b->lo), lull_usec_add(v, b->hi), b->cap);
  case LULL_JITTER_FACTOR:
    return span(times(v, (double)b->lo / 1e6, LULL_NEVER),
                times(v, (double)b->hi / 1e6, LULL_NEVER), b->cap);
  case LULL_JITTER_NONE:
    break;
  }
  return span(v, v, b->cap);
}
