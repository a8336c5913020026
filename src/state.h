/*
 * state: the engine's insides, shared by engine.c (what the driver calls,
 * events, the step) and course.c (how a call goes from state to state).
 * Nobody else includes this.
 */
#ifndef LULL_STATE_H
#define LULL_STATE_H

#include "engine.h"
#include "idtable.h"
#include "lanes.h"

/* What an entry has to tell, told in this order. */
enum lull_tell {
  LULL_TELL_VERDICT = 1,
  LULL_TELL_SEND = 2,
  LULL_TELL_ASK = 4,
  LULL_TELL_TIMER = 8,
  LULL_TELL_DONE = 16,
  LULL_TELLING = 32 /* is in the queue */
};

struct lull_engine {
  struct lull_world *world;
  struct lull_timerq timers;
  struct lull_lanes lanes;
  struct lull_idtable ids;
  struct lull_rng rng;
  struct lull_entry *first, *last; /* the queue of events */
  lull_usec now;
  size_t flying; /* attempts that the world will give back by itself */
  bool trace, drained, interrupted;
};

/* engine.c: the entry has something to report. */
void lull_engine_tell(struct lull_engine *e, struct lull_entry *entry,
                      enum lull_tell what);

/* course.c, in the order of a call's life. */

/* Puts the call into the queue of its lane. LULL_EINVAL: its URL is none. */
enum lull_err lull_course_begin(struct lull_engine *e, struct lull_call *call,
                                bool retry);

/* A lane may have something to start. */
void lull_course_dispatch(struct lull_engine *e);

/* A leg's attempt is over, with its class and response filled in. */
void lull_course_conclude(struct lull_engine *e, struct lull_leg *leg);

/* The call's timer is due. */
void lull_course_due(struct lull_engine *e, struct lull_call *call);

/* Applies all limits to what the policy or the script wishes, and acts. */
void lull_course_settle(struct lull_engine *e, struct lull_call *call,
                        struct lull_verdict wish, bool free);

/* Ends the call from any state. */
void lull_course_cancel(struct lull_engine *e, struct lull_call *call);

/* Takes its attempts off the wire and its tickets out of their lanes,
   without a word. */
void lull_course_abandon(struct lull_engine *e, struct lull_call *call);

#endif
