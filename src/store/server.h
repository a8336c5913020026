/*
 * server: which Redis, which journal in it, what is asked of it, and what that
 * may come to. Plain values, which belong to who made them.
 */
#ifndef LULL_STORE_SERVER_H
#define LULL_STORE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

enum lull_server_text {
  LULL_SERVER_HOST, /* or the path of a socket, which begins with a slash */
  LULL_SERVER_USER, /* NULL: the default one */
  LULL_SERVER_PASSWORD,
  LULL_SERVER_NAME,  /* of the journal */
  LULL_SERVER_SHOWN, /* its URL without secrets */
  LULL_SERVER_JOIN,  /* the scripts */
  LULL_SERVER_STEP,
  LULL_SERVER_CHANNEL,   /* what is said there is heard; NULL: none */
  LULL_SERVER_SENTINELS, /* lines of a host and a port; NULL: none are asked */
  LULL_SERVER_PRIMARY,   /* what they know the server as */
  LULL_SERVER_SENTINEL_USER, /* for them; NULL: the default one */
  LULL_SERVER_SENTINEL_PASSWORD,
  LULL_SERVER_CACERT, /* of TLS: who is trusted, NULL: the system's */
  LULL_SERVER_CAPATH,
  LULL_SERVER_CERT, /* what is shown there, NULL: nothing */
  LULL_SERVER_KEY,
  LULL_SERVER_TEXTS
};

/* What came of asking it. */
enum lull_server_end {
  LULL_SERVER_OK,
  LULL_SERVER_AWAY, /* may pass: ask again later */
  LULL_SERVER_WRONG /* stays as it is until somebody does something */
};

struct lull_server {
  const char *text[LULL_SERVER_TEXTS];
  int port, database;
  int lease; /* ms */
  bool tls;
  bool assume_durable;   /* it is not looked at whether it keeps all */
  const uint64_t *draws; /* 4: the secret of a new journal, and its epoch */
};

#endif
