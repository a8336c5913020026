/*
 * file: a store in one file, by SQLite (WAL, one writer).
 *
 * A thread of its own commits what has gathered, one transaction for all of
 * it, and then writes to a pipe: the loop never waits for a disk. It owns the
 * file's lock, which names its holder.
 */
#ifndef LULL_STORE_FILE_H
#define LULL_STORE_FILE_H

#include "store/store.h"

struct lull_file_options {
  const uint64_t *secret; /* of a new journal */
  bool relaxed;           /* synchronous=NORMAL: safe when the process dies,
                             not when the power fails */
};

/* NULL, and one sentence on what is wrong and what to do. */
struct lull_store *lull_file_open(const char *path,
                                  const struct lull_file_options *options,
                                  char *problem, size_t size);

#endif
