/*
 * link: the connection to a Redis: opened with all that a journal asks of the
 * server, and run scripts over.
 *
 * Blocks: only the store's own thread calls it. Allocates nothing by lull's
 * allocator.
 */
#ifndef LULL_STORE_LINK_H
#define LULL_STORE_LINK_H

#include "store/line.h"

#ifdef LULL_STORE_REDIS

enum { LULL_LINK_JOIN, LULL_LINK_STEP, LULL_LINK_SCRIPTS };

/* Before the arguments of a script: EVALSHA, its hash, and how many keys. */
enum { LULL_LINK_HEAD = 3 };

struct lull_link {
  struct lull_line line; /* with its problem, when a call was not OK */
  bool ear; /* it only hears what is said on the server's channel */
  char sha[LULL_LINK_SCRIPTS][48];
};

/* Connects, if it is not. */
enum lull_server_end lull_link_open(struct lull_link *l);

/* Runs a script. The first LULL_LINK_HEAD arguments are filled in. The reply
   is an array, to be freed by its taker. Away: it may have run, or not. */
enum lull_server_end lull_link_run(struct lull_link *l, int script, int argc,
                                   const char **argv, size_t *lens,
                                   redisReply **reply);

#endif
#endif
