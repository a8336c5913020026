#define _DEFAULT_SOURCE
#include "store/reader.h"
#include "store/advice.h"
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef LULL_STORE_SQLITE

/* Numbers first, then texts. ?1 batch, ?2 state, ?3 text, ?4 rows. */
static const char *const queries[] = {
    [LULL_READ_BATCHES] =
        "SELECT id, 0, name, CAST(kind AS TEXT) FROM batch ORDER BY id"
        " LIMIT ?4",
    [LULL_READ_COUNTS] =
        "SELECT state, count(*) FROM item WHERE batch = ?1 GROUP BY state"
        " UNION ALL SELECT 0, count(*) FROM (SELECT DISTINCT id FROM calls"
        " AS c WHERE batch = ?1 AND NOT EXISTS (SELECT 1 FROM item"
        " WHERE batch = ?1 AND id = c.id))",
    [LULL_READ_REASONS] =
        "SELECT state, count(*), CASE WHEN json_valid(data) THEN"
        " json_extract(data, '$.reason') END AS reason, CASE WHEN"
        " json_valid(data) THEN json_extract(data, '$.why') END AS why FROM"
        " (SELECT state, CAST(data AS TEXT) AS data FROM item"
        " WHERE batch = ?1 AND state > 1)"
        " GROUP BY state, reason, why ORDER BY 2 DESC LIMIT ?4",
    [LULL_READ_ITEMS] =
        "SELECT run, due, id, data FROM item WHERE batch = ?1 AND state = ?2"
        " AND id > ?3 ORDER BY id LIMIT ?4",
    [LULL_READ_OPEN] =
        "SELECT count(*), 0, id FROM calls AS c WHERE batch = ?1 AND id > ?3"
        " AND NOT EXISTS (SELECT 1 FROM item WHERE batch = ?1 AND id = c.id)"
        " GROUP BY id ORDER BY id LIMIT ?4",
    [LULL_READ_CALLS] =
        "SELECT nth, 0, '', data FROM calls WHERE batch = ?1 AND id = ?3"
        " ORDER BY nth LIMIT ?4"};

/* All calls, by the version of the tables. Those under way are found by their
   rows alone, so that the rows of all are looked up once. */
static const char *const views[LULL_JOURNAL_VERSION] = {
    "CREATE TEMP VIEW calls AS SELECT * FROM call",
    "PRAGMA temp_store = MEMORY;"
    "CREATE TEMP TABLE place (batch INTEGER, id TEXT, nth INTEGER,"
    " slot INTEGER, PRIMARY KEY (batch, id, nth)) WITHOUT ROWID;"
    "INSERT OR REPLACE INTO place SELECT batch, id, nth, slot FROM active;"
    "CREATE TEMP VIEW calls AS SELECT * FROM call UNION ALL"
    " SELECT p.batch, p.id, p.nth, a.data FROM place AS p"
    " CROSS JOIN active AS a ON a.slot = p.slot AND a.batch = p.batch"
    " AND a.id = p.id AND a.nth = p.nth"};

struct lull_reader {
  const struct lull_sqlite *api;
  sqlite3 *db;
};

/* A query has not each of the four: those that it lacks are out of range. */
static int bind(const struct lull_reader *r, sqlite3_stmt *st,
                const struct lull_reader_query *q)
{
  const char *text = q->text ? q->text : "";
  int rcs[4] = {r->api->bind_int(st, 1, q->batch),
                r->api->bind_int(st, 2, q->state),
                r->api->bind_text(st, 3, text, (int)q->len, SQLITE_STATIC),
                r->api->bind_int(st, 4, q->limit)};
  int i;
  for (i = 0; i < 4; i++)
    if (rcs[i] && rcs[i] != SQLITE_RANGE)
      return rcs[i];
  return SQLITE_OK;
}

static void hand_over(const struct lull_reader *r, sqlite3_stmt *st,
                      void (*take)(const struct lull_reader_row *, void *),
                      void *user)
{
  struct lull_reader_row row;
  int i;
  for (i = 0; i < 2; i++) {
    row.numbers[i] = r->api->column_int(st, i);
    row.texts[i] = r->api->column_blob(st, i + 2);
    row.sizes[i] = (size_t)r->api->column_bytes(st, i + 2);
  }
  take(&row, user);
}

const char *
lull_reader_read(struct lull_reader *r, const struct lull_reader_query *q,
                 void (*take)(const struct lull_reader_row *row, void *user),
                 void *user)
{
  sqlite3_stmt *st = NULL;
  const char *wrong = NULL;
  int rc = r->api->prepare(r->db, queries[q->what], -1, 0, &st, NULL);
  if (!rc)
    rc = bind(r, st, q);
  while (!rc && (rc = r->api->step(st)) == SQLITE_ROW) {
    hand_over(r, st, take, user);
    rc = SQLITE_OK;
  }
  if (rc != SQLITE_DONE)
    wrong = r->api->message(r->db);
  r->api->finalize(st);
  return wrong;
}

static int64_t number(struct lull_reader *r, const char *sql)
{
  sqlite3_stmt *st = NULL;
  int64_t value = -1;
  if (r->api->prepare(r->db, sql, -1, 0, &st, NULL) == SQLITE_OK &&
      r->api->step(st) == SQLITE_ROW)
    value = r->api->column_int(st, 0);
  r->api->finalize(st);
  return value;
}

int64_t lull_reader_runs(struct lull_reader *r)
{
  return number(r, "SELECT value FROM meta WHERE name = 'runs'");
}

/* ---- opening ----------------------------------------------------------- */

static const char *stranger(struct lull_reader *r)
{
  int64_t application = number(r, "PRAGMA application_id"), version;
  const char *words = application < 0 ? r->api->message(r->db) : "";
  if (application < 0 && !strstr(words, "not a database"))
    return words;
  if (application != LULL_JOURNAL_ID)
    return "it is no journal of lull's";
  version = number(r, "PRAGMA user_version");
  if (version > LULL_JOURNAL_VERSION)
    return LULL_JOURNAL_NEWER;
  if (version > 0 &&
      r->api->exec(r->db, views[version - 1], NULL, NULL, NULL) != SQLITE_OK)
    return r->api->message(r->db);
  return NULL;
}

/* A folder that cannot be written to has no place for the log's index: then
   the file is read alone, when a run that ended has left no log. */
static bool may_be_alone(const char *path)
{
  char log[4200];
  struct stat s;
  if (strlen(path) > 4096 || strpbrk(path, "?#%"))
    return false;
  snprintf(log, sizeof log, "%s-wal", path);
  return stat(log, &s) != 0 || s.st_size == 0;
}

static const char *open_alone(struct lull_reader *r, const char *path)
{
  char uri[4200];
  snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
  if (r->api->open(uri, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                   NULL) != SQLITE_OK)
    return "it cannot be opened";
  return stranger(r);
}

static const char *open_file(struct lull_reader *r, const char *path)
{
  if (access(path, R_OK) != 0)
    return errno == ENOENT
               ? "there is no such journal; a run with --journal makes one"
               : strerror(errno);
  if (r->api->open(path, &r->db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
    r->api->busy(r->db, 5000);
    if (number(r, "PRAGMA application_id") >= 0 || !may_be_alone(path))
      return stranger(r);
  }
  r->api->close(r->db);
  r->db = NULL;
  return open_alone(r, path);
}

struct lull_reader *lull_reader_open(const char *path, char *problem,
                                     size_t size)
{
  struct lull_reader *r = lull_mem_zero(sizeof *r);
  const char *wrong = "out of memory";
  if (r) {
    r->api = lull_sqlite();
    wrong = r->api ? open_file(r, path) : LULL_SQLITE_MISSING;
  }
  if (!wrong)
    return r;
  snprintf(problem, size, "%s: %s%s", path, wrong, lull_store_advice(wrong));
  if (r)
    lull_reader_close(r);
  return NULL;
}

void lull_reader_close(struct lull_reader *r)
{
  if (r->api)
    r->api->close(r->db);
  lull_mem_free(r);
}

#else

struct lull_reader *lull_reader_open(const char *path, char *problem,
                                     size_t size)
{
  snprintf(problem, size, "%s: " LULL_SQLITE_LEFT_OUT, path);
  return NULL;
}

const char *
lull_reader_read(struct lull_reader *r, const struct lull_reader_query *q,
                 void (*take)(const struct lull_reader_row *row, void *user),
                 void *user)
{
  (void)r, (void)q, (void)take, (void)user;
  return NULL;
}

int64_t lull_reader_runs(struct lull_reader *r)
{
  (void)r;
  return -1;
}

void lull_reader_close(struct lull_reader *r)
{
  (void)r;
}

#endif
