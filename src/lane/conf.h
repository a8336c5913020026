/*
 * conf: what a lane is told: its rates, its parallelism, its budget, its
 * breaker. Plain values, made by a client.
 */
#ifndef LULL_LANE_CONF_H
#define LULL_LANE_CONF_H

#include "base/base.h"

/* No window of `window` length ever holds more than `count` starts; how many
   of them may come at once is told by `burst`: see spread. */
struct lull_rate {
  unsigned count;
  lull_usec window;
  unsigned burst;
};

/* A rate for some requests only: method ("POST|PUT" for several, "" for any)
   and a path pattern,
   where '*' stands for any run of bytes. With a name it is one whose starts
   weigh what their calls say under it; those that say nothing do not count. */
struct lull_route {
  char *name; /* NULL: a start is one */
  char *method;
  char *path;
  struct lull_rate rate;
};

#define LULL_LANE_RATES 8 /* windows of one lane, routes included */

/* A token bucket for retries. Tokens are counted in thousandths, so that
   sums are exact. */
struct lull_budget_conf {
  bool on;
  bool payback; /* a retry that succeeds gives its cost back, not `refund` */
  unsigned capacity, cost, refund; /* in 1/1000 token */
};

struct lull_breaker_conf {
  bool on;
  double failures; /* share of failures that opens it, 0 to 1 */
  lull_usec window;
  unsigned least; /* fewest outcomes in the window to judge by */
  lull_usec open; /* how long it stays open */
};

struct lull_lane_conf {
  unsigned parallel; /* attempts in flight; 0: no limit */
  bool adaptive;     /* finds out what the server bears: see learn */
  bool slow_start;   /* begins with few in flight */
  bool pace;         /* spread a known quota over its window */
  struct lull_rate rates[LULL_LANE_RATES];
  unsigned rate_count;
  struct lull_route routes[LULL_LANE_RATES];
  unsigned route_count;
  struct lull_budget_conf budget;
  struct lull_breaker_conf breaker;
};

#endif
