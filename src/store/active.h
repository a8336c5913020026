/*
 * active: the calls of a file that are under way, and the row that each has.
 *
 * A row's number is used again as soon as its call is over, so that the rows
 * of all that is under way lie side by side, and are found by their numbers.
 * Only `file` uses it, on the loop's thread; it reads and writes nothing.
 */
#ifndef LULL_STORE_ACTIVE_H
#define LULL_STORE_ACTIVE_H

#include "store/store.h"

struct lull_active {
  struct lull_active_call **table;
  size_t count, cap;
  uint32_t last; /* the highest row that was ever given */
  bool rests;    /* there may be calls of items for later, in another table */
  struct lull_buf free; /* rows, as uint32_t */
  struct lull_buf left; /* those whose calls have ended in this pass */
  uint64_t secret[2];   /* for the hashes */
};

void lull_active_init(struct lull_active *a, const uint64_t secret[2]);
void lull_active_clear(struct lull_active *a);

/* The call has that row in the file. LULL_ENOMEM. */
enum lull_err lull_active_add(struct lull_active *a,
                              const struct lull_store_key *k, uint32_t row);

/* The call's row; 0: it is none of these. With nth below 0: of any such one of
   the item, whose nth is set. */
uint32_t lull_active_find(const struct lull_active *a,
                          struct lull_store_key *k);

/* Gives the writes of calls their rows, and tells writes whether there may be
   calls of their item in the other table. To `ended`, which is empty, come the
   rows, as int64_t, whose calls are over, and below 0 those whose items are
   for later. LULL_ENOMEM: of these writes some have none. */
enum lull_err lull_active_place(struct lull_active *a, struct lull_buf *writes,
                                struct lull_buf *ended);

#endif
