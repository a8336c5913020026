/*
 * learn: what a lane has found out about its server's limit from what was
 * granted and what was refused, and when it lets the next request go.
 *
 * One refusal says little: it may be scattered (then the call waits and the
 * lane goes on), or the server may have no room: so many a second, so many in
 * a window, so many at once. What was sent after the refused one tells:
 *
 *   nothing known   sends on; at a refusal it waits for the answers to what
 *                   was sent after it
 *   held            the answers were refusals, too: nobody but one goes, after
 *                   a pause of the lane's own, or as the server told
 *   rate            one passed: sends at the rate at which all were granted,
 *                   and finds the true one (see cubic)
 *   period          refusals come in blocks: so many in each window
 *   at once         one passed while others were in flight: see slots
 *
 * Owned by its lane, with its window. Only `lane` uses it. Deterministic: its
 * generator is seeded by its owner, and time is given.
 */
#ifndef LULL_LANE_LEARN_H
#define LULL_LANE_LEARN_H

#include "lane/learned.h"

void lull_learn_configure(struct lull_learn *l, bool on);
void lull_learn_seed(struct lull_learn *l, uint64_t seed);
void lull_learn_clear(struct lull_learn *l);

/* The earliest time of the next start; LULL_NEVER when an answer has to come
   first. *cause says why. */
lull_usec lull_learn_next(const struct lull_learn *l,
                          const struct lull_slots *s, lull_usec now,
                          enum lull_lane_cause *cause);

/* What time alone brings about. To be called before lull_learn_next. */
void lull_learn_turn(struct lull_learn *l, struct lull_slots *s,
                     lull_usec now);

/* The lane would have let one go, but for the rate. */
void lull_learn_press(struct lull_learn *l);

void lull_learn_start(struct lull_learn *l, uint64_t number, lull_usec now);

void lull_learn_finish(struct lull_learn *l, struct lull_slots *s,
                       const struct lull_learn_end *end);

/* True when something was granted a short while ago. `limited`: what was
   refused now says itself that it is a limit's, which may be shut for longer
   than an outage is taken to be one. */
bool lull_learn_bears(const struct lull_learn *l, lull_usec now, bool limited);

/* True while one goes for several that were refused together: they may all
   wait by themselves. */
bool lull_learn_probes(const struct lull_learn *l);

/* True while it is too early to say that nothing is granted. */
bool lull_learn_begins(const struct lull_learn *l, lull_usec now);

struct lull_learned lull_learn_told(const struct lull_learn *l,
                                    const struct lull_slots *s);

#endif
