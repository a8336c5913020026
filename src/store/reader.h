/*
 * reader: what stands in a journal's file, for who only looks: by a connection
 * that cannot write, while a run is at work on it or not.
 *
 * Rows come a page at a time, and none is held between two: an open statement
 * would keep the log of a running batch from beginning anew.
 */
#ifndef LULL_STORE_READER_H
#define LULL_STORE_READER_H

#include "store/store.h"

struct lull_reader;

enum lull_reader_what {
  LULL_READ_BATCHES, /* number, name, kind */
  LULL_READ_COUNTS,  /* of a batch: state, count */
  LULL_READ_REASONS, /* of a batch, failed and later: state, count, reason,
                        why; as the script's side wrote them in JSON */
  LULL_READ_ITEMS, /* of a batch and state, after an id: run, due, id, bytes */
  LULL_READ_OPEN,  /* begun and not ended, after an id: calls, 0, id */
  LULL_READ_CALLS  /* of an item: nth, 0, "", bytes */
};

struct lull_reader_query {
  enum lull_reader_what what;
  int64_t batch;
  int state;        /* enum lull_store_state */
  const char *text; /* of OPEN and ITEMS: the last id of the page before;
                       of CALLS the item's; NULL for "" */
  size_t len;
  int limit; /* rows at most */
};

struct lull_reader_row {
  int64_t numbers[2];
  const char *texts[2]; /* borrowed until `take` returns */
  size_t sizes[2];
};

/* NULL, and one sentence on what is wrong. */
struct lull_reader *lull_reader_open(const char *path, char *problem,
                                     size_t size);
void lull_reader_close(struct lull_reader *r);

/* Hands each row to `take`. NULL, or what is wrong, borrowed. */
const char *
lull_reader_read(struct lull_reader *r, const struct lull_reader_query *q,
                 void (*take)(const struct lull_reader_row *row, void *user),
                 void *user);

/* How often the journal was opened to be written; below 0 on error. */
int64_t lull_reader_runs(struct lull_reader *r);

#endif
