/*
 * verdict: what an ended attempt leads to: the end of the call, a wait, a
 * question to the script, or the next hop of a redirect.
 *
 * It asks judge, policy and the lane, and lets the lifecycle act. Only the
 * engine calls it.
 */
#ifndef LULL_ENGINE_VERDICT_H
#define LULL_ENGINE_VERDICT_H

#include "engine/state.h"

/* A leg's attempt is over, with its class and response. */
void lull_verdict_conclude(struct lull_engine *e, struct lull_leg *leg);

/* Applies all limits to what the policy or the script wishes, and acts. */
void lull_verdict_settle(struct lull_engine *e, struct lull_call *call,
                         struct lull_verdict wish, bool free);

#endif
