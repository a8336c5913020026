/*
 * facts: what is one for all processes that have a lane, beside its windows:
 * slots, the breaker, the retry budget, and the quota that was told. What
 * there is to tell of them, as lines of a letter and numbers (see the script
 * in lull/lanescript), and what is heard.
 *
 * Beside `lane` and `shared` the only file that looks inside a lane. It never
 * talks to anybody, and `now` is given; times of the others' clock are ours
 * plus what is given.
 */
#ifndef LULL_LANE_FACTS_H
#define LULL_LANE_FACTS_H

#include "lane/lane.h"

#define LULL_FACTS_TEXT 512 /* bytes that suffice for all lines */

/* Finds out whether there is something to tell: when, LULL_NEVER for no. */
lull_usec lull_facts_due(struct lull_lane *lane, lull_usec now);

/* All that there is, which counts as told from then on; how long it is. */
size_t lull_facts_tell(struct lull_lane *lane, lull_usec now, lull_usec later,
                       char *text);

/* What was told of the budget is in the level that is heard next. */
void lull_facts_answered(struct lull_lane *lane);

/* A word, and the texts that belong to it. */
void lull_facts_hear(struct lull_lane *lane, lull_usec now, lull_usec later,
                     const char *word, const char *value, const char *more);

#endif
