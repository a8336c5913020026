/*
 * stats: what a simulated fleet came to, in a size that does not
 * depend on how large the fleet is or how long it runs.
 *
 * Owns its counters. The fleet reports to it, in the order of time; the
 * binding reads it. It never looks at a client.
 */
#ifndef LULL_FLEET_STATS_H
#define LULL_FLEET_STATS_H

#include "policy/reason.h"

#define LULL_FLEET_BUCKETS 8192
#define LULL_FLEET_BUCKET (LULL_SEC / 8) /* at first; doubles when full */
#define LULL_FLEET_EXACT 1024 /* latencies up to here are kept as they are */
#define LULL_FLEET_LEVELS 4608

/* What the server saw and what came of it, in one stretch of time. */
struct lull_fleet_bucket {
  uint32_t offered; /* requests */
  uint32_t good;    /* calls that completed */
};

struct lull_fleet_moment {
  lull_usec at;
  uint64_t count;
};

struct lull_fleet_stats {
  uint64_t begun, completed, given_up, requests;
  uint64_t given_up_by[LULL_WHYS];
  uint64_t least;    /* the fewest calls that one client completed */
  lull_usec done_at; /* the last end of a call */

  /* Latencies: 128 levels an octave, so that none is off by more than 0.4 %;
     below 256 us exact. */
  uint64_t latencies;
  lull_usec exact[LULL_FLEET_EXACT];
  uint64_t levels[LULL_FLEET_LEVELS];

  /* Requests of the last 100 ms, by the moment: a ring. */
  struct lull_fleet_moment *moments;
  unsigned moment_cap, moment_first, moment_count;
  uint64_t recent, burst;

  struct lull_fleet_bucket *buckets;
  unsigned bucket_count; /* those that are used */
  lull_usec bucket;      /* how long one is */

  lull_usec outage_end;
  lull_usec recovered_at; /* the last end of a call that met the outage */
};

/* LULL_ENOMEM */
enum lull_err lull_fleet_stats_init(struct lull_fleet_stats *s);
void lull_fleet_stats_clear(struct lull_fleet_stats *s);

/* The server saw a request. LULL_ENOMEM */
enum lull_err lull_fleet_stats_request(struct lull_fleet_stats *s,
                                       lull_usec at);

/* A call ended; `met`: it had met the outage. */
void lull_fleet_stats_end(struct lull_fleet_stats *s, lull_usec at,
                          enum lull_why why, bool met);

/* How long a call took that completed; or all calls of a fan-out. */
void lull_fleet_stats_latency(struct lull_fleet_stats *s, lull_usec took);

/* The latency that a share q of all is not above; 0 when there is none. */
lull_usec lull_fleet_stats_quantile(struct lull_fleet_stats *s, double q);

/* When goodput was back for good at 95 % of `rate` (calls a second) after
   the outage, judged up to `end` in whole seconds; LULL_NEVER: it was not. */
lull_usec lull_fleet_stats_recovery(const struct lull_fleet_stats *s,
                                    double rate, lull_usec end);

#endif
