/*
 * netloop: waits for sockets, for time and for an interrupt, and drives
 * libcurl's multi handles meanwhile.
 *
 * On Linux it is libcurl's socket interface over epoll, with a timerfd:
 * what it costs does not grow with the transfers that only hang, and its
 * waits end within a tenth of a millisecond. Elsewhere it is
 * curl_multi_poll. It owns its descriptors and the handles; world_real owns
 * it.
 */
#ifndef LULL_WORLD_NETLOOP_H
#define LULL_WORLD_NETLOOP_H

#include "world/shards.h"
#include "world/sockets.h"

#define LULL_NETLOOP_OTHERS 2 /* the journal, and who shares lanes */

struct lull_netloop {
  struct lull_shards shards;
  struct lull_sockets *sockets; /* that libcurl has opened; world_real's */
  int interrupt_fd;             /* -1: none */
  unsigned interrupts; /* bytes that came over it, and are not yet counted */
  int other_fd[LULL_NETLOOP_OTHERS]; /* that somebody else is told by; -1 */
  bool woken;                        /* it was readable */
  int epoll_fd, timer_fd;
  lull_usec armed_at; /* what the timerfd is set to */
};

/* Where the world's time comes from; monotonic, us. */
lull_usec lull_netloop_now(void);

/* LULL_EWORLD when the system gives no descriptors. */
enum lull_err lull_netloop_init(struct lull_netloop *loop, int interrupt_fd,
                                struct lull_sockets *sockets);
void lull_netloop_clear(struct lull_netloop *loop);

/* Drives the transfers, waiting for at most until `until`; returns after
   each round in which something happened. */
void lull_netloop_run(struct lull_netloop *loop, lull_usec until);

/* Also returns when that descriptor is readable, and empties it: of the one
   number `which`, below LULL_NETLOOP_OTHERS; -1: no more. */
void lull_netloop_watch(struct lull_netloop *loop, int which, int fd);

/* It was, since it was asked last. */
bool lull_netloop_woken(struct lull_netloop *loop);

/* For who waits elsewhere: what is readable as soon as there is something to
   drive, or -1; and when it is to be run at the latest while transfers fly. */
int lull_netloop_fd(const struct lull_netloop *loop);
lull_usec lull_netloop_due(const struct lull_netloop *loop);

#endif
