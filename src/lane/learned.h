/*
 * learned: what a lane has found out about its server. Plain values, shared by
 * the parts that find it out: scatter, hold and learn.
 */
#ifndef LULL_LANE_LEARNED_H
#define LULL_LANE_LEARNED_H

#include "base/rng.h"
#include "lane/cubic.h"
#include "lane/outcomes.h"
#include "lane/period.h"
#include "lane/slots.h"

/* A refusal that is not understood yet: what was sent after it will tell. */
struct lull_suspicion {
  bool on;
  uint64_t first;     /* the earliest start that was refused */
  lull_usec at;       /* when it was sent */
  unsigned flying;    /* how many were in flight then, itself included */
  lull_usec patience; /* when the answers that are missing count as granted */
};

/* A told wait that is so long is a window's, not a bucket's. */
#define LULL_HOLD_LONG (2 * LULL_SEC)

/* A window of five minutes may be shut for so long, and a bit. */
#define LULL_HOLD_LONGEST (310 * LULL_SEC)

/* Nobody but one goes. */
struct lull_hold {
  bool on;
  bool sure;         /* not by a single refusal */
  bool alone;        /* no other was in flight: little to go by */
  bool proven;       /* by more refusals than chance gives */
  bool told;         /* the server named its end */
  unsigned streak;   /* pauses in a row */
  unsigned trial;    /* the server may bear so many at once; 0: no */
  lull_usec full;    /* since when the server has had no room */
  lull_usec refused; /* when the last of those that went first was sent */
  uint64_t granted;  /* when it began */
  unsigned run;      /* refused in a row by then */
};

/* Whether refusals become fewer when the rate falls: if not they are no
   limit's. */
struct lull_trial {
  bool on;
  double share; /* before the rate fell */
  unsigned granted, refused;
};

struct lull_learn {
  bool on;
  bool begun; /* something was sent */
  bool held;  /* there was a hold */
  struct lull_rng rng;
  struct lull_outcomes seen;
  uint64_t cut;    /* what started up to here is accounted for */
  lull_usec epoch; /* when the lane began to be busy */
  uint64_t epoch_granted, block_granted; /* when that was, and `opened` */
  lull_usec active;                      /* when it last was, */
  lull_usec first;                       /* and when it was first */
  double noise; /* the share of refusals that no rate mends */
  struct lull_suspicion suspicion;
  struct lull_hold hold;
  struct lull_cubic cubic;
  struct lull_period period;
  struct lull_trial trial;
  lull_usec opened;       /* when a held lane last was let go again, */
  lull_usec shut;         /* and until when it was shut for certain */
  lull_usec span;         /* from one time that it was to the next */
  double burst;           /* granted at once when it began; 0: not known */
  double peak;            /* the most that it was found to bear */
  unsigned odd;           /* refusals far below that */
  unsigned quick;         /* cuts in a row with hardly a grant between */
  bool unslotted;         /* how many are at once is not what is limited */
  uint64_t slots_granted; /* when it was last thought to be */
  lull_usec told;         /* the last wait that the server told */
  lull_usec base;         /* of the backoff of what was refused last */
  bool quota;             /* some refusal told of one: there is a limit */
  unsigned changes;       /* counts what there is to be told of */
};

/* An attempt as it ended. */
struct lull_learn_end {
  uint64_t number;
  lull_usec began, now;
  unsigned flying; /* when it began, itself included */
  bool alone;      /* no other was, and none waits: its own wait will do */
  enum lull_lane_result result;
  lull_usec hint; /* that the server told, or -1 */
  bool quota;     /* it told of a quota: 429, or nothing remaining */
  lull_usec base; /* the first wait of the call's backoff; 0: none */
};

/* The same in short, for people. */
struct lull_learned {
  double rate;    /* a second; 0: none */
  unsigned count; /* in each `window`; 0: none */
  lull_usec window;
  unsigned parallel; /* at once; 0: none */
  double noise;      /* the share of refusals that is no limit's */
  unsigned changes;  /* moves when any of it has changed but by growing */
};

#endif
