/*
 * script: what is asked of the scripts of a store that several processes
 * share, and what they say of that; whoever runs them.
 *
 * Plain functions of what they are given. Used by those stores alone.
 */
#ifndef LULL_STORE_SCRIPT_H
#define LULL_STORE_SCRIPT_H

#include "store/store.h"

enum {
  LULL_SCRIPT_WRITES = 256, /* that one script takes at most */
  LULL_SCRIPT_HEAD = 64     /* room for the head of a write */
};

/* What a write is, for the script: its letter, the batch, two numbers. */
void lull_script_head(char head[LULL_SCRIPT_HEAD],
                      const struct lull_store_write *w);

/* `word` is the first that a script said: true when its writes are kept;
   else the store has a problem from then on. `shown` names the server. */
bool lull_script_kept(struct lull_store *s, const char *shown,
                      const char *word);

/* Why it did not let this process join, by that word. */
const char *lull_script_refusal(const char *word);

/* The server's clock: seconds, then microseconds. */
void lull_script_time(struct lull_store *s, const char *seconds,
                      const char *more);

/* Of the seam what a shared store does by orders instead: LULL_EIO. */
enum lull_err lull_script_batch(struct lull_store *s, const char *name,
                                const char *kind, int64_t *number);
enum lull_err lull_script_claim(struct lull_store *s,
                                const struct lull_store_key *k,
                                struct lull_store_item *item);
enum lull_err lull_script_call(struct lull_store *s,
                               const struct lull_store_key *k,
                               const char **bytes, size_t *len);

#endif
