/*
 * transfer: one libcurl easy handle on its way: its options, its callbacks,
 * and what its end means as an outcome.
 *
 * Owns the handle, its header list and its body file while an attempt
 * flies. world_real is the only caller. Its callbacks only append to bounded
 * memory; none of them calls libcurl's transfer functions, or Lua.
 */
#ifndef LULL_WORLD_TRANSFER_H
#define LULL_WORLD_TRANSFER_H

#include "world/decode.h"
#include "world/h2.h"
#include "world/sockets.h"
#include "world/target.h"
#include "world/world.h"

#include <curl/curl.h>

struct lull_transfer {
  CURL *easy;     /* NULL until it is loaded */
  bool once;      /* the handle may serve one transfer, and no more */
  bool decodes;   /* its body; else that is left as it comes */
  bool closes;    /* the request says that its connection ends with it */
  bool plain_tls; /* for an https URL: some hang on it */
  bool records;   /* TLS may be spoken on the connection */
  bool fresh;     /* only a new connection will do */
  bool stale;     /* ended, unsent: its kept connection was closed */
  bool looks_up;  /* a name, in a thread */
  struct lull_target target;
  struct lull_attempt *attempt; /* NULL while in the pool */
  struct lull_transfer *next;   /* in the pool */
  struct lull_world *world;
  struct lull_sockets *sockets;
  struct lull_shard *shard; /* while under way */
  struct lull_transfer **flying, *flies_before, *flies_after;
  struct lull_h2 h2;
  struct curl_slist *headers;
  uint64_t plain_for; /* the client whose options are set, and no others, or
                         whose headers are listed for a handle to come; 0 */
  int body_fd;
  int64_t body_left;
  int64_t moved;    /* bytes of bodies, both ways, when last looked */
  long patience;    /* ms to connect in, as libcurl was told; 0: its own */
  int port;         /* ours, of its connection; 0: none yet */
  unsigned lacked;  /* the sockets' count of that when it began */
  unsigned sends;   /* how often libcurl was about to send it */
  long sent_before; /* bytes that had left by then: a proxy's CONNECT */
  size_t head_size; /* of all heads: the answer's, and the 1xx before it */
  struct lull_decoder *decoder; /* of the body; NULL: none */
  curl_off_t received;          /* of it, when a file is written */
  bool in_head;       /* a status line came, and its empty line did not */
  bool headers_ended; /* of the final answer: what follows are trailers */
  bool body_started;
  bool undecodable;     /* the body is not what its coding says */
  bool notified;        /* TLS said that the connection ends: close_notify */
  enum lull_err failed; /* why a callback refused */
  char error[CURL_ERROR_SIZE];
};

struct lull_transfer *lull_transfer_new(struct lull_world *world,
                                        struct lull_sockets *sockets);
void lull_transfer_free(struct lull_transfer *t);

/* Sets every option for this attempt; `fresh`: it is not to go over a kept
   connection. Errors: LULL_ENOMEM, LULL_EIO and LULL_ECHANGED (the body's
   file). */
enum lull_err lull_transfer_load(struct lull_transfer *t,
                                 struct lull_attempt *attempt, bool fresh);

/* Sets what takes the answer and gives the body. */
void lull_transfer_listen(struct lull_transfer *t);

/* Forgets every option. */
void lull_transfer_wipe(struct lull_transfer *t);

/* Sets what is asked before a socket is opened and a request leaves. */
void lull_transfer_guard(struct lull_transfer *t);

/* Sets what is asked before a name is looked up, and that nobody waits. */
void lull_transfer_heed_lookups(struct lull_transfer *t);

/* True when a byte of the request has left. */
bool lull_transfer_sent(const struct lull_transfer *t);

/* Fills in the attempt's evidence, so far. */
void lull_transfer_evidence(struct lull_transfer *t);

/* Fills in the attempt's outcome. */
void lull_transfer_conclude(struct lull_transfer *t, CURLcode code);

/* libcurl's CURLOPT_DEBUGFUNCTION: its words about HTTP/2 and TLS. */
int lull_transfer_watch(CURL *easy, curl_infotype kind, char *line, size_t len,
                        void *user);

/* What those words say of TLS. */
void lull_transfer_hear_tls(struct lull_transfer *t, const char *line,
                            size_t len);

/* True when an answer of unknown length may have been cut where it ended. */
bool lull_transfer_ends_open(const struct lull_transfer *t);

/* It is under way, one of the list; or no more. */
void lull_transfer_fly(struct lull_transfer *t, struct lull_transfer **list);
void lull_transfer_land(struct lull_transfer *t);

/* Nobody waits for its end any more. It may be its connection that is dead:
   nothing new goes over that. */
void lull_transfer_abandon(struct lull_transfer *t);

/* Its attempt has gone, and its look-up goes on: what comes of that is kept
   for the next one. Into that list, until it ends. */
void lull_transfer_orphan(struct lull_transfer *t,
                          struct lull_transfer **list);

/* Makes it ready for the pool. */
void lull_transfer_unload(struct lull_transfer *t);

#endif
