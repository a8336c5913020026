/*
 * state: a lane's insides, shared by its own files. Nobody else includes this.
 *
 * Upwards: state, door (when the next may go), lane (what others call), keep
 * and revive (what outlives the process), shared and facts (for who shares
 * lanes).
 */
#ifndef LULL_LANE_STATE_H
#define LULL_LANE_STATE_H

#include "lane/breaker.h"
#include "lane/budget.h"
#include "lane/learn.h"
#include "lane/pace.h"
#include "lane/queue.h"
#include "lane/rates.h"
#include "lane/reach.h"
#include "lane/share.h"
#include "lane/slots.h"

/* Tickets under the same routes wait for the same things, so each set of
   routes has queues of its own: [2 * set] for retries, [2 * set + 1] for
   first tries. Only heads are looked at; none blocks those of another set. */
struct lull_lane {
  char *name;
  struct lull_queue *queues;
  unsigned sets;
  unsigned queued;
  uint64_t number; /* tickets that were ever queued */
  bool expect_sent;
  bool pacing;
  struct lull_rates rates;
  struct lull_slots slots;
  struct lull_learn learn;
  struct lull_reach reach;
  struct lull_pace pace;
  struct lull_budget budget;
  struct lull_breaker breaker;
  struct lull_share *share; /* NULL: no other process has it */
};

/* The windows that other processes count in, too: not those whose starts
   weigh. */
static inline unsigned char lull_state_shared(const struct lull_lane *lane,
                                              const struct lull_ticket *ticket)
{
  return (ticket->routes | lane->rates.common) &
         (unsigned char)~lane->rates.weighed;
}

#endif
