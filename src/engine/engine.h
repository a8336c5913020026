/*
 * engine: calls and their attempts, as a passive state machine.
 *
 *   QUEUED -> FLYING -> judged -> WAITING -> QUEUED
 *                              -> ASKED -> WAITING or DONE
 *                              -> DONE
 *   cancel leads to DONE from anywhere.
 *
 * It owns its world, its lanes and its calls. It has one blocking step,
 * which returns one event; it never calls back. Every deadline (a backoff, a
 * timeout of an attempt, a call's deadline, a sleep) is one timer entry, so
 * that both worlds time out alike.
 */
#ifndef LULL_ENGINE_ENGINE_H
#define LULL_ENGINE_ENGINE_H

#include "engine/event.h"
#include "engine/reply.h"
#include "world/chaos.h"

struct lull_engine;

/* Takes the world, also when it fails (NULL: no memory). */
struct lull_engine *lull_engine_new(struct lull_world *world);
void lull_engine_free(struct lull_engine *e);

/* Calls may be remembered there from now on; NULL: no more. The store is
   not the engine's. When it keeps nothing any more, LULL_EV_STORE tells. */
void lull_engine_attach(struct lull_engine *e, struct lull_store *store);
const char *lull_engine_problem(const struct lull_engine *e);

/* A sleep until all that was written by now is kept. LULL_ESTALE: there is no
   store; LULL_ENOMEM. */
enum lull_err lull_engine_sync(struct lull_engine *e, lull_id *id);

/* Restarts the generator from a seed. */
void lull_engine_seed(struct lull_engine *e, uint64_t seed);
struct lull_rng *lull_engine_rng(struct lull_engine *e);
lull_usec lull_engine_now(const struct lull_engine *e);
lull_usec lull_engine_wall(const struct lull_engine *e);

/* Starts a call. LULL_EINVAL: a URL or method that cannot be sent; then, as
   on any error, the request is still the caller's. LULL_ENOMEM;
   LULL_ELIMIT: more limits than a lane can hold. */
enum lull_err lull_engine_start(struct lull_engine *e,
                                struct lull_client *client,
                                struct lull_request *request,
                                const struct lull_call_options *options,
                                lull_id *id);

enum lull_err lull_engine_sleep(struct lull_engine *e, lull_usec delay,
                                lull_id *id);

/* What the script decided. */
struct lull_judgement {
  enum lull_action action; /* DEFAULT: the suggestion stands */
  lull_usec wait;          /* of a retry; negative: as suggested */
  bool free;               /* does not count against `attempts` */
  const char *headers;     /* set for the next attempts, name NUL value NUL */
  size_t headers_len;
  const char *secrets; /* likewise, for its own origin only */
  size_t secrets_len;
  const char *url;        /* to go to instead, or NULL */
  struct lull_body *body; /* the next attempt's, taken; or NULL */
};

/* Only for a call that asked; otherwise LULL_ESTALE. LULL_EINVAL: a bad URL
   or header; the call still waits for a judgement. */
enum lull_err lull_engine_judge(struct lull_engine *e, lull_id id,
                                struct lull_judgement *j);

/* The answer of a simulated server: engine/reply.h. LULL_ESTALE: it comes too
   late, and is ignored. */
enum lull_err lull_engine_reply(struct lull_engine *e, lull_id id,
                                const struct lull_reply *reply);

/* The head of a simulated server's answer (status and headers, or no status)
   is there; from now on a byte moves within every `gap`. LULL_ESTALE. */
enum lull_err lull_engine_arriving(struct lull_engine *e, lull_id id,
                                   const struct lull_reply *head,
                                   lull_usec gap);

/* Ends a call (its DONE follows) or a sleep (silently). */
enum lull_err lull_engine_cancel(struct lull_engine *e, lull_id id);

/* Report each verdict as an event; and with `record`, keep the whole answer
   until it has been reported. */
void lull_engine_trace(struct lull_engine *e, bool on);
void lull_engine_record(struct lull_engine *e, bool on);
bool lull_engine_records(const struct lull_engine *e);

/* Adds faults by chance. LULL_ELIMIT as lull_chaos_add. */
enum lull_err lull_engine_chaos(struct lull_engine *e,
                                const struct lull_fault *fault);

/* Runs until there is something to tell, at most for `patience`. */
void lull_engine_step(struct lull_engine *e, lull_usec patience,
                      struct lull_event *event);

/* For who waits elsewhere: what is readable as soon as a step has something
   to do, or -1; and when the next step is due at the latest: now or earlier
   when there is something to tell or to start already. False when nothing is
   under way: a step would wait for ever. */
int lull_engine_fd(const struct lull_engine *e);
bool lull_engine_due(const struct lull_engine *e, lull_usec *at);

/* The event has been dealt with; until then step returns it again. */
void lull_engine_consume(struct lull_engine *e);

/* The state of the lane that a call was in last. */
void lull_engine_lane_state(const struct lull_engine *e,
                            const struct lull_call *call,
                            struct lull_lane_state *state);

/* The name of the lane that a call was in last; "" before the first. */
const char *lull_engine_lane_of(const struct lull_call *call);

/* True when the limits leave room for one more counted attempt. */
bool lull_engine_may_retry(const struct lull_engine *e,
                           const struct lull_call *call);

/* What the call sends, borrowed; NULL when the id is no call's. */
const struct lull_request *lull_engine_request(const struct lull_engine *e,
                                               lull_id id);

/* How many calls and sleeps there are. */
size_t lull_engine_live(const struct lull_engine *e);

/* Walks the lanes: NULL first, NULL at the end. */
const struct lull_lane *lull_engine_lane(const struct lull_engine *e,
                                         const struct lull_lane *before);

#endif
