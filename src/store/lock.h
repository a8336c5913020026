/*
 * lock: one process has a journal. The lock is on a file beside it, and goes
 * with the process, however that ends.
 */
#ifndef LULL_STORE_LOCK_H
#define LULL_STORE_LOCK_H

#include <stdbool.h>
#include <stddef.h>

struct lull_lock {
  int fd;
  char *path;
  bool mine;
};

/* False, and a sentence that names who has it. */
bool lull_lock_take(struct lull_lock *lock, const char *journal, char *problem,
                    size_t size);
void lull_lock_release(struct lull_lock *lock);

/* The pid of who has the journal; 0: nobody, or it cannot be told. */
long lull_lock_holder(const char *journal);

/* A sentence when the folder of the file is on a network file system, where
   locks and shared memory cannot be relied upon. */
bool lull_lock_local(const char *journal, char *problem, size_t size);

#endif
