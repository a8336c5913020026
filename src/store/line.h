/*
 * line: a connection to a Redis, plain or by TLS, and commands over it. It
 * says what is wrong in one sentence, and whether that may pass.
 *
 * Blocks: only the store's own thread calls it. Allocates nothing by lull's
 * allocator. No sentence has a password in it.
 */
#ifndef LULL_STORE_LINE_H
#define LULL_STORE_LINE_H

#include "store/secure.h"

#ifdef LULL_STORE_REDIS

struct lull_line {
  const struct lull_hiredis *api;
  const struct lull_server *options;
  redisContext *context; /* NULL: not connected */
  bool sentinel;         /* what is asked now is one */
  struct lull_secure secure;
  char problem[256]; /* of the last call that was not OK */
};

/* Connects to that server; a host that begins with a slash is a socket. */
enum lull_server_end lull_line_open(struct lull_line *l, const char *host,
                                    int port);

/* Sends a command; its reply is for its taker to free, also one that is an
   error. `lens` may be NULL: all are texts. */
enum lull_server_end lull_line_command(struct lull_line *l, int argc,
                                       const char **argv, const size_t *lens,
                                       redisReply **reply);

/* The same, and the reply is of that type. */
enum lull_server_end lull_line_ask(struct lull_line *l, int argc,
                                   const char **argv, int type,
                                   redisReply **reply);

/* The same of one whose reply says no more than that it was done. */
enum lull_server_end lull_line_tell(struct lull_line *l, int argc,
                                    const char **argv);

/* What the server refuses, in its words and ours. */
enum lull_server_end lull_line_refused(struct lull_line *l, const char *says);

/* Ends as `what`, for a reason that is these words one after the other. */
enum lull_server_end lull_line_end(struct lull_line *l,
                                   enum lull_server_end what,
                                   const char *sentence, const char *more);

/* The next message that has come, NULL: there is none. `fill`: something can
   be read. */
enum lull_server_end lull_line_hear(struct lull_line *l, bool fill,
                                    redisReply **reply);

/* Frees a reply, if there is one. */
void lull_line_drop(const struct lull_line *l, redisReply *reply);

void lull_line_close(struct lull_line *l);

/* Frees what a line keeps from one connection to the next. */
void lull_line_free(struct lull_line *l);

#endif
#endif
