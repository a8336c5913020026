/*
 * breaker: a circuit breaker: when too large a share of recent attempts
 * failed it lets none through for a while, then one.
 *
 * A plain value, owned by its lane, and used by nobody else. Outcomes are
 * kept in ten buckets, so the window is exact to a tenth. It never holds a
 * ticket: attempts are known by the number of their start.
 */
#ifndef LULL_LANE_BREAKER_H
#define LULL_LANE_BREAKER_H

#include "lane/conf.h"
#include "lane/ticket.h"

#define LULL_BREAKER_BUCKETS 10

struct lull_breaker_bucket {
  lull_usec tick; /* which tenth of the window, counted from time 0 */
  unsigned total, failed;
};

struct lull_breaker {
  struct lull_breaker_conf conf;
  struct lull_breaker_bucket buckets[LULL_BREAKER_BUCKETS];
  bool tripped;       /* open, or half open once `until` has passed */
  lull_usec until;    /* when it is half open */
  uint64_t trial;     /* the last start that tries it; 0: none */
  uint64_t first;     /* and the first, when that is slow */
  lull_usec tried_at; /* when the last one began */
  uint64_t mark;      /* starts up to here are older than its last closing */

  bool shared;     /* others have it, too: they say when it opens, and who
                      tries it */
  bool may_try;    /* it is this process */
  lull_usec again; /* until then it is another one */
  unsigned total, failed; /* outcomes that they were not told of */
  enum lull_breaker_trial {
    LULL_BREAKER_UNTRIED,
    LULL_BREAKER_FAILED,
    LULL_BREAKER_PASSED,
    LULL_BREAKER_DROPPED
  } tried; /* what came of a trial, and they were not told */
};

/* Takes new limits; forgets all when the length of the window changes. Those
   of a client without a breaker change nothing: others may have one. */
void lull_breaker_configure(struct lull_breaker *b,
                            const struct lull_breaker_conf *conf);

/* When it lets one try; 0 when it is closed, or may be tried already. */
lull_usec lull_breaker_shut(const struct lull_breaker *b, lull_usec now);

/* The earliest time of the next start. A trial that is slow (a long poll, a
   server that hangs) is followed by another after a short while; of one that
   is shared the others say when: LULL_NEVER. */
lull_usec lull_breaker_next(const struct lull_breaker *b, lull_usec now);

/* A call may wait for whose turn it is to try it: nobody's yet. */
bool lull_breaker_untried(const struct lull_breaker *b, lull_usec now);

/* It is one for several processes from now on, or this one's alone. */
void lull_breaker_share(struct lull_breaker *b, bool on);

/* Whose turn it is: ours; until `again` another's. */
void lull_breaker_turn(struct lull_breaker *b, bool ours, lull_usec again);

/* What the others say: it is open until then; it is closed. */
void lull_breaker_open(struct lull_breaker *b, lull_usec until);
void lull_breaker_close(struct lull_breaker *b, uint64_t starts);

/* Start number `start` (from 1) happens now; it may be a trial. */
void lull_breaker_start(struct lull_breaker *b, uint64_t start, lull_usec now);

/* True when what becomes of it says whether the breaker closes. */
bool lull_breaker_tries(const struct lull_breaker *b, uint64_t start);

/* What became of it. `starts`: how many there have been. */
void lull_breaker_finish(struct lull_breaker *b, lull_usec now, uint64_t start,
                         uint64_t starts, enum lull_lane_result result);

/* "off", "closed", "open" or "half-open". */
const char *lull_breaker_name(const struct lull_breaker *b, lull_usec now);

#endif
