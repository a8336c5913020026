/*
 * sockets: those that libcurl has opened. They are closed on exec, and a kept
 * one can be looked at before a request goes out on it.
 *
 * libcurl takes a connection for alive as long as something is there to be
 * read. When a server closes an idle one under TLS, its close_notify is:
 * what is sent then is lost. The kernel knows better.
 *
 * Owns a table of descriptors, not the descriptors; world_real owns it, and
 * transfers hand it to libcurl.
 */
#ifndef LULL_WORLD_SOCKETS_H
#define LULL_WORLD_SOCKETS_H

#include "base/base.h"
#include "world/ahead.h"

#include <curl/curl.h>

#define LULL_SOCKET_CHAINS 256

/* By its descriptor. */
struct lull_socket {
  int next; /* in its chain; -1: the last one */
  int port; /* its own; 0: not known yet, or not open */
  bool open, tired;
  /* netloop's: what the kernel tells of it, 0 for nothing; libcurl does not
     want to hear of it now. */
  unsigned watched;
  bool resting;
  unsigned looks; /* when it began to rest */
};

struct lull_sockets {
  struct lull_socket *list;
  size_t cap;
  int chains[LULL_SOCKET_CHAINS]; /* by port; -1: empty */
  int unbound;                    /* those whose port is not known yet */
  unsigned open;                  /* how many are */
  unsigned look_ups;              /* of names, under way */
  unsigned lacked;                /* how often there was none to be had */
  bool tells_alerts;              /* libcurl does, of TLS, on them */
  CURLSH *sessions; /* of TLS, for those to come; NULL: none was asked for */
  /* The kernel has just told of all that rested; and how often it has. */
  bool looked;
  unsigned looks;
  struct lull_ahead ahead; /* what a look-up has opened */
};

void lull_sockets_init(struct lull_sockets *s);
void lull_sockets_clear(struct lull_sockets *s);

/* A new socket; CURL_SOCKET_BAD when there is none, or it would be one of the
   last files that may be open. */
curl_socket_t lull_sockets_open(struct lull_sockets *s,
                                const struct curl_sockaddr *address);

/* NULL when it was not opened here, or has been closed: libcurl has sockets of
   its own, and a number comes back. */
struct lull_socket *lull_sockets_find(struct lull_sockets *s, int fd);

/* libcurl's CURLOPT_CLOSESOCKETFUNCTION; its user is the table. */
int lull_sockets_close(void *user, curl_socket_t fd);

/* A name is looked up, which takes files, too: whether it is so of one
 * transfer.
 */
void lull_sockets_look_up(struct lull_sockets *s, bool *looks_up, bool on);

/* Nothing came any more on the connection that has this port of ours; and
   whether it was so. */
void lull_sockets_tire(struct lull_sockets *s, int port);
bool lull_sockets_tired(struct lull_sockets *s, int port);

/* What TLS remembers of servers, for handles that serve once and so remember
   nothing; it outlives them. NULL: no memory. */
CURLSH *lull_sockets_sessions(struct lull_sockets *s);

/* Nothing has come on those that rest. */
void lull_sockets_looked(struct lull_sockets *s);

/* True when the server has closed the connection that has this port of ours:
   no answer can come on it any more. `tls`: what it sent is in records. */
bool lull_sockets_ended(struct lull_sockets *s, int port, bool tls);

#endif
