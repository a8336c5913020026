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

#include "fleet/conf.h"
#include "fleet/stats.h"
#include "request/client.h"

/* Runs the fleet to its end. The figures are the caller's to clear, whatever
   comes back: LULL_ENOMEM, or LULL_EINVAL and LULL_ELIMIT for limits of the
   lane or of the server that cannot be. */
enum lull_err lull_fleet_run(const struct lull_fleet_conf *conf,
                             struct lull_client *policy,
                             struct lull_fleet_stats *stats);

/* Bytes that a client with one call holds, its lane aside. */
size_t lull_fleet_bytes(void);

#endif
