/*
 * relay: a shared store in a simulated world. Nothing runs the scripts here:
 * what one is to be given is lent out, and who plays the server gives back
 * what it said. So the same scripts decide in virtual time as in a Redis.
 *
 * Owned by who opened it. No thread, no clock, no network.
 */
#ifndef LULL_STORE_RELAY_H
#define LULL_STORE_RELAY_H

#include "store/server.h"
#include "store/store.h"

/* NULL: no memory. It has not joined yet: its first script is the one that
   lets it join. `server` is copied. */
struct lull_store *lull_relay_open(const struct lull_server *server);

/* True of such a store. */
bool lull_relay_is(const struct lull_store *s);

/* What the next script is to be given, borrowed until it is answered; how
   much, 0: there is none. True in *join: it is the one that lets it join,
   and who this is is to be added. */
size_t lull_relay_script(struct lull_store *s,
                         const struct lull_store_text **argv, bool *join);

/* Its lease is to be renewed, though there is nothing to be written. */
void lull_relay_renew(struct lull_store *s);

/* The script has said this: a list of texts, or, of the one that lets it
   join, several lists of one. */
void lull_relay_hear(struct lull_store *s, const struct lull_store_text *texts,
                     size_t count);

/* That was all that the script has said; its writes are kept. */
void lull_relay_answered(struct lull_store *s);

#endif
