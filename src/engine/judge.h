/*
 * judge: what an ended attempt means for its call: the record in the
 * history, the facts for the policy, the terms for the lane.
 *
 * Pure glue between call, policy, hint and lane; it changes the call that it
 * is given and nothing else. Its callers are the engine, and the fleet.
 */
#ifndef LULL_ENGINE_JUDGE_H
#define LULL_ENGINE_JUDGE_H

#include "engine/call.h"

/* Writes the record of the leg's attempt, which has just ended, and takes
   its response, its hint and its evidence into the call. It becomes the one
   that is judged. Room for it was made with the attempt. */
struct lull_record *lull_judge_record(struct lull_call *call,
                                      struct lull_leg *leg, lull_usec now);

/* What the lane should think of an answer whose head is there. */
struct lull_lane_end lull_judge_head(const struct lull_call *call,
                                     struct lull_flight *f);

/* The facts of the judged record, for the policy. */
struct lull_facts lull_judge_facts(const struct lull_call *call, lull_usec now,
                                   bool drained);

/* What the lane should think of an outcome; `hint` may be NULL. */
enum lull_lane_result lull_judge_result(enum lull_class class, int status,
                                        const struct lull_hint *hint);

/* The same of the judged record, with what the server told. `quota` may be
   NULL, and is borrowed. */
struct lull_lane_end lull_judge_end(const struct lull_call *call,
                                    const struct lull_quota *quota);

/* The last answer asks to follow a redirect, and nothing speaks against
   it. */
bool lull_judge_follows(const struct lull_call *call);

/* The server refused an expectation that can be left out (RFC 9110 section
   15.5.18). */
bool lull_judge_unexpected(const struct lull_call *call);

/* What a redirect led to is not there, or not for us: the next attempt had
   better ask where it came from (RFC 9110 section 15.4). */
bool lull_judge_gone(const struct lull_call *call);

/* How long a rule wants the lane to pause after the last outcome; 0: the lane
   sees to that. */
lull_usec lull_judge_pause(const struct lull_call *call,
                           const struct lull_verdict *verdict);

/* Whether a breaker lets a call into its lane. While it is open none may come,
   until *until; while one tries it, who has been sent before may wait for what
   comes of that. */
bool lull_judge_admits(struct lull_lane *lane, bool retry, lull_usec now,
                       lull_usec *until);

/* Why a call ends now that is not let go in time, or later than a wait may be;
   LULL_WHY_NONE: it waits. */
enum lull_why lull_judge_held(const struct lull_limits *limits,
                              lull_usec deadline_at,
                              const struct lull_lane_hold *hold,
                              lull_usec now);

/* One of the limits ended the call: another run might get further. */
bool lull_judge_limited(enum lull_why why);

#endif
