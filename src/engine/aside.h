/*
 * aside: what few calls have, behind a pointer: a million may wait.
 *
 * The call owns it, makes it when it is first needed, and frees it. Used by
 * call, verdict and memo.
 */
#ifndef LULL_ENGINE_ASIDE_H
#define LULL_ENGINE_ASIDE_H

#include "lane/ticket.h"
#include "policy/policy.h"
#include "store/store.h"

/* How a store remembers a call. */
struct lull_call_memo {
  struct lull_store_key key;
  const char *tag; /* what the call is, put before what is kept of it */
  size_t tag_len;
  const char *bytes; /* what was kept; NULL: it begins */
  size_t len;
};

/* What few calls have. Owns all of it. */
struct lull_aside {
  struct lull_limits *limits;   /* its own */
  char *lane;                   /* its name, if it is not the origin's */
  struct lull_weights *weights; /* NULL: none */
  unsigned weighed;             /* the attempt that they say is counted */
  char *detail;                 /* the transport's words on the last error */
  char *left_method, *left_url;
  unsigned left_at;
  struct lull_hint hint; /* of a leg that was lost, until then */
  lull_usec hint_until;
  struct lull_memo *memo; /* how a store remembers it; NULL: not */
  char *past;             /* its attempts in runs before; see past.h */
  size_t past_len;
};

/* Whose call it is, for a store: the item's name, then the tag. */
struct lull_memo {
  struct lull_store_key key;
  size_t tag_len;
  char bytes[];
};

/* A call's, made when there is none yet; NULL when there is no memory. */
struct lull_aside *lull_aside_of(struct lull_aside **place);

/* The hint of a leg that failed while the other goes on, until the wait that
   it asked for is over. Without memory it is lost. */
void lull_aside_keep_hint(struct lull_aside **place,
                          const struct lull_hint *hint, lull_usec now);

/* That hint, with what is left of its wait; false when there is none. */
bool lull_aside_kept_hint(const struct lull_aside *aside, lull_usec now,
                          struct lull_hint *hint);

/* Copies what the call weighs; false: no memory. */
bool lull_aside_weigh(struct lull_aside **place,
                      const struct lull_weights *weights);

/* Copies how the call is remembered; false: no memory. */
bool lull_aside_remember(struct lull_aside **place,
                         const struct lull_call_memo *memo);

/* Writes what is to be kept of a remembered call, after its tag. Without
   memory the store fails. */
void lull_aside_keep(const struct lull_aside *aside, struct lull_store *store,
                     const char *bytes, size_t len);

#endif
