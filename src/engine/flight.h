/*
 * flight: the attempts of a call on the wire: launched, timed out, and raced
 * by a second one when the first is late.
 *
 * An attempt that ends here comes back as a value: the engine has it judged.
 */
#ifndef LULL_ENGINE_FLIGHT_H
#define LULL_ENGINE_FLIGHT_H

#include "engine/reply.h"
#include "engine/state.h"

/* The lane lets a leg go. True when its attempt has ended already: it could
   not be sent, or a fault was added to it. */
bool lull_flight_launch(struct lull_engine *e, struct lull_leg *leg);

/* Sends it; one that must not be doubled waits for the store first, and comes
   here again. True when it could not be sent, and so has ended. */
bool lull_flight_take_off(struct lull_engine *e, struct lull_leg *leg);

/* The timer of a flying call is due. The leg whose attempt has ended by it,
   or NULL. */
struct lull_leg *lull_flight_due(struct lull_engine *e,
                                 struct lull_call *call);

/* Simulated: the answer begins, if `head` has a status, or goes on, and a byte
   moves within every `gap`. */
void lull_flight_arriving(struct lull_engine *e, struct lull_leg *leg,
                          const struct lull_reply *head, lull_usec gap);

/* Sets that timer: one serves both legs, the hedge's start and the deadline.
 */
void lull_flight_arm(struct lull_engine *e, struct lull_call *call);

#endif
