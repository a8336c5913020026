#include "store/recall.h"

#ifdef LULL_STORE_SQLITE

#include <string.h>

static const char *const reads[LULL_RECALLS] = {
    ("SELECT state, run, due, data, id FROM item"
     " WHERE batch = ?1 AND id >= ?2 ORDER BY id"),
    "SELECT data FROM call WHERE batch = ?1 AND id = ?2 AND nth = ?3",
    "SELECT data FROM call WHERE batch = ?1 AND id = ?2 AND nth < 0",
    ("SELECT data FROM active WHERE slot = ?4 AND batch = ?1 AND id = ?2"
     " AND nth = ?3"),
};

const char *lull_recall_open(struct lull_recall *r,
                             const struct lull_sqlite *api, const char *path)
{
  int i;
  r->api = api;
  lull_buf_init(&r->row, SIZE_MAX / 2);
  lull_buf_init(&r->gap.low, SIZE_MAX / 2);
  lull_buf_init(&r->gap.high, SIZE_MAX / 2);
  if (api->open(path, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                NULL))
    return r->db ? api->message(r->db) : "out of memory";
  for (i = 0; i < LULL_RECALLS; i++)
    if (api->prepare(r->db, reads[i], -1, SQLITE_PREPARE_PERSISTENT, &r->st[i],
                     NULL))
      return api->message(r->db);
  api->busy(r->db, 5000);
  return NULL;
}

void lull_recall_close(struct lull_recall *r)
{
  int i;
  for (i = 0; r->api && i < LULL_RECALLS; i++)
    r->api->finalize(r->st[i]);
  if (r->api && r->db)
    r->api->close(r->db);
  lull_buf_clear(&r->row);
  lull_buf_clear(&r->gap.low);
  lull_buf_clear(&r->gap.high);
}

/* True when it holds a copy. */
static bool set(struct lull_buf *to, const void *bytes, size_t len)
{
  to->len = 0;
  return !len || lull_buf_add(to, bytes, len) == LULL_OK;
}

/* ---- the gap ----------------------------------------------------------- */

static int order(const struct lull_store_key *k, const struct lull_buf *id)
{
  size_t least = k->len < id->len ? k->len : id->len;
  int by = least ? memcmp(k->item, id->data, least) : 0;
  return by ? by : (k->len > id->len) - (k->len < id->len);
}

/* It may be the second one, too. */
static bool follows(const struct lull_recall *r,
                    const struct lull_store_key *k)
{
  return r->gap.known && r->gap.batch == k->batch &&
         order(k, &r->gap.low) > 0 &&
         (!r->gap.more || order(k, &r->gap.high) <= 0);
}

static void let_go(struct lull_recall *r)
{
  if (r->gap.there)
    r->api->reset(r->st[LULL_RECALL_ITEM]);
  r->gap.there = false;
}

void lull_recall_note(struct lull_recall *r, const struct lull_buf *writes)
{
  struct lull_store_write w;
  const char *bytes;
  size_t at = 0;
  let_go(r);
  while (r->gap.known && lull_store_next(writes, &at, &w, &bytes))
    if (w.kind != LULL_STORE_CALL && follows(r, &w.key))
      r->gap.known = false;
}

/* ---- reading ----------------------------------------------------------- */

static int bind_key(const struct lull_recall *r, sqlite3_stmt *st,
                    const struct lull_store_key *k)
{
  int rc = r->api->bind_int(st, 1, k->batch);
  return rc ? rc
            : r->api->bind_text(st, 2, k->item, (int)k->len, SQLITE_STATIC);
}

static int copy(struct lull_recall *r, sqlite3_stmt *st, int column)
{
  const void *bytes = r->api->column_blob(st, column);
  size_t len = (size_t)r->api->column_bytes(st, column);
  return set(&r->row, bytes, len) ? SQLITE_OK : SQLITE_NOMEM;
}

/* Where the statement stands now is the gap's second end. */
static int set_high(struct lull_recall *r, int rc)
{
  sqlite3_stmt *st = r->st[LULL_RECALL_ITEM];
  const void *id;
  r->gap.known = rc == SQLITE_DONE || rc == SQLITE_ROW;
  r->gap.more = r->gap.there = rc == SQLITE_ROW;
  if (rc == SQLITE_ROW) {
    id = r->api->column_blob(st, 4);
    r->gap.known = set(&r->gap.high, id, (size_t)r->api->column_bytes(st, 4));
  }
  if (!r->gap.there || !r->gap.known)
    r->api->reset(st);
  r->gap.there = r->gap.there && r->gap.known;
  return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int begin_at(struct lull_recall *r, const struct lull_store_key *k)
{
  sqlite3_stmt *st = r->st[LULL_RECALL_ITEM];
  int rc;
  let_go(r);
  rc = bind_key(r, st, k);
  rc = set_high(r, rc ? rc : r->api->step(st));
  return rc || r->gap.known ? rc : SQLITE_NOMEM;
}

/* The statement stands at the item. */
static int take(struct lull_recall *r, struct lull_store_item *item)
{
  sqlite3_stmt *st = r->st[LULL_RECALL_ITEM];
  int rc = copy(r, st, 3);
  *item = (struct lull_store_item){
      .state = (enum lull_store_state)r->api->column_int(st, 0),
      .run = r->api->column_int(st, 1),
      .due = r->api->column_int(st, 2),
      .bytes = r->row.data,
      .len = r->row.len};
  r->gap.there = false;
  return rc ? rc : set_high(r, r->api->step(st));
}

static bool is_second(const struct lull_recall *r,
                      const struct lull_store_key *k)
{
  return r->gap.more && order(k, &r->gap.high) == 0;
}

int lull_recall_item(struct lull_recall *r, const struct lull_store_key *k,
                     struct lull_store_item *item, bool hold)
{
  bool within = follows(r, k);
  int rc = SQLITE_OK;
  *item = (struct lull_store_item){0};
  if (!within || (is_second(r, k) && !r->gap.there))
    rc = begin_at(r, k);
  if (!rc && is_second(r, k))
    rc = take(r, item);
  if (rc || !set(&r->gap.low, k->item, k->len))
    r->gap.known = false;
  r->gap.batch = k->batch;
  if (!hold || !r->gap.known)
    let_go(r);
  return rc;
}

static int read_call(struct lull_recall *r, sqlite3_stmt *st,
                     const char **bytes, size_t *len)
{
  int rc = r->api->step(st);
  if (rc == SQLITE_ROW && (rc = copy(r, st, 0)) == SQLITE_OK) {
    *bytes = r->row.data;
    *len = r->row.len;
  }
  r->api->reset(st);
  return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int lull_recall_call(struct lull_recall *r, const struct lull_store_key *k,
                     const char **bytes, size_t *len)
{
  int which = k->nth < 0 ? LULL_RECALL_ASIDE : LULL_RECALL_CALL;
  sqlite3_stmt *st = r->st[which];
  int rc = bind_key(r, st, k);
  if (!rc && which == LULL_RECALL_CALL)
    rc = r->api->bind_int(st, 3, k->nth);
  return rc ? rc : read_call(r, st, bytes, len);
}

int lull_recall_active(struct lull_recall *r, const struct lull_store_key *k,
                       uint32_t row, const char **bytes, size_t *len)
{
  sqlite3_stmt *st = r->st[LULL_RECALL_ACTIVE];
  int rc = bind_key(r, st, k);
  if (!rc)
    rc = r->api->bind_int(st, 3, k->nth);
  if (!rc)
    rc = r->api->bind_int(st, 4, row);
  return rc ? rc : read_call(r, st, bytes, len);
}

#else

typedef int lull_recall_is_not_there; /* no file may be empty */

#endif
