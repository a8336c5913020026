#include "base/rng.h"

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
