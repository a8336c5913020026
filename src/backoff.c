#include "backoff.h"

/* Splitmix64 (Steele, Lea, Flood 2014): one step, for seeding. */
static uint64_t split(uint64_t *x)
{
  uint64_t z = (*x += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void lull_rng_seed(struct lull_rng *rng, uint64_t seed)
{
  int i;
  for (i = 0; i < 4; i++)
    rng->s[i] = split(&seed);
}

static uint64_t rotate(uint64_t x, int k)
{
  return (x << k) | (x >> (64 - k));
}

uint64_t lull_rng_next(struct lull_rng *rng)
{
  uint64_t *s = rng->s;
  uint64_t result = rotate(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

lull_usec lull_rng_range(struct lull_rng *rng, lull_usec lo, lull_usec hi)
{
  uint64_t span, limit, draw;
  if (hi <= lo)
    return lo;
  span = (uint64_t)hi - (uint64_t)lo + 1;
  if (span == 0)
    return (lull_usec)lull_rng_next(rng);
  limit = UINT64_MAX - UINT64_MAX % span; /* a multiple: no modulo bias */
  do
    draw = lull_rng_next(rng);
  while (draw >= limit);
  return (lull_usec)((uint64_t)lo + draw % span);
}

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
   reached, so that attempt 1100 costs no more than attempt 10. */
static lull_usec plain(const struct lull_backoff *b, unsigned retry)
{
  lull_usec v = least_of(b->base, b->cap);
  unsigned i;
  if (b->kind == LULL_BACKOFF_LINEAR)
    return times(b->base, retry, b->cap);
  if (b->kind == LULL_BACKOFF_EXPONENTIAL && b->factor != 1)
    for (i = 1; i < retry && v > 0 && v < b->cap; i++)
      v = times(v, b->factor, b->cap);
  return v;
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

/* The mean of min(cap, x), x uniform in [lo, hi]. */
static lull_usec capped_mean(lull_usec lo, lull_usec hi, lull_usec cap)
{
  double a = (double)lo, b = (double)hi, c = (double)cap;
  if (hi <= cap)
    return (lull_usec)((a + b) / 2);
  if (lo >= cap)
    return cap;
  return (lull_usec)(((c * c - a * a) / 2 + c * (b - c)) / (b - a));
}

static struct lull_backoff_span span(lull_usec lo, lull_usec hi, lull_usec cap)
{
  struct lull_backoff_span s = {least_of(lo, cap), capped_mean(lo, hi, cap),
                                least_of(hi, cap)};
  return s;
}

/* The bounds follow the recurrence; the mean is that of each step drawn
   from the mean of the step before. */
static struct lull_backoff_span decorrelated(const struct lull_backoff *b,
                                             unsigned retry)
{
  lull_usec mean = b->base, most = b->base;
  unsigned i;
  for (i = 0; i < retry && most < b->cap; i++) {
    most = times(most, 3, b->cap);
    mean = capped_mean(b->base, times(mean, 3, LULL_NEVER), b->cap);
  }
  for (; i < retry && i < 64; i++)
    mean = capped_mean(b->base, times(mean, 3, LULL_NEVER), b->cap);
  return (struct lull_backoff_span){least_of(b->base, b->cap), mean, most};
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
