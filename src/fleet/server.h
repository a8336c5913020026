/*
 * server: the server that a simulated fleet calls: how much it bears,
 * what it refuses, and when.
 *
 * A model, and a simple one: one queue, first in, first out, so that the
 * time of an answer is known when its request arrives, and no event is
 * needed for it. It owns its windows. The fleet asks it in the order of
 * arrival; it never looks at a policy or a lane.
 */
#ifndef LULL_FLEET_SERVER_H
#define LULL_FLEET_SERVER_H

#include "fleet/draw.h"
#include "lane/lane.h"
#include "lane/window.h"
#include "policy/reason.h"

enum lull_fleet_outage {
  LULL_FLEET_OUTAGE_REFUSE, /* connections are refused */
  LULL_FLEET_OUTAGE_HOLD,   /* requests are delivered at its end */
  LULL_FLEET_OUTAGE_STATUS  /* 503 */
};

struct lull_fleet_server_conf {
  double capacity;                /* requests a second; 0: any number */
  struct lull_fleet_draw service; /* what one takes besides */
  bool bounded;                   /* 503 when `queue` are waiting */
  unsigned queue;
  struct lull_rate limit, limit_each; /* 429; count 0: none */
  double fail;                        /* this share is answered by ... */
  int fail_status;
  enum lull_fleet_outage outage;
  lull_usec outage_from, outage_to; /* equal: none */
  lull_usec retry_after;   /* told with 429 and 503; 0: nothing is told */
  bool retry_after_window; /* with 429: until there is room again */
  bool conflicts;          /* optimistic locking: 409 for an old version */
};

struct lull_fleet_server {
  struct lull_fleet_server_conf conf;
  double free_at; /* when the last of the queue is done, us */
  uint64_t version;
  struct lull_window all;
  struct lull_window *each; /* one a client; NULL: no limit of theirs */
  unsigned clients;
};

struct lull_fleet_request {
  unsigned client;
  bool read;        /* asks for the version; else writes, when conflicts */
  uint64_t version; /* of the row that it was read from */
};

struct lull_fleet_reply {
  lull_usec seen; /* when the server saw the request */
  lull_usec at;   /* when the answer leaves it */
  enum lull_class class;
  int status;
  lull_usec retry_after; /* whole seconds; 0: none */
  uint64_t version;
};

/* LULL_ENOMEM; LULL_EINVAL or LULL_ELIMIT for a limit that cannot be. */
enum lull_err lull_fleet_server_init(struct lull_fleet_server *s,
                                     const struct lull_fleet_server_conf *conf,
                                     unsigned clients);
void lull_fleet_server_clear(struct lull_fleet_server *s);

/* A request arrives at `now`; no earlier than the one before. LULL_ENOMEM */
enum lull_err lull_fleet_server_take(struct lull_fleet_server *s,
                                     const struct lull_fleet_request *request,
                                     lull_usec now, struct lull_rng *rng,
                                     struct lull_fleet_reply *reply);

#endif
