/*
 * aside: what few calls have, behind a pointer: a million may wait.
 *
 * The call owns it, makes it when it is first needed, and frees it. Used by
 * call and verdict.
 */
#ifndef LULL_ENGINE_ASIDE_H
#define LULL_ENGINE_ASIDE_H

#include "policy/policy.h"

/* What few calls have. Owns all of it. */
struct lull_aside {
  struct lull_limits *limits; /* its own */
  char *lane;                 /* its name, if it is not the origin's */
  char *detail;               /* the transport's words on the last error */
  char *left_method, *left_url;
  unsigned left_at;
  struct lull_hint hint; /* of a leg that was lost, until then */
  lull_usec hint_until;
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

#endif
