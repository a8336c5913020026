#include "world/chaos.h"

enum lull_err lull_chaos_add(struct lull_chaos *chaos,
                             const struct lull_fault *fault)
{
  double sum = fault->share;
  unsigned i;
  for (i = 0; i < chaos->count; i++)
    sum += chaos->faults[i].share;
  if (chaos->count == LULL_CHAOS_FAULTS || !(fault->share >= 0) || sum > 1)
    return LULL_ELIMIT;
  chaos->faults[chaos->count++] = *fault;
  return LULL_OK;
}

const struct lull_fault *lull_chaos_draw(const struct lull_chaos *chaos,
                                         struct lull_rng *rng)
{
  double draw;
  unsigned i;
  if (!chaos->count)
    return NULL;
  draw = (double)(lull_rng_next(rng) >> 11) * 0x1p-53;
  for (i = 0; i < chaos->count; i++) {
    if (draw < chaos->faults[i].share)
      return &chaos->faults[i];
    draw -= chaos->faults[i].share;
  }
  return NULL;
}
