/*
 * call: a simulated call from state to state: into its lane's queue, onto the
 * wire, judged, waiting, done. Step by step what the engine's lifecycle and
 * verdict do for a real one, with the same functions of policy, judge and
 * lane, and without its request and response.
 */
#ifndef LULL_FLEET_CALL_H
#define LULL_FLEET_CALL_H

#include "fleet/state.h"

/* A call begins, for a client that has a lane. */
void lull_fleet_call_begin(struct lull_fleet *f, struct lull_fleet_client *c);

/* Its timer, or that of one of its legs, is due. */
void lull_fleet_call_due(struct lull_fleet *f, struct lull_fleet_call *call);
void lull_fleet_call_leg(struct lull_fleet *f, struct lull_fleet_leg *leg);

/* Lets go what the client's lane allows to start. */
void lull_fleet_call_dispatch(struct lull_fleet *f,
                              struct lull_fleet_client *c);

#endif
