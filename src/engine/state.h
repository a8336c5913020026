/*
 * state: the engine's insides, shared by its four files: engine (what the
 * driver calls, and the step), events (what is told), course (how a call
 * goes from state to state) and verdict (what an ended attempt leads to).
 * Nobody else includes this.
 */
#ifndef LULL_ENGINE_STATE_H
#define LULL_ENGINE_STATE_H

#include "base/idtable.h"
#include "engine/engine.h"
#include "engine/lanes.h"
#include "world/chaos.h"

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
  struct lull_chaos chaos;
  bool trace, record, drained, interrupted;
};

/* engine.c. The call of an entry, or NULL when it is none. */
struct lull_call *lull_state_call(struct lull_entry *entry);

/* The entry is gone: its id, its timer, its memory. */
void lull_state_dismiss(struct lull_engine *e, struct lull_entry *entry);

/* events.c. The entry has something to report; or no more. */
void lull_events_tell(struct lull_engine *e, struct lull_entry *entry,
                      enum lull_tell what);
void lull_events_forget(struct lull_engine *e, struct lull_entry *entry);

/* Looks at the first event without taking it. */
bool lull_events_peek(struct lull_engine *e, struct lull_event *event);

/* course.c, in the order of a call's life. Puts the call into the queue of
   its lane. LULL_EINVAL: its URL is none. */
enum lull_err lull_lifecycle_begin(struct lull_engine *e,
                                   struct lull_call *call, bool retry);

/* The same for a later request; a failure ends the call. */
void lull_lifecycle_again(struct lull_engine *e, struct lull_call *call);

/* Lets go what the lanes allow to start. */
void lull_lifecycle_dispatch(struct lull_engine *e);

/* The call's timer is due; and when it next is, while it flies. */
void lull_lifecycle_due(struct lull_engine *e, struct lull_call *call);
void lull_lifecycle_arm(struct lull_engine *e, struct lull_call *call);

/* Writes the verdict into a record; from then on it may be reported. */
void lull_lifecycle_decide(struct lull_engine *e, struct lull_call *call,
                           struct lull_record *r, struct lull_verdict v);

/* Ends a leg whose answer nobody waits for any more. */
void lull_lifecycle_cut(struct lull_engine *e, struct lull_leg *leg);
void lull_lifecycle_cut_hedge(struct lull_engine *e, struct lull_call *call);

/* The call is done; its end is reported. */
void lull_lifecycle_finish(struct lull_engine *e, struct lull_call *call,
                           struct lull_verdict end);

/* Ends the call from any state. */
void lull_lifecycle_cancel(struct lull_engine *e, struct lull_call *call);

/* Takes its attempts off the wire and its tickets out of their lanes,
   without a word. */
void lull_lifecycle_abandon(struct lull_engine *e, struct lull_call *call);

/* verdict.c. A leg's attempt is over, with its class and response. */
void lull_verdict_conclude(struct lull_engine *e, struct lull_leg *leg);

/* Applies all limits to what the policy or the script wishes, and acts. */
void lull_verdict_settle(struct lull_engine *e, struct lull_call *call,
                         struct lull_verdict wish, bool free);

struct lull_verdict lull_verdict_stop(enum lull_why why);

#endif
