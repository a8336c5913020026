#define _DEFAULT_SOURCE
#include "store/commit.h"

#ifdef LULL_STORE_SQLITE

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const statements[LULL_COMMIT_STATEMENTS] = {
    "INSERT OR REPLACE INTO active VALUES (?5, ?1, ?2, ?3, ?4)",
    "DELETE FROM active WHERE slot = ?1",
    ("INSERT OR REPLACE INTO call SELECT batch, id, nth, data FROM active AS a"
     " WHERE slot = ?1 AND EXISTS (SELECT 1 FROM item WHERE batch = a.batch"
     " AND id = a.id AND state = ?2)"),
    "INSERT OR REPLACE INTO item VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    "DELETE FROM call WHERE batch = ?1 AND id = ?2",
    "DELETE FROM call WHERE batch = ?1 AND id = ?2 AND nth = ?3",
    "DELETE FROM item WHERE batch = ?1 AND id = ?2",
    "BEGIN IMMEDIATE",
    "COMMIT",
};

static int bind_key(const struct lull_commit *c, sqlite3_stmt *st,
                    const struct lull_store_key *k)
{
  int rc = c->api->bind_int(st, 1, k->batch);
  if (!rc)
    rc = c->api->bind_text(st, 2, k->item, (int)k->len, SQLITE_STATIC);
  return rc;
}

static int run(const struct lull_commit *c, int which)
{
  int rc = c->api->step(c->st[which]);
  c->api->reset(c->st[which]);
  return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int bind_call(const struct lull_commit *c, sqlite3_stmt *st,
                     const struct lull_store_key *k)
{
  int rc = bind_key(c, st, k);
  return rc ? rc : c->api->bind_int(st, 3, k->nth);
}

/* It may have rested in the other table. */
static int put_call(const struct lull_commit *c,
                    const struct lull_store_write *w, const char *bytes)
{
  sqlite3_stmt *st = c->st[LULL_COMMIT_CALL];
  int rc = bind_call(c, st, &w->key);
  if (!rc)
    rc = c->api->bind_blob(st, 4, bytes, (int)w->size, SQLITE_STATIC);
  if (!rc)
    rc = c->api->bind_int(st, 5, w->row);
  if (!rc)
    rc = run(c, LULL_COMMIT_CALL);
  if (rc || !w->rests)
    return rc;
  rc = bind_call(c, c->st[LULL_COMMIT_FORGET_CALL], &w->key);
  return rc ? rc : run(c, LULL_COMMIT_FORGET_CALL);
}

static int put_item(const struct lull_commit *c,
                    const struct lull_store_write *w, const char *bytes)
{
  sqlite3_stmt *st = c->st[LULL_COMMIT_ITEM];
  int rc = bind_key(c, st, &w->key);
  if (!rc)
    rc = c->api->bind_int(st, 3, (sqlite3_int64)w->state);
  if (!rc)
    rc = c->api->bind_int(st, 4, c->run);
  if (!rc)
    rc = c->api->bind_int(st, 5, w->due);
  if (!rc)
    rc = c->api->bind_blob(st, 6, bytes, (int)w->size, SQLITE_STATIC);
  return rc ? rc : run(c, LULL_COMMIT_ITEM);
}

static int forget(const struct lull_commit *c, int which,
                  const struct lull_store_key *k)
{
  int rc = bind_key(c, c->st[which], k);
  return rc ? rc : run(c, which);
}

static int put(const struct lull_commit *c, const struct lull_store_write *w,
               const char *bytes)
{
  int rc;
  if (w->kind == LULL_STORE_CALL)
    return put_call(c, w, bytes);
  rc = w->kind == LULL_STORE_REOPEN ? forget(c, LULL_COMMIT_REOPEN, &w->key)
                                    : put_item(c, w, bytes);
  if (rc || !w->rests || w->kind == LULL_STORE_DEFER)
    return rc;
  return forget(c, LULL_COMMIT_FORGET, &w->key);
}

/* A call that is over, or, below 0, rests: its row is another's next. */
static int end_row(const struct lull_commit *c, int64_t row)
{
  sqlite3_stmt *rest = c->st[LULL_COMMIT_REST];
  int64_t slot = row < 0 ? -row : row;
  int rc = row < 0 ? c->api->bind_int(rest, 1, slot) : SQLITE_OK;
  if (row < 0 && !rc)
    rc = c->api->bind_int(rest, 2, LULL_STORE_LATER);
  if (row < 0 && !rc)
    rc = run(c, LULL_COMMIT_REST);
  if (!rc)
    rc = c->api->bind_int(c->st[LULL_COMMIT_OVER], 1, slot);
  return rc ? rc : run(c, LULL_COMMIT_OVER);
}

static int end_rows(const struct lull_commit *c)
{
  int64_t row;
  size_t at;
  int rc = SQLITE_OK;
  for (at = 0; at < c->ended.len && !rc; at += sizeof row) {
    memcpy(&row, c->ended.data + at, sizeof row);
    rc = end_row(c, row);
  }
  return rc;
}

static int commit(const struct lull_commit *c)
{
  struct lull_store_write w;
  const char *bytes;
  size_t at = 0;
  int rc = run(c, LULL_COMMIT_BEGIN);
  while (!rc && lull_store_next(&c->handed, &at, &w, &bytes))
    rc = put(c, &w, bytes);
  if (!rc)
    rc = end_rows(c);
  return rc ? rc : run(c, LULL_COMMIT_END);
}

static const char gone[] =
    "it is not there any more: it was deleted, moved or "
    "replaced while it was written to";

/* SQLite goes on writing to a file that has no name any more, or another. */
static bool is_there(const struct lull_commit *c)
{
  struct stat now;
  return stat(c->path, &now) == 0 && now.st_ino == c->file.st_ino &&
         now.st_dev == c->file.st_dev;
}

/* What came of a commit is told; nothing is tried again after a failure. */
static void conclude(struct lull_commit *c, const char *wrong)
{
  c->handed.len = c->ended.len = 0;
  c->busy = false;
  if (wrong) {
    snprintf(c->wrong, sizeof c->wrong, "%s", wrong);
    c->stop = true;
  } else {
    c->committed = c->handed_to;
  }
}

/* Told without the mutex: who wakes up would wait for it at once. */
static ssize_t tell(struct lull_commit *c)
{
  pthread_cond_broadcast(&c->news);
  return write(c->wake[1], "!", 1); /* when it is full, there is one */
}

static void *work(void *user)
{
  struct lull_commit *c = user;
  const char *wrong;
  ssize_t told = 0;
  pthread_mutex_lock(&c->mutex);
  while (!c->stop || c->busy) {
    if (!c->busy) {
      pthread_cond_wait(&c->news, &c->mutex);
      continue;
    }
    pthread_mutex_unlock(&c->mutex);
    wrong = commit(c) ? c->api->message(c->db) : is_there(c) ? NULL : gone;
    pthread_mutex_lock(&c->mutex);
    conclude(c, wrong);
    pthread_mutex_unlock(&c->mutex);
    told += tell(c);
    pthread_mutex_lock(&c->mutex);
  }
  pthread_mutex_unlock(&c->mutex);
  return told < 0 ? c : NULL;
}

/* ---- what the store calls ---------------------------------------------- */

static bool prepare(struct lull_commit *c)
{
  int i;
  for (i = 0; i < LULL_COMMIT_STATEMENTS; i++)
    if (c->api->prepare(c->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                        &c->st[i], NULL) != SQLITE_OK)
      return false;
  return true;
}

bool lull_commit_start(struct lull_commit *c, const struct lull_sqlite *api,
                       sqlite3 *db, const char *path, int64_t run_number)
{
  *c = (struct lull_commit){
      .api = api, .db = db, .path = path, .run = run_number};
  c->wake[0] = c->wake[1] = -1;
  lull_buf_init(&c->handed, SIZE_MAX / 2);
  lull_buf_init(&c->ended, SIZE_MAX / 2);
  pthread_mutex_init(&c->mutex, NULL);
  pthread_cond_init(&c->news, NULL);
  c->running = stat(path, &c->file) == 0 && prepare(c) &&
               lull_thread_pipe(c->wake) &&
               lull_thread_begin(&c->thread, work, c);
  return c->running;
}

static void swap(struct lull_buf *a, struct lull_buf *b)
{
  struct lull_buf kept = *a;
  *a = *b;
  *b = kept;
}

bool lull_commit_take(struct lull_commit *c, struct lull_buf *pending,
                      struct lull_buf *ended, uint64_t upto)
{
  bool taken;
  pthread_mutex_lock(&c->mutex);
  taken = !c->busy && !c->stop;
  if (taken) {
    swap(&c->handed, pending);
    swap(&c->ended, ended);
    c->handed_to = upto;
    c->busy = true;
  }
  pthread_mutex_unlock(&c->mutex);
  if (taken)
    pthread_cond_broadcast(&c->news);
  return taken;
}

bool lull_commit_look(struct lull_commit *c, bool wait, uint64_t *committed,
                      const char **wrong)
{
  bool busy;
  pthread_mutex_lock(&c->mutex);
  while (wait && c->busy)
    pthread_cond_wait(&c->news, &c->mutex);
  *committed = c->committed;
  *wrong = c->wrong[0] ? c->wrong : NULL; /* set once, and last */
  busy = c->busy;
  pthread_mutex_unlock(&c->mutex);
  return busy;
}

void lull_commit_stop(struct lull_commit *c)
{
  int i;
  if (c->running) {
    pthread_mutex_lock(&c->mutex);
    c->stop = true;
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
  }
  for (i = 0; i < LULL_COMMIT_STATEMENTS; i++)
    c->api->finalize(c->st[i]);
  lull_thread_close(c->wake);
  lull_buf_clear(&c->handed);
  lull_buf_clear(&c->ended);
  pthread_cond_destroy(&c->news);
  pthread_mutex_destroy(&c->mutex);
}

#else

typedef int lull_commit_is_not_there; /* no file may be empty */

#endif
