/*
 * peers: lanes that other processes have, too. Once a step all that there is
 * to tell and to ask for, of all lanes, goes into one write of a store that
 * several share; and what comes back is put into the lanes: places in their
 * windows, and pauses.
 *
 * Owns nothing but the text that it writes. The store belongs to the driver.
 * Times are told by the store's clock. What it shows is known but roughly: a
 * time that it tells is taken to be as late as it can be, and one that it is
 * told, too, so that no window ever holds more.
 */
#ifndef LULL_ENGINE_PEERS_H
#define LULL_ENGINE_PEERS_H

#include "engine/state.h"

/* Lanes are shared by that store from now on: those of clients that ask for
   it, or all. NULL: no more. `local`: while it is away each goes on with its
   part. */
void lull_peers_attach(struct lull_engine *e, struct lull_store *store,
                       bool all, bool local);

/* What is not used goes back, before the store is closed. */
void lull_peers_leave(struct lull_engine *e);

/* A client's call joins that lane. LULL_ENOMEM. */
enum lull_err lull_peers_join(struct lull_engine *e,
                              struct lull_lane_slot *slot,
                              const struct lull_client *client);

/* Tells and hears; true when something may be able to start now. */
bool lull_peers_turn(struct lull_engine *e);

/* What was not used in time comes back. */
void lull_peers_refresh(struct lull_engine *e);

/* The store keeps nothing more. */
bool lull_peers_broken(const struct lull_engine *e);

#endif
