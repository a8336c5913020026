/*
 * ahead: descriptors that libcurl opens for itself, and that no child is to
 * get.
 *
 * It tells nobody their numbers, but they are the lowest that are free. Owns
 * nothing; world's alone.
 */
#ifndef LULL_WORLD_AHEAD_H
#define LULL_WORLD_AHEAD_H

#define LULL_AHEAD 4 /* at most, in one go; it opens two */

struct lull_ahead {
  int fds[LULL_AHEAD];
  int count;
};

/* Before libcurl opens some: which are the lowest that are free. Gives the
   first of them, or -1. */
int lull_ahead_look(struct lull_ahead *a);

/* After that: those that are open now are closed in children. */
void lull_ahead_seal(struct lull_ahead *a);

#endif
