#include "lane/reach.h"

void lull_reach_finish(struct lull_reach *r, struct lull_slots *s,
                       struct lull_rng *rng, lull_usec now, uint64_t start,
                       enum lull_lane_result result, bool alone,
                       lull_usec base)
{
  if (result == LULL_RESULT_DROP || start <= r->cut)
    return;
  if (result != LULL_RESULT_UNREACHED && result != LULL_RESULT_UNCONNECTED) {
    r->streak = 0;
    return;
  }
  if (alone)
    return;
  r->cut = s->starts;
  if (++r->streak > 1)
    lull_slots_pause(
        s, lull_usec_add(now, lull_slots_pause_of(rng, base, r->streak - 1)));
}

bool lull_reach_lost(const struct lull_reach *r)
{
  return r->streak > 1;
}
