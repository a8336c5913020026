/*
 * slots: how many attempts of a lane may be in flight: the fixed limit, the
 * adaptive one, and after a pause the ramp from one upwards.
 *
 * A plain value, owned by its lane, and used by nobody else. Attempts are
 * known by the number of their start, counted from 1; so it can tell those
 * that started before a pause (or a cut) from those after it.
 */
#ifndef LULL_LANE_SLOTS_H
#define LULL_LANE_SLOTS_H

#include "lane/ticket.h"

#define LULL_SLOTS_FIRST 8   /* where the adaptive limit begins */
#define LULL_SLOTS_MOST 1024 /* its ceiling when none is given */

struct lull_slots {
  unsigned parallel; /* 0: no limit */
  bool adaptive;
  unsigned flying;
  uint64_t starts; /* how many there have been */

  unsigned limit;  /* the adaptive one */
  unsigned passes; /* since it last grew */
  uint64_t cut;    /* starts up to here cannot cut it again */

  lull_usec until;      /* the end of the pause */
  uint64_t mark;        /* starts up to here are older than the pause */
  unsigned ramp;        /* how many may fly since the pause; 0: any number */
  unsigned fresh;       /* how many do */
  unsigned ramp_passes; /* since it last grew */
};

/* The smaller parallelism wins; adaptive stays on once it is. */
void lull_slots_configure(struct lull_slots *s, unsigned parallel,
                          bool adaptive);

/* How many may be in flight, the ramp aside; 0: any number. */
unsigned lull_slots_limit(const struct lull_slots *s);

/* The earliest time of the next start as far as the pause goes, and as far
   as the limit goes; LULL_NEVER when an attempt has to finish first. */
lull_usec lull_slots_unpaused(const struct lull_slots *s, lull_usec now);
lull_usec lull_slots_unfilled(const struct lull_slots *s);

/* An attempt starts: its number. */
uint64_t lull_slots_take(struct lull_slots *s);

/* True when the next start will be the one that goes first. */
bool lull_slots_probing(const struct lull_slots *s);

/* The head of its answer came: the ramp need not wait for its end. */
void lull_slots_head(struct lull_slots *s, uint64_t start,
                     enum lull_lane_result result);

/* Attempt number `start` ended. `headed`: lull_slots_head was told. */
void lull_slots_give(struct lull_slots *s, uint64_t start, bool headed,
                     enum lull_lane_result result);

void lull_slots_pause(struct lull_slots *s, lull_usec until);

#endif
