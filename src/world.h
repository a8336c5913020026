/*
 * world: the one seam to the outside: time, randomness and network.
 *
 * Two worlds fill it: world_real (libcurl and the system's clocks) and
 * world_sim (a virtual clock; the driver answers). The engine is the only
 * caller, and nothing else reads a clock, draws entropy or opens a socket.
 */
#ifndef LULL_WORLD_H
#define LULL_WORLD_H

#include "request.h"
#include "sink.h"

/* What a server answered. Owns its headers and body. */
struct lull_response {
  int status; /* 0: there is none */
  struct lull_headers headers;
  struct lull_sink sink;
};

/* One transfer on the wire. The engine allocates it for as long as it flies
   and fills the first part; the world fills the second. */
struct lull_attempt {
  void *owner;  /* the engine's call */
  void *engine; /* the engine */
  /* Called when the request starts to leave, from within `next`; it must
     not call the world. */
  void (*leaving)(struct lull_attempt *a, lull_usec at);
  const struct lull_request *request;
  const struct lull_client *client;

  enum lull_class class; /* LULL_CLASS_NONE: there is a whole answer */
  struct lull_response response;
  bool connected; /* there was a connection to send on */
  bool sent;      /* a byte of the request may have reached the server */
  bool answered;  /* a byte of an answer came */
  lull_usec arrived; /* wall clock when the headers came */
  char detail[96]; /* what the transport says of an error */

  bool parked;    /* simulated: waits for the driver's answer */
  struct lull_headers outgoing; /* simulated: what the server is to see */
  void *transfer; /* the world's own */
};

struct lull_world;

struct lull_world_ops {
  /* Monotonic time, us. */
  lull_usec (*now)(struct lull_world *w);
  /* Wall time, us since 1970. */
  lull_usec (*wall)(struct lull_world *w);
  /* 64 bits to seed the generator with. */
  uint64_t (*entropy)(struct lull_world *w);
  /* Starts a transfer: exactly one request on the wire, for every method.
     An error means that nothing was sent and `next` will not give it. */
  enum lull_err (*send)(struct lull_world *w, struct lull_attempt *a);
  /* Ends a transfer now; its evidence (connected, sent, answered) is filled
     in. The attempt is the engine's again. */
  void (*cancel)(struct lull_world *w, struct lull_attempt *a);
  /* The next attempt that ended (or, simulated, that wants an answer), or
     NULL at `until`, or earlier when interrupted. `until` <= now: looks
     without waiting. */
  struct lull_attempt *(*next)(struct lull_world *w, lull_usec until);
  /* Frees the world; no attempt may fly. */
  void (*close)(struct lull_world *w);
};

struct lull_world {
  const struct lull_world_ops *ops;
  bool simulated;
  unsigned interrupts; /* signals seen and not yet reported */
};

/* `interrupt_fd`: a descriptor that becomes readable when the process is to
   end, or -1. NULL when libcurl cannot be set up. */
struct lull_world *lull_world_real(int interrupt_fd);

/* "libcurl/7.88.1 OpenSSL/3.0.16 ..." */
const char *lull_transport_version(void);

/* A virtual clock that begins at `wall` (us since 1970). */
struct lull_world *lull_world_sim(uint64_t seed, lull_usec wall);

#endif
