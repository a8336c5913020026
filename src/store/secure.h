/*
 * secure: TLS over a connection to a Redis. The server's certificate is
 * checked as those of HTTPS are, and its name is.
 *
 * It owns what OpenSSL makes; the connection, and what reads its replies, are
 * hiredis's. Blocks, and is used by link alone. Allocates nothing by lull's
 * allocator.
 */
#ifndef LULL_STORE_SECURE_H
#define LULL_STORE_SECURE_H

#include "store/openssl.h"

#ifdef LULL_STORE_REDIS

#include "store/server.h"

enum { LULL_SECURE_CHUNK = 16384 }; /* a record of TLS */

struct lull_secure {
  const struct lull_hiredis *hiredis;
  const struct lull_openssl *api;
  struct ssl_ctx_st *ctx;
  struct ssl_st *ssl; /* NULL: not connected */
  bool heard;         /* the server has said something since */
  size_t held;        /* bytes of a command that wait in `chunk` */
  char chunk[LULL_SECURE_CHUNK];
  char problem[160]; /* of the last call that was not OK */
};

/* Over that connection, to that host. */
enum lull_server_end lull_secure_open(struct lull_secure *s,
                                      const redisContext *context,
                                      const char *host,
                                      const struct lull_server *options);

/* Sends a command, and waits for its reply. `lens` may be NULL: texts. */
enum lull_server_end lull_secure_command(struct lull_secure *s,
                                         redisContext *context, int argc,
                                         const char **argv, const size_t *lens,
                                         void **reply);

/* Takes all that has come into the connection's reader. */
enum lull_server_end lull_secure_fill(struct lull_secure *s,
                                      redisContext *context);

void lull_secure_close(struct lull_secure *s);

/* Frees all that is left. */
void lull_secure_free(struct lull_secure *s);

#endif
#endif
