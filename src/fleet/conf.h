/*
 * conf: what a fleet is: how many clients, when their calls begin, and the
 * server that they meet. A plain value.
 */
#ifndef LULL_FLEET_CONF_H
#define LULL_FLEET_CONF_H

#include "fleet/server.h"

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

#endif
