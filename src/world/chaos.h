/*
 * chaos: faults that are added at the client, by chance.
 *
 * Owns its list. Pure but for the generator: it says what befalls an
 * attempt; the engine lets it happen, and marks it in the history. What is
 * answered here never reaches a server.
 */
#ifndef LULL_WORLD_CHAOS_H
#define LULL_WORLD_CHAOS_H

#include "base/rng.h"
#include "policy/reason.h"

#define LULL_CHAOS_FAULTS 16

struct lull_fault {
  double share;          /* of all attempts, 0 to 1 */
  int status;            /* answer with it; 0: none */
  enum lull_class class; /* end with it; NONE: not */
  lull_usec delay;       /* send that much later */
};

struct lull_chaos {
  struct lull_fault faults[LULL_CHAOS_FAULTS];
  unsigned count;
};

/* LULL_ELIMIT: more faults, or a larger share in all, than there can be. */
enum lull_err lull_chaos_add(struct lull_chaos *chaos,
                             const struct lull_fault *fault);

/* The fault of this attempt, or NULL: one draw. */
const struct lull_fault *lull_chaos_draw(const struct lull_chaos *chaos,
                                         struct lull_rng *rng);

#endif
