/*
 * memo: calls that are remembered over the end of the process: what is kept of
 * them, when, and how they go on.
 *
 * Before an attempt leaves, that it does is kept for good: it counts, however
 * the process ends, and what it may have done is known. What was on the wire
 * when the process ended is, for a call that goes on, an attempt whose answer
 * never came, and is judged as one.
 *
 * What waits for the store stands in a queue in the order of its writes.
 * Only the engine's own files use it.
 */
#ifndef LULL_ENGINE_MEMO_H
#define LULL_ENGINE_MEMO_H

#include "engine/state.h"

/* Notes that the leg's attempt is about to leave. True when it is to wait for
   lull_memo_ready. */
bool lull_memo_hold(struct lull_engine *e, struct lull_leg *leg);

/* Notes that the call waits, for its next attempt or for a run to come. */
void lull_memo_wait(struct lull_engine *e, const struct lull_call *call,
                    lull_usec wait);

/* Takes up a call where its memo left it. Its wait, from now; or 0 when it
   is to begin at once, be it with an answer that never came. */
lull_usec lull_memo_resume(struct lull_engine *e, struct lull_call *call,
                           const char *bytes, size_t len);

/* The entry stands in the queue until all that is written by now is kept.
   LULL_ENOMEM. */
enum lull_err lull_memo_sync(struct lull_engine *e, struct lull_entry *entry);

/* The next leg that may leave now, or NULL; sleeps that are over are told of
   meanwhile. */
struct lull_leg *lull_memo_ready(struct lull_engine *e);

/* Hands over what was written. True when something is kept by now that was
   waited for, or nothing will be any more. */
bool lull_memo_flush(struct lull_engine *e);

/* The store keeps nothing any more, and nobody has been told. */
bool lull_memo_broken(const struct lull_engine *e);

/* Calls and lanes are kept there from now on; NULL: nowhere. */
void lull_memo_attach(struct lull_engine *e, struct lull_store *store);

void lull_memo_clear(struct lull_engine *e);

#endif
