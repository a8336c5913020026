#define _DEFAULT_SOURCE
#include "store/file.h"
#include "store/commit.h"
#include "store/lock.h"

#include <stdio.h>

#ifdef LULL_STORE_SQLITE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION 0x6c756c6c /* "lull" */
#define VERSION 1              /* of the tables */

/* The tables, by the version that brought them. */
static const char *const migrations[VERSION] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE batch (id INTEGER PRIMARY KEY, name TEXT UNIQUE,"
    " kind TEXT);"
    "CREATE TABLE item (batch INTEGER, id TEXT, state INTEGER, run INTEGER,"
    " due INTEGER, data BLOB, PRIMARY KEY (batch, id)) WITHOUT ROWID;"
    "CREATE TABLE call (batch INTEGER, id TEXT, nth INTEGER, data BLOB,"
    " PRIMARY KEY (batch, id, nth)) WITHOUT ROWID;"};

enum { GET_ITEM, GET_CALL, GET_ASIDE, READS };

static const char *const reads[READS] = {
    "SELECT state, run, due, data FROM item WHERE batch = ?1 AND id = ?2",
    "SELECT data FROM call WHERE batch = ?1 AND id = ?2 AND nth = ?3",
    "SELECT data FROM call WHERE batch = ?1 AND id = ?2 AND nth < 0",
};

struct store_file {
  struct lull_store store; /* first, so that the seam's pointer is ours */
  const struct lull_sqlite *api;
  struct lull_lock lock;
  char *path;
  sqlite3 *writer, *reader;
  sqlite3_stmt *st[READS];
  struct lull_buf row; /* the bytes that were read last */
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
  bool damaged = strstr(words, "malformed") || strstr(words, "not a database");
  snprintf(problem, size, "%s: %s%s", f->path, words,
           damaged ? "; the file is damaged, go on with a copy of it" : "");
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
  lull_commit_take(&self(s)->commit, &s->pending, s->written);
}

static void poll(struct lull_store *s)
{
  if (!look(self(s), false))
    lull_store_flush(s);
}

/* SQLITE_ROW, SQLITE_DONE, or an error, which is the store's problem. The
   statement is to be reset soon: while it reads, the log cannot begin anew. */
static int read_row(struct store_file *f, int which,
                    const struct lull_store_key *k)
{
  sqlite3_stmt *st = f->st[which];
  int rc = f->api->bind_int(st, 1, k->batch);
  if (!rc)
    rc = f->api->bind_text(st, 2, k->item, (int)k->len, SQLITE_STATIC);
  if (!rc && which == GET_CALL)
    rc = f->api->bind_int(st, 3, k->nth);
  if (!rc)
    rc = f->api->step(st);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE && !f->store.problem[0])
    say(f, f->api->message(f->reader), f->store.problem,
        sizeof f->store.problem);
  return rc;
}

static void copy_column(struct store_file *f, sqlite3_stmt *st, int column)
{
  const void *bytes = f->api->column_blob(st, column);
  size_t len = (size_t)f->api->column_bytes(st, column);
  f->row.len = 0;
  if (len && lull_buf_add(&f->row, bytes, len) != LULL_OK)
    lull_store_fail(&f->store, "out of memory");
}

static enum lull_err claim(struct lull_store *s,
                           const struct lull_store_key *k,
                           struct lull_store_item *item)
{
  struct store_file *f = self(s);
  sqlite3_stmt *st = f->st[GET_ITEM];
  int rc = read_row(f, GET_ITEM, k);
  *item = (struct lull_store_item){0};
  if (rc == SQLITE_ROW) {
    item->state = (enum lull_store_state)f->api->column_int(st, 0);
    item->run = f->api->column_int(st, 1);
    item->due = f->api->column_int(st, 2);
    copy_column(f, st, 3);
    item->bytes = f->row.data;
    item->len = f->row.len;
  }
  f->api->reset(st);
  return s->problem[0] ? LULL_EIO : LULL_OK;
}

static enum lull_err call(struct lull_store *s, const struct lull_store_key *k,
                          const char **bytes, size_t *len)
{
  struct store_file *f = self(s);
  int which = k->nth < 0 ? GET_ASIDE : GET_CALL;
  int rc = read_row(f, which, k);
  *bytes = NULL;
  *len = 0;
  if (rc == SQLITE_ROW) {
    copy_column(f, f->st[which], 0);
    *bytes = f->row.data;
    *len = f->row.len;
  }
  f->api->reset(f->st[which]);
  return s->problem[0] ? LULL_EIO : LULL_OK;
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

/* ---- closing ----------------------------------------------------------- */

static void release(struct store_file *f)
{
  int i;
  if (f->committing)
    lull_commit_stop(&f->commit);
  for (i = 0; f->api && i < READS; i++)
    f->api->finalize(f->st[i]);
  if (f->api && f->reader)
    f->api->close(f->reader);
  if (f->api &&
      f->writer) /* the last one: what is in the log goes into the file */
    f->api->close(f->writer);
  lull_lock_release(&f->lock);
  lull_buf_clear(&f->store.pending);
  lull_buf_clear(&f->row);
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
  if (application != APPLICATION && (application || tables))
    return "it is no journal of lull's; name another file";
  if (*version > VERSION)
    return "it is a journal of a newer lull; use that one";
  return NULL;
}

/* All of it or nothing. */
static int migrate(struct store_file *f, int64_t version)
{
  char last[96];
  int rc = f->api->exec(f->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);
  for (; !rc && version < VERSION; version++)
    rc = f->api->exec(f->writer, migrations[version], NULL, NULL, NULL);
  snprintf(last, sizeof last,
           "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
           APPLICATION, VERSION);
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

/* NULL, or what is wrong. */
static const char *set_up(struct store_file *f,
                          const struct lull_file_options *o)
{
  const char *wrong;
  int64_t version = 0;
  if (f->api->exec(
          f->writer,
          o->relaxed ? "PRAGMA journal_mode = WAL; PRAGMA synchronous=NORMAL"
                     : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
          NULL, NULL, NULL) != SQLITE_OK)
    return f->api->message(f->writer);
  wrong = stranger(f, &version);
  if (wrong)
    return wrong;
  if (version < VERSION && migrate(f, version))
    return f->api->message(f->writer);
  return begin_run(f, o->secret) ? f->api->message(f->writer) : NULL;
}

static const char *open_reader(struct store_file *f)
{
  int i;
  if (f->api->open(f->path, &f->reader, SQLITE_OPEN_READONLY, NULL))
    return f->reader ? f->api->message(f->reader) : "out of memory";
  for (i = 0; i < READS; i++)
    if (f->api->prepare(f->reader, reads[i], -1, SQLITE_PREPARE_PERSISTENT,
                        &f->st[i], NULL))
      return f->api->message(f->reader);
  return NULL;
}

/* The file is made here, so that only its owner can read it. A file that is
   none of SQLite's is not touched. */
static const char *create(const char *path)
{
  char head[16] = {0};
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
  const char *wrong = n < 0 ? strerror(errno) : NULL;
  if (n > 0 && memcmp(head, "SQLite format 3", sizeof head) != 0)
    wrong = "it is no journal of lull's; name another file";
  if (fd >= 0)
    close(fd);
  return wrong;
}

static const char *open_parts(struct store_file *f,
                              const struct lull_file_options *o)
{
  const char *wrong = create(f->path);
  if (wrong)
    return wrong;
  if (f->api->open(f->path, &f->writer,
                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
    return f->writer ? f->api->message(f->writer) : "out of memory";
  f->api->busy(f->writer, 5000); /* a reader may be about to look */
  wrong = set_up(f, o);
  if (!wrong)
    wrong = open_reader(f);
  if (wrong)
    return wrong;
  f->api->busy(f->reader, 5000);
  f->committing = true;
  if (!lull_commit_start(&f->commit, f->api, f->writer, f->store.run))
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
  lull_buf_init(&f->row, SIZE_MAX / 2);
  f->api = lull_sqlite();
  if (!f->api)
    snprintf(problem, size,
             "a journal needs SQLite: install libsqlite3 (Debian: "
             "libsqlite3-0)");
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
  snprintf(problem, size,
           "%s: this lull was built without SQLite: install its headers "
           "(Debian: libsqlite3-dev) and build it anew",
           path);
  return NULL;
}

#endif
