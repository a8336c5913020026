/*
 * waits: what the calls wait for that are to be tried again, for who tells of
 * a run: grouped by lane, outcome and who set the wait.
 *
 * Owns nothing and changes nothing. One walk over all that lives: to be called
 * a few times a second.
 */
#ifndef LULL_ENGINE_WAITS_H
#define LULL_ENGINE_WAITS_H

#include "engine/engine.h"

#define LULL_WAITS_MAX                                                        \
  16 /* groups; what comes after them is counted alone                        \
      */

struct lull_wait {
  const char *lane; /* borrowed; "" before its first attempt in this process */
  int status;       /* of the last outcome; 0: none */
  enum lull_class class;
  enum lull_source source; /* who set the wait */
  size_t count;
  lull_usec first, last; /* when it is over; monotonic */
};

struct lull_waits {
  struct lull_wait groups[LULL_WAITS_MAX];
  size_t count;  /* of groups */
  size_t others; /* calls that are in none */
  size_t calls;  /* that live, waiting or not */
};

void lull_waits_look(const struct lull_engine *e, struct lull_waits *waits);

#endif
