/*
 * lifecycle: how a call goes from state to state.
 *
 *   from             to        when                           who
 *   (new)            QUEUED    it begins                      engine
 *   (new)            WAITING   it goes on from another run    engine
 *   QUEUED           FLYING    its lane lets it go            flight
 *   QUEUED           PREPARING the script makes its headers   flight
 *   PREPARING        FLYING    they are made                  prepare
 *   PREPARING        QUEUED    the same, after a while        prepare
 *   FLYING           QUEUED    its answer is a redirect       verdict
 *   FLYING           ASKED     the script has a function      verdict
 *   FLYING, ASKED    WAITING   it is to be tried again        verdict
 *   WAITING          QUEUED    its wait is over               engine
 *   FLYING, ASKED    DONE      it is accepted, or stopped     verdict
 *   QUEUED,PREPARING DONE      its deadline, an open breaker  engine
 *   QUEUED, WAITING  DONE      its lane is held for too long  engine
 *   any but DONE     DONE      it is cancelled                engine
 *
 * Each transition is one function here, but for the one that flight makes.
 * They are called by flight, verdict and engine, and call none of them.
 */
#ifndef LULL_ENGINE_LIFECYCLE_H
#define LULL_ENGINE_LIFECYCLE_H

#include "engine/state.h"

/* Puts the call into the queue of its lane. LULL_EINVAL: its URL is none. */
enum lull_err lull_lifecycle_begin(struct lull_engine *e,
                                   struct lull_call *call, bool retry);

/* A call goes on that waited when a process ended: so much is left of its
   wait. LULL_EINVAL: its URL is none. */
enum lull_err lull_lifecycle_resume(struct lull_engine *e,
                                    struct lull_call *call, lull_usec wait);

/* The same for a later request; a failure ends the call. */
void lull_lifecycle_again(struct lull_engine *e, struct lull_call *call);

/* Puts one leg into the queue of its lane. LULL_EINVAL, LULL_ENOMEM. */
enum lull_err lull_lifecycle_enqueue(struct lull_engine *e,
                                     struct lull_leg *leg, bool retry);

/* When the lane's breaker is open, who waits in its queue ends at once. */
void lull_lifecycle_refuse_queued(struct lull_engine *e,
                                  struct lull_lane *lane);

/* Why a call ends that its lane is held too long for; LULL_WHY_NONE: it is
   not. */
enum lull_why lull_lifecycle_held(const struct lull_engine *e,
                                  struct lull_call *call,
                                  const struct lull_lane_hold *hold);

/* Who cannot wait for the end of what holds the lane is told so at once. */
void lull_lifecycle_sweep(struct lull_engine *e, struct lull_lane_slot *slot);

/* Writes the verdict into a record; from then on it may be reported. */
void lull_lifecycle_decide(struct lull_engine *e, struct lull_call *call,
                           struct lull_record *r, struct lull_verdict v);

/* The judged call waits for its next attempt; or for the script's word. */
void lull_lifecycle_wait(struct lull_engine *e, struct lull_call *call,
                         struct lull_verdict v);
void lull_lifecycle_ask(struct lull_engine *e, struct lull_call *call);

/* The leg has its slot; the script is asked for the headers of its request. */
void lull_lifecycle_prepare(struct lull_engine *e, struct lull_leg *leg);

/* Takes a flying attempt off the wire; its evidence stays. */
void lull_lifecycle_ground(struct lull_engine *e, struct lull_leg *leg);

/* Ends a leg whose answer nobody waits for any more. What it sent was on the
   wire, so it is in the history. */
void lull_lifecycle_cut(struct lull_engine *e, struct lull_leg *leg);
void lull_lifecycle_cut_hedge(struct lull_engine *e, struct lull_call *call);

/* The call is done; its end is reported. Early: with no attempt to blame. */
void lull_lifecycle_finish(struct lull_engine *e, struct lull_call *call,
                           struct lull_verdict end);
void lull_lifecycle_finish_early(struct lull_engine *e, struct lull_call *call,
                                 enum lull_why why, enum lull_class fault);

/* Ends the call from any state. */
void lull_lifecycle_cancel(struct lull_engine *e, struct lull_call *call);

/* Takes its attempts off the wire and its tickets out of their lanes,
   without a word. */
void lull_lifecycle_abandon(struct lull_engine *e, struct lull_call *call);

#endif
