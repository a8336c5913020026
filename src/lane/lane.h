/*
 * lane: what all calls to one origin share: parallelism, rates, the pause
 * after a throttling answer, the pace on a quota, the retry budget and the
 * circuit breaker.
 *
 * Passive and deterministic: time and the generator are given, nothing is
 * read. The engine owns lanes; a ticket is embedded in its call. A lane
 * never calls back: the engine asks `lull_lane_next` for the ticket that may
 * start, and says with `lull_lane_finish` what became of it.
 */
#ifndef LULL_LANE_LANE_H
#define LULL_LANE_LANE_H

#include "base/rng.h"
#include "hint/hint.h"
#include "lane/conf.h"
#include "lane/learned.h"
#include "lane/ticket.h"

/* What became of an attempt, and what the server told. */
struct lull_lane_end {
  enum lull_lane_result result;
  const struct lull_quota *quota; /* NULL: nothing told */
  lull_usec hint;                 /* a wait that is obeyed; 0: none */
  bool told;                      /* of a quota: it is meant for all calls */
  lull_usec base;                 /* the first wait of its backoff; 0: none */
};

/* NULL when there is no memory. The name is copied. */
struct lull_lane *lull_lane_new(const char *name);
void lull_lane_free(struct lull_lane *lane); /* no ticket may be left */
const char *lull_lane_name(const struct lull_lane *lane);

/* Merges limits into the lane: the smaller parallelism, all rates and
   routes that are not there yet, adaptive when anyone asked for it; pace,
   budget and breaker as given last. The same limits again change nothing.
   All or nothing: LULL_ENOMEM; LULL_ELIMIT beyond LULL_LANE_RATES, or for a
   count above a million; LULL_EINVAL for a rate of nothing. */
enum lull_err lull_lane_configure(struct lull_lane *lane,
                                  const struct lull_lane_conf *conf);

/* Puts a ticket into the queue, with its weights; a retry goes ahead of first
   tries, first in, first out within each. Cannot fail. */
void lull_lane_enqueue(struct lull_lane *lane, struct lull_ticket *ticket,
                       const char *method, const char *path, bool retry);

/* Takes a ticket out of the queue, or gives its slot back as DROP. */
void lull_lane_leave(struct lull_ticket *ticket, lull_usec now);

/* The same of one that has its slot and will not be sent yet: no window counts
   it. Only where starts are told of by lull_lane_sent. */
void lull_lane_return(struct lull_ticket *ticket, lull_usec now);

/* The next ticket that may start now: it holds a slot and is counted in
   every window. NULL when none may; then *when is the time to ask again
   (LULL_NEVER: after the next finish, enqueue or pause). */
struct lull_ticket *lull_lane_next(struct lull_lane *lane, lull_usec now,
                                   lull_usec *when);

/* The request's last byte left at `sent`: windows count from then, since
   the server cannot have seen it earlier. Optional. */
void lull_lane_sent(struct lull_ticket *ticket, lull_usec sent);

/* What was sent has arrived by `at`: when it was counted later than that, it
   is counted then. */
void lull_lane_arrived(struct lull_ticket *ticket, lull_usec at);

/* How long after its sending a request is taken to arrive at the latest: a
   quarter of the shortest window, from 20 to 100 ms. Servers count arrivals,
   and some requests take longer on their way than others. */
lull_usec lull_lane_slack(const struct lull_lane *lane);

/* Promises that every start will be told of by lull_lane_sent (or end).
   Until then it fills its place in the windows, whatever the time, so that
   they are exact for the bytes on the wire and not just for the starts; and
   the time to ask again may be after the next lull_lane_sent. Off at first.
*/
void lull_lane_expect_sent(struct lull_lane *lane, bool on);

/* The head of its answer is there, and so it is known what the attempt comes
   to: if it is the one that tries the breaker, or that goes first after a
   pause, the others need not wait for its body. Its slot it keeps. Optional;
   what it ends with adds nothing to these two. */
void lull_lane_head(struct lull_ticket *ticket, lull_usec now,
                    const struct lull_lane_end *end);

/* The attempt ended; its slot is free. */
void lull_lane_finish(struct lull_ticket *ticket, lull_usec now,
                      const struct lull_lane_end *end);

/* What an attempt that has ended weighs under a name, and not what was counted
   for it. It may be more than its windows hold: then the next waits. */
void lull_lane_weigh(struct lull_lane *lane, const struct lull_ticket *ticket,
                     const struct lull_weight *counted, unsigned weight);

struct lull_lane_weighed {
  const char *name; /* borrowed */
  unsigned most;
  lull_usec length;
  uint64_t held; /* what all weighs that is in it */
};

/* The next of its windows whose starts weigh, from number *i on; false: there
   is none. */
bool lull_lane_weighed(const struct lull_lane *lane, unsigned *i,
                       lull_usec now, struct lull_lane_weighed *window);

/* Seeds the lane's own generator, which spreads its pauses. */
void lull_lane_seed(struct lull_lane *lane, uint64_t seed);

/* No ticket starts before `until`; the longer pause wins. When it ends one
   ticket goes first; if it passes, the rest ramp up. */
void lull_lane_pause(struct lull_lane *lane, lull_usec until);

/* Pays for one retry (or hedge) from the budget; false when it is not
   enough, and then nothing is taken. A success gives `refund` back; one
   that was retried before may give more, as the budget's data say. */
bool lull_lane_pay(struct lull_lane *lane);
void lull_lane_refund(struct lull_lane *lane, bool retried);

/* False when the breaker refuses new attempts until *until. While the one
   that tries it is in flight that is the earliest end if it fails now. */
bool lull_lane_closed(struct lull_lane *lane, lull_usec now, lull_usec *until);

/* When the breaker of an open lane lets one try; 0 when it is closed, or one
   tries already. */
lull_usec lull_lane_open_until(const struct lull_lane *lane, lull_usec now);

/* The ticket that comes first by right, whether or not it may start; NULL:
   none is queued. */
struct lull_ticket *lull_lane_first(const struct lull_lane *lane);

/* What the head of the queue waits for at `now`; LULL_CAUSE_NONE when it may
   start or there is none. */
enum lull_lane_cause lull_lane_cause(const struct lull_lane *lane,
                                     lull_usec now);

/* What holds this ticket, or NULL, everybody. An answer that is under way may
   still make it longer or shorter. */
struct lull_lane_hold lull_lane_held(const struct lull_lane *lane,
                                     const struct lull_ticket *ticket,
                                     lull_usec now);

struct lull_lane_state {
  unsigned queued, flying, parallel; /* parallel: the limit now, 0: none */
  lull_usec paused_until;            /* 0: not paused */
  double budget, budget_capacity;    /* tokens */
  const char *breaker;               /* "off" "closed" "open" "half-open" */
  int64_t quota_remaining;           /* -1: not known */
  unsigned sharers;     /* processes that have it; 0: only this one */
  const char *machines; /* which, in lines; NULL: not known */
  struct lull_learned learned;
};
void lull_lane_inspect(const struct lull_lane *lane, lull_usec now,
                       struct lull_lane_state *state);

#endif
