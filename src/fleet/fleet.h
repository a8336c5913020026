/*
 * fleet: many clients in virtual time against one model of a server, to see
 * what a policy does to it.
 *
 * Each client is a process with a lane of its own. Policy, backoff, lane,
 * budget, hint and judge are the engine's own functions, and so is the queue
 * of timers; only the transfers are modelled. It owns all of a run and
 * leaves the figures behind. It reads no clock and draws from the one
 * generator that the seed gives, so the same options give the same figures.
 * The binding is its only caller; it never asks a script.
 */
#ifndef LULL_FLEET_FLEET_H
#define LULL_FLEET_FLEET_H

#include "fleet/server.h"
#include "fleet/stats.h"
#include "request/client.h"

struct lull_fleet_conf {
  uint64_t seed;
  unsigned clients;
  /* Closed: each client makes `calls`, `fanout` at a time, and begins the
     next when those before have ended, after `think`. The first begin
     between 0 and `spread`. */
  unsigned calls, fanout;
  lull_usec think, spread;
  /* Open, when rate > 0: calls begin at this rate (a second, all clients
     together, in turn), evenly or as a Poisson process. */
  double rate;
  bool poisson;
  lull_usec lasting; /* open: until when calls begin; closed: the end */
  char *method;      /* borrowed */
  bool keyed;
  struct lull_fleet_draw hop; /* one way between client and server */
  struct lull_fleet_server_conf server;
};

/* Runs the fleet to its end. The figures are the caller's to clear, whatever
   comes back: LULL_ENOMEM, or LULL_EINVAL and LULL_ELIMIT for limits of the
   lane or of the server that cannot be. */
enum lull_err lull_fleet_run(const struct lull_fleet_conf *conf,
                             struct lull_client *policy,
                             struct lull_fleet_stats *stats);

/* Bytes that a client with one call holds, its lane aside. */
size_t lull_fleet_bytes(void);

#endif
