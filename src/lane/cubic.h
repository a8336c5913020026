/*
 * cubic: the rate that a lane has learned: what is granted, found by what is
 * refused.
 *
 * A plain value, owned by its lane's `learn`, and used by nobody else. A
 * refusal sets the rate a little below what was granted; from there it grows
 * steeply towards where it was refused, gently around it, and beyond it when
 * nothing is refused for long: the curve of CUBIC (RFC 9438), as in the
 * adaptive retry mode of the AWS SDKs, but relative to the rate, so that it
 * fits one request a minute and a thousand a second.
 *
 * A slow one falls by more, and is back after fewer requests, than a fast one:
 * so lanes that share a limit come to the same share of it. How long after a
 * refusal the next one comes is chance then, so beyond its crest a slow one
 * grows in a straight line until it is chance no more. One that sends less
 * than one a second hears so little that it would stay behind: it grows by so
 * much each second at least, whatever its rate, and does not wait for longer
 * than its rate says.
 *
 * What is granted between two refusals is what the server bears: at both it
 * had no room left. That needs no guess of how much it takes at once.
 */
#ifndef LULL_LANE_CUBIC_H
#define LULL_LANE_CUBIC_H

#include "base/base.h"

/* A time at which the server had no room left, and what it had granted. */
struct lull_full {
  lull_usec at; /* 0: none */
  uint64_t granted;
};

struct lull_cubic {
  double rate;  /* a second; 0: none is known */
  double crest; /* where it was refused last; 0: not yet */
  lull_usec next;
  lull_usec grown; /* when it last grew */
  double least;    /* what it was cut to */
  double spent;    /* seconds of use since it was cut */
  unsigned steps;  /* that it has grown by before it was refused */
  bool pressed;    /* something waited for it since it last grew */
  unsigned passes; /* granted since it was cut, */
  double gap;      /* and as a rule from one cut to the next; 0: not known */
  struct lull_full before, last;
};

/* Starts at `rate`, which nothing was refused at yet. */
void lull_cubic_begin(struct lull_cubic *c, double rate, lull_usec now);

/* A request that was sent at `at` was refused, when `granted` had been
   granted of those sent before. Otherwise known: what was granted a second
   `lately`, and what a bucket would have that `fits`; or 0. Cuts the rate,
   and gives what was found. */
double lull_cubic_cut(struct lull_cubic *c, lull_usec at, lull_usec now,
                      uint64_t granted, double lately, double fits);

/* One was granted. `limit`: the server has said that it has one. */
void lull_cubic_grow(struct lull_cubic *c, lull_usec now, bool limit);

/* One starts. */
void lull_cubic_start(struct lull_cubic *c, lull_usec now);

/* What the server is known to have done meanwhile says nothing of its rate
   any more: it may have room again. */
void lull_cubic_refilled(struct lull_cubic *c);

#endif
