/*
 * rates: all windows of a lane, those for every request and those for some
 * methods and paths only.
 *
 * It owns its windows and the routes' texts. Only `lane` uses it. A set of
 * windows is a mask, bit i for list[i]; windows are only ever added, so a
 * mask stays true. It never knows a ticket, only what one weighs.
 */
#ifndef LULL_LANE_RATES_H
#define LULL_LANE_RATES_H

#include "lane/conf.h"
#include "lane/spread.h"
#include "lane/ticket.h"
#include "lane/weighed.h"
#include "lane/window.h"

struct lull_rates_entry {
  char *method, *path; /* NULL: any */
  struct lull_window window;
  struct lull_spread spread;
  struct lull_weighed *weighed; /* NULL: a start is one, and `window` counts */
};

struct lull_rates {
  struct lull_rates_entry *list; /* up to LULL_LANE_RATES */
  unsigned count;
  unsigned char common;  /* the windows that every request counts in */
  unsigned char weighed; /* those whose starts weigh */
};

void lull_rates_clear(struct lull_rates *r);

/* Adds what `conf` has and `r` has not. All or nothing: LULL_ENOMEM,
   LULL_EINVAL, LULL_ELIMIT. */
enum lull_err lull_rates_merge(struct lull_rates *r,
                               const struct lull_lane_conf *conf);

/* Takes back all windows from number `count` on. */
void lull_rates_cut(struct lull_rates *r, unsigned count);

/* Of what weighs, or NULL; so many, or so much; in so long. */
const char *lull_rates_name(const struct lull_rates_entry *entry);
unsigned lull_rates_most(const struct lull_rates_entry *entry);
lull_usec lull_rates_length(const struct lull_rates_entry *entry);

/* The windows with a route that a request falls under. */
unsigned char lull_rates_match(const struct lull_rates *r, const char *method,
                               const char *path,
                               const struct lull_weights *weights);

/* A start: in which windows it counts, and what it weighs there. */
struct lull_rates_start {
  unsigned char set;
  const struct lull_weights *weights; /* NULL: none */
};

/* The earliest time of one; LULL_NEVER when only an event can help. */
lull_usec lull_rates_next(const struct lull_rates *r,
                          struct lull_rates_start start);

/* One of a set starts, or does not after all: those after it wait for their
   turn. */
void lull_rates_take(struct lull_rates *r, unsigned char set, lull_usec now);
void lull_rates_back(struct lull_rates *r, unsigned char set);

/* The operations of `window`, on all windows of a start. */
void lull_rates_add(struct lull_rates *r, struct lull_rates_start start,
                    lull_usec stamp);
void lull_rates_move(struct lull_rates *r, struct lull_rates_start start,
                     lull_usec from, lull_usec to);
void lull_rates_hold(struct lull_rates *r, struct lull_rates_start start);
void lull_rates_settle(struct lull_rates *r, struct lull_rates_start start,
                       lull_usec stamp);
void lull_rates_release(struct lull_rates *r, struct lull_rates_start start);

/* What was counted at `stamp` under that name weighs `to`. */
void lull_rates_weigh(struct lull_rates *r, unsigned char set, lull_usec stamp,
                      const struct lull_weight *counted, unsigned to);

#endif
