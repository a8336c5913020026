/*
 * h2: what HTTP/2 says of a request that it does not answer (RFC 9113,
 * sections 6.8, 7 and 8.7), read from the words that libcurl writes for
 * people: none of its codes tells these cases apart.
 *
 * A plain value in a transfer. It is told of each line by the transfers of a
 * world, and looks at those that fly on the same connection.
 */
#ifndef LULL_WORLD_H2_H
#define LULL_WORLD_H2_H

#include "base/base.h"

/* Both ends of a connection, as libcurl tells them before it sends. */
#define LULL_H2_CONNECTION 80

struct lull_h2 {
  char connection[LULL_H2_CONNECTION]; /* "" before it is known */
  unsigned long stream;                /* 0: not known, or no HTTP/2 */
  bool left_out; /* a GOAWAY says that it is not processed */
  bool refused;  /* RST_STREAM with REFUSED_STREAM or HTTP_1_1_REQUIRED */
};

/* The request is about to be sent on this connection. */
void lull_h2_begin(struct lull_h2 *h, const char *remote_ip, int remote_port,
                   int local_port);

/* What a line says. */
enum lull_h2_word {
  LULL_H2_NOTHING,
  LULL_H2_OPENED, /* the request has the stream `number` */
  LULL_H2_GOAWAY, /* streams above `number` are not processed */
  LULL_H2_REFUSED_STREAM,
  LULL_H2_OLD
};
enum lull_h2_word lull_h2_read(const char *line, size_t len,
                               unsigned long *number);

#endif
