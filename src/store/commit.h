/*
 * commit: the thread that writes to a file's SQLite, a transaction for all
 * that has gathered meanwhile.
 *
 * It owns the connection that writes while it is busy, and allocates nothing
 * by lull's allocator: the buffers that it reads are swapped, not freed.
 */
#ifndef LULL_STORE_COMMIT_H
#define LULL_STORE_COMMIT_H

#include "store/sqlite.h"
#include "store/store.h"

#ifdef LULL_STORE_SQLITE

#include "store/thread.h"

#include <sys/stat.h>

enum {
  LULL_COMMIT_CALL,
  LULL_COMMIT_OVER,
  LULL_COMMIT_REST,
  LULL_COMMIT_ITEM,
  LULL_COMMIT_FORGET,
  LULL_COMMIT_FORGET_CALL,
  LULL_COMMIT_REOPEN,
  LULL_COMMIT_BEGIN,
  LULL_COMMIT_END,
  LULL_COMMIT_STATEMENTS
};

struct lull_commit {
  const struct lull_sqlite *api;
  sqlite3 *db;
  sqlite3_stmt *st[LULL_COMMIT_STATEMENTS];
  const char *path;
  struct stat file; /* what is there, as it was at first */
  int64_t run;
  int wake[2]; /* the thread writes a byte when it has news */
  pthread_t thread;
  bool running; /* the thread is there */
  /* Shared, under the mutex. */
  pthread_mutex_t mutex;
  pthread_cond_t news;
  struct lull_buf handed, ended; /* see lull_active_place */
  uint64_t handed_to, committed;
  bool busy, stop;
  char wrong[200]; /* "": all is well */
};

/* The connection has its tables; `path` stays. False without memory or thread,
   or when the tables are not what they should be. */
bool lull_commit_start(struct lull_commit *c, const struct lull_sqlite *api,
                       sqlite3 *db, const char *path, int64_t run);

/* Takes what is pending, and the rows that have ended, which are empty then;
   false when it is busy. */
bool lull_commit_take(struct lull_commit *c, struct lull_buf *pending,
                      struct lull_buf *ended, uint64_t upto);

/* What is committed, and what is wrong. Waits for the thread, if asked to.
   True while it is busy. */
bool lull_commit_look(struct lull_commit *c, bool wait, uint64_t *committed,
                      const char **wrong);

/* Commits what was taken, ends the thread and frees all but the connection.
 */
void lull_commit_stop(struct lull_commit *c);

#endif
#endif
