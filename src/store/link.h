/*
 * link: the connection to a Redis: opened with all that a journal asks of the
 * server, and run scripts over. It says what is wrong in one sentence, and
 * whether that may pass.
 *
 * Blocks: only the store's own thread calls it. Allocates nothing by lull's
 * allocator. No sentence has a password in it.
 */
#ifndef LULL_STORE_LINK_H
#define LULL_STORE_LINK_H

#include "store/hiredis.h"

#ifdef LULL_STORE_REDIS

#include "store/server.h"

enum lull_link_end {
  LULL_LINK_OK,
  LULL_LINK_AWAY, /* may pass: ask again later */
  LULL_LINK_WRONG /* stays as it is until somebody does something */
};

enum { LULL_LINK_JOIN, LULL_LINK_STEP, LULL_LINK_SCRIPTS };

/* Before the arguments of a script: EVALSHA, its hash, and how many keys. */
enum { LULL_LINK_HEAD = 3 };

struct lull_link {
  const struct lull_hiredis *api;
  bool ear; /* it only hears what is said on the server's channel */
  const struct lull_server *options;
  redisContext *context; /* NULL: not connected */
  char sha[LULL_LINK_SCRIPTS][48];
  char problem[256]; /* of the last call that was not OK */
};

/* Connects, if it is not. */
enum lull_link_end lull_link_open(struct lull_link *l);

/* Runs a script. The first LULL_LINK_HEAD arguments are filled in. The reply
   is an array, to be freed by its taker. Away: it may have run, or not. */
enum lull_link_end lull_link_run(struct lull_link *l, int script, int argc,
                                 const char **argv, size_t *lens,
                                 redisReply **reply);

/* Of an ear: the next message, for its taker to free, NULL: there is none.
   `fill`: something can be read. */
enum lull_link_end lull_link_hear(struct lull_link *l, bool fill,
                                  redisReply **reply);

void lull_link_close(struct lull_link *l);

#endif
#endif
