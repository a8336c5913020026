/*
 * state: the engine's insides, shared by its own files. Nobody else includes
 * this.
 *
 * Upwards: events (the queue of what is told), state, known (what outlasts
 * the process of lanes), memo (and of calls), telling and peers (lanes that
 * others have, too), lifecycle (how a call goes from state to state), flight
 * (its attempts on the wire), verdict (what an ended attempt leads to),
 * prepare (headers made anew), weigh (what one really weighed), engine (what
 * the driver calls, and the step).
 */
#ifndef LULL_ENGINE_STATE_H
#define LULL_ENGINE_STATE_H

#include "base/idtable.h"
#include "engine/events.h"
#include "engine/lanes.h"
#include "store/store.h"
#include "world/chaos.h"

/* What waits for the store, in the order of its writes; see memo.h. */
struct lull_dues {
  struct lull_due *list; /* a ring */
  size_t first, count, cap;
};

/* How many attempts may fly, once files have run out; see room.h. */
struct lull_room {
  size_t most;     /* 0: any number */
  size_t landed;   /* since there was room for one more */
  lull_usec shut;  /* none before that */
  lull_usec grows; /* then for one more, whatever lands */
  bool told, untold;
};

/* The lanes that other processes have, too; see peers.h. */
struct lull_peers {
  struct lull_store *store; /* somebody else's; NULL: nobody shares */
  bool all;            /* clients' lanes, also if they do not ask for it */
  bool local;          /* who cannot be asked is done without */
  bool away;           /* nobody can be asked */
  bool timed;          /* the next three are known */
  lull_usec low, high; /* what is added to our time for the store's, at
                          least and at most */
  lull_usec measured;
  lull_usec asked;      /* when it was written last */
  int64_t lanes;        /* that were told of */
  lull_usec turned;     /* when it was looked at them last */
  uint64_t lapses;      /* how often something may not have been heard */
  struct lull_buf text; /* of the next write */
};

/* What was written, and is not handed over yet as more is to come. */
struct lull_gather {
  uint64_t seen;         /* writes, at the last look */
  lull_usec until, most; /* when it is; at the latest. 0: not under way */
};

struct lull_engine {
  struct lull_world *world;
  struct lull_timerq timers;
  struct lull_lanes lanes;
  struct lull_idtable ids;
  struct lull_rng rng;
  struct lull_events events;
  lull_usec now;
  size_t flying; /* attempts that the world will give back by itself */
  struct lull_chaos chaos;
  struct lull_store *store; /* somebody else's; NULL: nothing is kept */
  struct lull_dues dues;
  struct lull_gather gather;
  struct lull_buf known; /* of a lane, for the store */
  struct lull_room room;
  struct lull_peers peers;
  bool trace, record, drained, interrupted;
  lull_id prepared; /* the call whose headers were asked for last; or 0 */
  bool broken;      /* that the store keeps nothing more has been told */
};

/* Gives an entry an id and a timer. LULL_ENOMEM. */
enum lull_err lull_state_enroll(struct lull_engine *e,
                                struct lull_entry *entry);

/* Nothing flies, no timer is set, and nothing waits for the store. */
bool lull_state_still(const struct lull_engine *e);

/* The entry is gone: its id, its timer, its memory. */
void lull_state_dismiss(struct lull_engine *e, struct lull_entry *entry);

#endif
