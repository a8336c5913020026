#define _DEFAULT_SOURCE
#include "store/file.h"
#include "store/active.h"
#include "store/advice.h"
#include "store/commit.h"
#include "store/lock.h"
#include "store/recall.h"

#include <stdio.h>

#ifdef LULL_STORE_SQLITE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_CALL                                                             \
  "NOT EXISTS (SELECT 1 FROM item WHERE batch = c.batch AND id = c.id)"

/* The tables, by the version that brought them. */
static const char *const migrations[LULL_JOURNAL_VERSION] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE batch (id INTEGER PRIMARY KEY, name TEXT UNIQUE,"
    " kind TEXT);"
    "CREATE TABLE item (batch INTEGER, id TEXT, state INTEGER, run INTEGER,"
    " due INTEGER, data BLOB, PRIMARY KEY (batch, id)) WITHOUT ROWID;"
    "CREATE TABLE call (batch INTEGER, id TEXT, nth INTEGER, data BLOB,"
    " PRIMARY KEY (batch, id, nth)) WITHOUT ROWID;",
    /* Those under way have rows of small numbers that are used again; with
       `call` are left those of items for later. */
    "CREATE TABLE active (slot INTEGER PRIMARY KEY, batch INTEGER, id TEXT,"
    " nth INTEGER, data BLOB);"
    "INSERT INTO active (batch, id, nth, data) SELECT batch, id, nth, data"
    " FROM call AS c WHERE " OPEN_CALL ";"
    "DELETE FROM call AS c WHERE " OPEN_CALL ";"};

struct store_file {
  struct lull_store store; /* first, so that the seam's pointer is ours */
  const struct lull_sqlite *api;
  struct lull_lock lock;
  char *path;
  sqlite3 *writer;
  struct lull_recall recall;
  struct lull_active active;
  struct lull_buf ended; /* its rows, for the next commit */
  struct lull_commit commit;
  bool committing; /* `commit` was started */
};

static struct store_file *self(struct lull_store *s)
{
  return (struct store_file *)(void *)s;
}

static void say(const struct store_file *f, const char *words, char *problem,
                size_t size)
{
  snprintf(problem, size, "%s: %s%s", f->path, words,
           lull_store_advice(words));
}

/* ---- the seam ---------------------------------------------------------- */

/* True while the thread is busy. */
static bool look(struct store_file *f, bool wait)
{
  const char *wrong;
  bool busy = lull_commit_look(&f->commit, wait, &f->store.durable, &wrong);
  if (wrong && !f->store.problem[0])
    say(f, wrong, f->store.problem, sizeof f->store.problem);
  return busy;
}

/* While the thread is at work, what comes gathers for its next one. */
static void flush(struct lull_store *s)
{
  struct store_file *f = self(s);
  if (look(f, false) || s->problem[0])
    return;
  lull_recall_note(&f->recall, &s->pending);
  if (lull_active_place(&f->active, &s->pending, &f->ended) != LULL_OK)
    lull_store_fail(s, "out of memory");
  else
    lull_commit_take(&f->commit, &s->pending, &f->ended, s->written);
}

/* What gathers goes when the loop has nothing else to do, not at a look. */
static void poll(struct lull_store *s)
{
  look(self(s), false);
}

static enum lull_err read_end(struct store_file *f, int rc)
{
  if (rc && !f->store.problem[0])
    say(f,
        rc == SQLITE_NOMEM ? "out of memory"
                           : f->recall.api->message(f->recall.db),
        f->store.problem, sizeof f->store.problem);
  return f->store.problem[0] ? LULL_EIO : LULL_OK;
}

/* While the thread commits nothing is held, so that the log can begin anew. */
static enum lull_err claim(struct lull_store *s,
                           const struct lull_store_key *k,
                           struct lull_store_item *item)
{
  struct store_file *f = self(s);
  bool busy = look(f, false);
  return read_end(f, lull_recall_item(&f->recall, k, item, !busy));
}

static enum lull_err call(struct lull_store *s, const struct lull_store_key *k,
                          const char **bytes, size_t *len)
{
  struct store_file *f = self(s);
  struct lull_store_key own = *k;
  uint32_t row = lull_active_find(&f->active, &own);
  int rc = SQLITE_OK;
  *bytes = NULL;
  *len = 0;
  if (row)
    rc = lull_recall_active(&f->recall, &own, row, bytes, len);
  if (!rc && !*bytes && f->active.rests)
    rc = lull_recall_call(&f->recall, k, bytes, len);
  return read_end(f, rc);
}

/* ---- one statement at a time ------------------------------------------- */

/* A number or 16 bytes of the first column of the first row. */
static int ask(struct store_file *f, const char *sql, const char *text,
               int64_t *number, uint64_t bytes[2])
{
  sqlite3_stmt *st = NULL;
  int rc = f->api->prepare(f->writer, sql, -1, 0, &st, NULL);
  if (!rc && text)
    rc = f->api->bind_text(st, 1, text, -1, SQLITE_STATIC);
  if (!rc)
    rc = f->api->step(st);
  if (rc == SQLITE_ROW && number)
    *number = f->api->column_int(st, 0);
  if (rc == SQLITE_ROW && bytes && f->api->column_bytes(st, 0) == 16)
    memcpy(bytes, f->api->column_blob(st, 0), 16);
  f->api->finalize(st);
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int tell(struct store_file *f, const char *sql, const char *text,
                const void *bytes, size_t len)
{
  sqlite3_stmt *st = NULL;
  int rc = f->api->prepare(f->writer, sql, -1, 0, &st, NULL);
  if (!rc)
    rc = f->api->bind_text(st, 1, text, -1, SQLITE_STATIC);
  if (!rc && bytes)
    rc = f->api->bind_blob(st, 2, bytes, (int)len, SQLITE_STATIC);
  if (!rc)
    rc = f->api->step(st);
  f->api->finalize(st);
  return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The connection is the thread's while that is busy. */
static enum lull_err batch(struct lull_store *s, const char *name,
                           const char *kind, int64_t *number)
{
  struct store_file *f = self(s);
  char both[512];
  int rc;
  *number = 0;
  look(f, true);
  if (s->problem[0])
    return LULL_EIO;
  snprintf(both, sizeof both, "%s\n%s", name, kind);
  rc = tell(f, "INSERT OR IGNORE INTO batch (name, kind) VALUES (?1, ?2)",
            name, kind, strlen(kind));
  if (!rc)
    rc = ask(f,
             "SELECT id FROM batch"
             " WHERE name || char(10) || CAST(kind AS TEXT) = ?1",
             both, number, NULL);
  if (rc) {
    say(f, f->api->message(f->writer), s->problem, sizeof s->problem);
    return LULL_EIO;
  }
  return *number ? LULL_OK : LULL_ECHANGED;
}

static enum lull_err relax(struct lull_store *s)
{
  struct store_file *f = self(s);
  look(f, true);
  if (!s->problem[0] && f->api->exec(f->writer, "PRAGMA synchronous = NORMAL",
                                     NULL, NULL, NULL) != SQLITE_OK)
    say(f, f->api->message(f->writer), s->problem, sizeof s->problem);
  return s->problem[0] ? LULL_EIO : LULL_OK;
}

/* ---- closing ----------------------------------------------------------- */

static void release(struct store_file *f)
{
  if (f->committing)
    lull_commit_stop(&f->commit);
  lull_recall_close(&f->recall);
  if (f->api &&
      f->writer) /* the last one: what is in the log goes into the file */
    f->api->close(f->writer);
  lull_lock_release(&f->lock);
  lull_active_clear(&f->active);
  lull_buf_clear(&f->ended);
  lull_buf_clear(&f->store.pending);
  lull_mem_free(f->path);
  lull_mem_free(f);
}

static void close_store(struct lull_store *s)
{
  struct store_file *f = self(s);
  look(f, true);
  lull_store_flush(s);
  release(f);
}

static const struct lull_store_ops ops = {
    .batch = batch,
    .claim = claim,
    .call = call,
    .flush = flush,
    .poll = poll,
    .relax = relax,
    .crash = lull_store_crash,
    .close = close_store,
};

/* ---- opening ----------------------------------------------------------- */

/* Whose file it is: a new one, a journal of this version or an older one. */
static const char *stranger(struct store_file *f, int64_t *version)
{
  int64_t application = 0, tables = 0;
  if (ask(f, "PRAGMA application_id", NULL, &application, NULL) ||
      ask(f, "PRAGMA user_version", NULL, version, NULL) ||
      ask(f, "SELECT count(*) FROM sqlite_master", NULL, &tables, NULL))
    return f->api->message(f->writer);
  if (application != LULL_JOURNAL_ID && (application || tables))
    return "it is no journal of lull's; name another file";
  if (*version > LULL_JOURNAL_VERSION)
    return LULL_JOURNAL_NEWER;
  return NULL;
}

/* All of it or nothing. */
static int migrate(struct store_file *f, int64_t version)
{
  char last[96];
  int rc = f->api->exec(f->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);
  for (; !rc && version < LULL_JOURNAL_VERSION; version++)
    rc = f->api->exec(f->writer, migrations[version], NULL, NULL, NULL);
  snprintf(last, sizeof last,
           "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
           LULL_JOURNAL_ID, LULL_JOURNAL_VERSION);
  return rc ? rc : f->api->exec(f->writer, last, NULL, NULL, NULL);
}

static int begin_run(struct store_file *f, const uint64_t secret[2])
{
  int rc = tell(f, "INSERT OR IGNORE INTO meta VALUES (?1, ?2)", "secret",
                secret, 2 * sizeof *secret);
  if (!rc)
    rc = tell(f,
              "INSERT INTO meta VALUES (?1, 1) ON CONFLICT (name)"
              " DO UPDATE SET value = value + 1",
              "runs", NULL, 0);
  if (!rc)
    rc = ask(f, "SELECT value FROM meta WHERE name = 'runs'", NULL,
             &f->store.run, NULL);
  if (!rc)
    rc = ask(f, "SELECT value FROM meta WHERE name = 'secret'", NULL, NULL,
             f->store.secret);
  return rc;
}

/* What was under way when the run before ended keeps its rows. */
static int load(struct store_file *f)
{
  sqlite3_stmt *st = NULL;
  int64_t rests = 0;
  int rc = ask(f, "SELECT EXISTS (SELECT 1 FROM call)", NULL, &rests, NULL);
  lull_active_init(&f->active, f->store.secret);
  f->active.rests = rests;
  if (!rc)
    rc = f->api->prepare(f->writer, "SELECT slot, batch, nth, id FROM active",
                         -1, 0, &st, NULL);
  while (!rc && (rc = f->api->step(st)) == SQLITE_ROW) {
    const char *item = f->api->column_blob(st, 3); /* NULL for "" */
    struct lull_store_key k = {.batch = f->api->column_int(st, 1),
                               .item = item ? item : "",
                               .nth = (int)f->api->column_int(st, 2)};
    uint32_t row = (uint32_t)f->api->column_int(st, 0);
    k.len = (size_t)f->api->column_bytes(st, 3);
    rc = lull_active_add(&f->active, &k, row) ? SQLITE_NOMEM : SQLITE_OK;
  }
  f->api->finalize(st);
  return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* NULL, or what is wrong. */
static const char *set_up(struct store_file *f,
                          const struct lull_file_options *o)
{
  const char *wrong;
  int64_t version = 0;
  int rc;
  if (f->api->exec(
          f->writer,
          o->relaxed ? "PRAGMA journal_mode = WAL; PRAGMA synchronous=NORMAL"
                     : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
          NULL, NULL, NULL) != SQLITE_OK)
    return f->api->message(f->writer);
  wrong = stranger(f, &version);
  if (wrong)
    return wrong;
  if (version < LULL_JOURNAL_VERSION && migrate(f, version))
    return f->api->message(f->writer);
  rc = begin_run(f, o->secret);
  if (!rc)
    rc = load(f);
  if (rc == SQLITE_NOMEM)
    return "out of memory";
  return rc ? f->api->message(f->writer) : NULL;
}

#define HEAD 18 /* bytes: SQLite's name, and the size of a page */

/* SQLite takes what is not there of the last page for zeros. While there is a
   log a page may be half written, and is in the log. */
static bool is_cut(const struct store_file *f, const unsigned char *head,
                   const struct stat *now)
{
  off_t page = head[16] * 256 + head[17];
  char log[4200];
  snprintf(log, sizeof log, "%s-wal", f->path);
  return now->st_size % (page > 1 ? page : 65536) != 0 &&
         access(log, F_OK) != 0;
}

/* What is wrong with a file. One that is empty becomes a journal. */
static const char *misfit(const struct store_file *f, int fd)
{
  unsigned char head[HEAD] = {0};
  struct stat now;
  ssize_t n;
  if (fstat(fd, &now) != 0)
    return strerror(errno);
  if (!S_ISREG(now.st_mode))
    return "it is no plain file; name another file";
  n = read(fd, head, sizeof head);
  if (n < 0 || (n == 0 && fchmod(fd, 0600) != 0))
    return strerror(errno);
  if (n > 0 && memcmp(head, "SQLite format 3", 16) != 0)
    return "it is no journal of lull's; name another file";
  if (n == HEAD && is_cut(f, head, &now))
    return "database disk image is malformed"; /* as SQLite has it */
  return NULL;
}

/* Only its owner can read it. What is none of SQLite's is not touched. */
static const char *create(const struct store_file *f)
{
  int fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const char *wrong = fd < 0 ? strerror(errno) : misfit(f, fd);
  if (fd >= 0)
    close(fd);
  return wrong;
}

static const char *open_parts(struct store_file *f,
                              const struct lull_file_options *o)
{
  const char *wrong = create(f);
  if (wrong)
    return wrong;
  /* The loop and the thread have it in turn: SQLite need not lock it. */
  if (f->api->open(f->path, &f->writer,
                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                       SQLITE_OPEN_NOMUTEX,
                   NULL))
    return f->writer ? f->api->message(f->writer) : "out of memory";
  f->api->busy(f->writer, 5000); /* a reader may be about to look */
  wrong = set_up(f, o);
  if (!wrong)
    wrong = lull_recall_open(&f->recall, f->api, f->path);
  if (wrong)
    return wrong;
  f->committing = true;
  if (!lull_commit_start(&f->commit, f->api, f->writer, f->path, f->store.run))
    return f->api->message(f->writer);
  f->store.fd = f->commit.wake[0];
  return NULL;
}

struct lull_store *lull_file_open(const char *path,
                                  const struct lull_file_options *options,
                                  char *problem, size_t size)
{
  struct store_file *f = lull_mem_zero(sizeof *f);
  const char *wrong = "out of memory";
  if (f) {
    f->lock.fd = -1;
    f->path = lull_mem_copy(path, strlen(path));
  }
  if (!f || !f->path) {
    snprintf(problem, size, "%s: %s", path, wrong);
    lull_mem_free(f);
    return NULL;
  }
  lull_store_init(&f->store, &ops);
  f->store.gathers = true;
  lull_buf_init(&f->ended, SIZE_MAX / 2);
  f->api = lull_sqlite();
  if (!f->api)
    snprintf(problem, size, LULL_SQLITE_MISSING);
  else if (lull_lock_local(path, problem, size) &&
           lull_lock_take(&f->lock, path, problem, size)) {
    wrong = open_parts(f, options);
    if (!wrong)
      return &f->store;
    say(f, wrong, problem, size);
  }
  release(f);
  return NULL;
}

#else

struct lull_store *lull_file_open(const char *path,
                                  const struct lull_file_options *options,
                                  char *problem, size_t size)
{
  (void)options;
  snprintf(problem, size, "%s: " LULL_SQLITE_LEFT_OUT, path);
  return NULL;
}

#endif
