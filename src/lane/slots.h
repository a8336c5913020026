/*
 * slots: how many attempts of a lane may be in flight: the fixed limit, the
 * one that it learns, and after a pause the ramp from one upwards.
 *
 * The learned one begins with ten and doubles with each round of passes (the
 * slow start of RFC 5681), or when none of them has ended for long (a long
 * poll, say), up to where `learn` found it; from there it grows
 * by one, seldom.
 *
 * A plain value, owned by its lane, and used by nobody else. Attempts are
 * known by the number of their start, counted from 1; so it can tell those
 * that started before a pause (or a cut) from those after it.
 */
#ifndef LULL_LANE_SLOTS_H
#define LULL_LANE_SLOTS_H

#include "base/rng.h"
#include "lane/ticket.h"

#define LULL_SLOTS_FIRST 10     /* where the learned limit begins */
#define LULL_SLOTS_MOST 1000000 /* there it is none any more */
#define LULL_SLOTS_RAMP 1024    /* likewise for the ramp after a pause */
#define LULL_SLOTS_SELDOM 40    /* passes before it grows by one */
#define LULL_SLOTS_PATIENCE (2 * LULL_SEC) /* with those that go first */

struct lull_slots {
  unsigned parallel; /* 0: no limit */
  bool adaptive;
  unsigned flying;
  uint64_t starts;   /* how many there have been */
  lull_usec started; /* the last one */

  unsigned limit;     /* the learned one */
  unsigned threshold; /* where it was found; 0: not yet */
  bool hard;          /* by refusals, not by timeouts: it grows seldom */
  bool confirmed;     /* again when it had grown */
  unsigned passes;    /* since it last grew */
  uint64_t cut;       /* starts up to here cannot cut it again */

  lull_usec until;      /* the end of the pause */
  uint64_t mark;        /* starts up to here are older than the pause */
  unsigned ramp;        /* how many may fly since the pause; 0: any number */
  unsigned fresh;       /* how many do */
  unsigned ramp_passes; /* since it last grew */
  lull_usec probed;     /* when one of them started last */
};

/* The smaller parallelism wins; adaptive stays on once it is. */
void lull_slots_configure(struct lull_slots *s, unsigned parallel,
                          bool adaptive, bool slow_start);

/* How many may be in flight, the ramp aside; 0: any number. */
unsigned lull_slots_limit(const struct lull_slots *s);

/* The earliest time of the next start as far as the pause goes, and as far
   as the limit goes; LULL_NEVER when an attempt has to finish first. */
lull_usec lull_slots_unpaused(const struct lull_slots *s, lull_usec now);
lull_usec lull_slots_unfilled(const struct lull_slots *s);

/* An attempt starts: its number. */
uint64_t lull_slots_take(struct lull_slots *s, lull_usec now);

/* True when the next start will be the one that goes first. */
bool lull_slots_probing(const struct lull_slots *s);

/* The head of its answer came: the ramp need not wait for its end. */
void lull_slots_head(struct lull_slots *s, uint64_t start,
                     enum lull_lane_result result);

/* Attempt number `start` ended. `headed`: lull_slots_head was told. */
void lull_slots_give(struct lull_slots *s, uint64_t start, bool headed,
                     enum lull_lane_result result);

void lull_slots_pause(struct lull_slots *s, lull_usec until);

/* How long the lane's own pause is, the streak-th in a row (from 1), of calls
   whose backoff begins with `base` (0: not known). */
lull_usec lull_slots_pause_of(struct lull_rng *rng, lull_usec base,
                              unsigned streak);

/* The pause, and the ramp after it, are over. */
void lull_slots_resume(struct lull_slots *s);

/* The server bears so many at once, and not many more. */
void lull_slots_found(struct lull_slots *s, unsigned limit);

/* It was not that: the limit begins anew. */
void lull_slots_lift(struct lull_slots *s);

#endif
