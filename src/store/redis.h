/*
 * redis: a store that several processes share, in a Redis.
 *
 * A thread of its own runs one script a tick for all that has gathered, and
 * then writes to a pipe: the loop never waits for the network. What the
 * server decides it decides within the script, by its own clock. The process
 * is a worker with a lease, which each script renews, and with a number that
 * no other worker ever has; when the lease is lost, nothing more is taken.
 *
 * What the scripts are and mean is the business of who opens it: writes of
 * its own kind (`order`) and what comes back (`news`) pass through.
 */
#ifndef LULL_STORE_REDIS_H
#define LULL_STORE_REDIS_H

#include "store/server.h"
#include "store/store.h"

/* NULL, and one sentence; *passing when it may work later. */
struct lull_store *lull_redis_open(const struct lull_server *server,
                                   bool *passing, char *problem, size_t size);

#endif
