/*
 * recall: what a journal's file has kept, read by a connection of its own.
 *
 * Items mostly come in the order in which they are kept, or after all that
 * are: so a read goes on from the one before, and where nothing lies between,
 * no read is made.
 */
#ifndef LULL_STORE_RECALL_H
#define LULL_STORE_RECALL_H

#include "store/sqlite.h"
#include "store/store.h"

#ifdef LULL_STORE_SQLITE

enum {
  LULL_RECALL_ITEM,
  LULL_RECALL_CALL,
  LULL_RECALL_ASIDE,
  LULL_RECALL_ACTIVE,
  LULL_RECALLS
};

struct lull_recall {
  const struct lull_sqlite *api;
  sqlite3 *db;
  sqlite3_stmt *st[LULL_RECALLS];
  struct lull_buf row; /* the bytes that were read last */
  /* Of a batch: no item lies between two ids, of which the second is one, or
     is none: there is none after the first. */
  struct {
    bool known, more; /* there is a second one */
    bool there;       /* the statement stands at it */
    int64_t batch;
    struct lull_buf low, high;
  } gap;
};

/* NULL, or what is wrong, borrowed. */
const char *lull_recall_open(struct lull_recall *r,
                             const struct lull_sqlite *api, const char *path);

/* SQLITE_OK, or what went wrong. With `hold` the reading goes on from here at
   the next one; while it does, the log cannot begin anew. */
int lull_recall_item(struct lull_recall *r, const struct lull_store_key *k,
                     struct lull_store_item *item, bool hold);
/* Of an item for later; *bytes is left as it is for nothing. */
int lull_recall_call(struct lull_recall *r, const struct lull_store_key *k,
                     const char **bytes, size_t *len);
/* Of one under way, which has that row; where it is not kept yet, nothing. */
int lull_recall_active(struct lull_recall *r, const struct lull_store_key *k,
                       uint32_t row, const char **bytes, size_t *len);

/* These writes come now. Nothing is held of the file. */
void lull_recall_note(struct lull_recall *r, const struct lull_buf *writes);

void lull_recall_close(struct lull_recall *r);

#endif
#endif
