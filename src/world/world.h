/*
 * world: the one seam to the outside: time, randomness and network.
 *
 * Two worlds fill it: world_real (libcurl and the system's clocks) and
 * world_sim (a virtual clock; the driver answers). The engine is the only
 * caller, and nothing else reads a clock, draws entropy or opens a socket.
 */
#ifndef LULL_WORLD_WORLD_H
#define LULL_WORLD_WORLD_H

#include "world/attempt.h"

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
  /* True when `next` has another one already: it ended before any timer that
     is due now, and is to be taken first. */
  bool (*more)(struct lull_world *w);
  /* For who waits elsewhere: a descriptor that is readable as soon as `next`
     has something to do, or -1; and when `next` is to be asked at the latest
     while attempts fly. */
  int (*fd)(struct lull_world *w);
  lull_usec (*due)(struct lull_world *w);
  /* `next` comes back early when that descriptor is readable, and takes what
     is in it; -1: none any more. */
  void (*watch)(struct lull_world *w, int which, int fd);
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
