#include "fleet/draw.h"

#include <math.h>

#define TWO_PI 6.283185307179586
#define LONGEST 1e15 /* about 30 years */

double lull_fleet_draw_unit(struct lull_rng *rng)
{
  return ((double)(lull_rng_next(rng) >> 11) + 0.5) * 0x1p-53;
}

double lull_fleet_draw_gap(double mean, struct lull_rng *rng)
{
  return -mean * log(lull_fleet_draw_unit(rng));
}

static lull_usec whole(double us)
{
  return us < LONGEST ? (lull_usec)(us + 0.5) : (lull_usec)LONGEST;
}

/* G. Box and M. Muller, "A note on the generation of random normal
   deviates", 1958; of the pair only the first. */
static lull_usec normal(const struct lull_fleet_draw *d, struct lull_rng *rng)
{
  double radius = sqrt(-2 * log(lull_fleet_draw_unit(rng)));
  double angle = TWO_PI * lull_fleet_draw_unit(rng);
  return whole(fabs((double)d->a + (double)d->b * radius * cos(angle)));
}

/* By inversion; the narrowest tail that the draw falls into. */
static lull_usec tailed(const struct lull_fleet_draw *d, struct lull_rng *rng)
{
  double u = lull_fleet_draw_unit(rng);
  for (unsigned i = d->tail_count; i-- > 0;) {
    const struct lull_fleet_tail *tail = &d->tails[i];
    if (u <= tail->share)
      return whole((double)tail->at *
                   pow(u / tail->share, -1 / tail->exponent));
  }
  return lull_rng_range(rng, d->a, d->b);
}

lull_usec lull_fleet_draw_next(const struct lull_fleet_draw *d,
                               struct lull_rng *rng)
{
  switch (d->kind) {
  case LULL_FLEET_DRAW_NORMAL:
    return normal(d, rng);
  case LULL_FLEET_DRAW_TAIL:
    return tailed(d, rng);
  case LULL_FLEET_DRAW_UNIFORM:
    break;
  }
  return lull_rng_range(rng, d->a, d->b);
}
