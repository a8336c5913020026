#include "store/memory.h"

#include <stdio.h>
#include <string.h>

enum row_kind { ROW_BATCH, ROW_ITEM, ROW_CALL };

struct row {
  enum row_kind kind;
  int64_t batch;
  int nth;
  enum lull_store_state state;
  int64_t run;
  lull_usec due;
  size_t key_len, len;
  char *key, *bytes;
};

struct lull_memory {
  struct lull_store store;   /* first; of the present opening */
  bool opened, doomed, keep; /* doomed: freed while it was open */
  int64_t runs, batches;
  uint64_t crash_at, taken, total;
  struct lull_buf handed; /* what is under way to be kept, */
  uint64_t upto;          /* up to that write */
  uint64_t secret[2];
  struct row *rows;
  size_t count, cap;
};

static struct lull_memory *self(struct lull_store *s)
{
  return (struct lull_memory *)(void *)s;
}

/* ---- rows -------------------------------------------------------------- */

static bool same_item(const struct row *r, enum row_kind kind,
                      const struct lull_store_key *k)
{
  return r->kind == kind && r->batch == k->batch && r->key_len == k->len &&
         memcmp(r->key, k->item, k->len) == 0;
}

static struct row *find(struct lull_memory *m, enum row_kind kind,
                        const struct lull_store_key *k)
{
  size_t i;
  for (i = 0; i < m->count; i++)
    if (same_item(&m->rows[i], kind, k) &&
        (kind != ROW_CALL || m->rows[i].nth == k->nth ||
         (k->nth < 0 && m->rows[i].nth < 0)))
      return &m->rows[i];
  return NULL;
}

static void clear_row(struct row *r)
{
  lull_mem_free(r->key);
  lull_mem_free(r->bytes);
}

static void forget_calls(struct lull_memory *m, const struct lull_store_key *k)
{
  size_t i = 0;
  while (i < m->count) {
    if (!same_item(&m->rows[i], ROW_CALL, k)) {
      i++;
      continue;
    }
    clear_row(&m->rows[i]);
    m->rows[i] = m->rows[--m->count];
  }
}

/* A new row, or the one that is there, without its bytes; NULL: no memory. */
static struct row *row_for(struct lull_memory *m, enum row_kind kind,
                           const struct lull_store_key *k)
{
  struct row *r = find(m, kind, k), *rows;
  if (r)
    return r;
  if (!m->rows || m->count == m->cap) {
    rows = lull_mem_grow(m->rows, (m->cap * 2 + 16) * sizeof *rows);
    if (!rows)
      return NULL;
    m->rows = rows;
    m->cap = m->cap * 2 + 16;
  }
  r = &m->rows[m->count];
  *r = (struct row){.kind = kind, .batch = k->batch, .nth = k->nth};
  r->key = lull_mem_copy(k->item, k->len);
  r->key_len = k->len;
  if (!r->key)
    return NULL;
  m->count++;
  return r;
}

static void set_bytes(struct row *r, const char *bytes, size_t len)
{
  char *copy = lull_mem_copy(bytes, len);
  if (!copy)
    return;
  lull_mem_free(r->bytes);
  r->bytes = copy;
  r->len = len;
}

static void forget_item(struct lull_memory *m, const struct lull_store_key *k)
{
  struct row *r = find(m, ROW_ITEM, k);
  if (!r)
    return;
  clear_row(r);
  *r = m->rows[--m->count];
}

static void apply(struct lull_memory *m, const struct lull_store_write *w,
                  const char *bytes)
{
  struct row *r;
  if (w->kind == LULL_STORE_REOPEN) {
    forget_calls(m, &w->key);
    forget_item(m, &w->key);
    return;
  }
  r = row_for(m, w->kind == LULL_STORE_CALL ? ROW_CALL : ROW_ITEM, &w->key);
  if (!r)
    return;
  r->state = w->state;
  r->due = w->due;
  r->run = m->store.run;
  set_bytes(r, bytes, w->size);
  if (w->kind == LULL_STORE_SETTLE)
    forget_calls(m, &w->key);
}

/* ---- the seam ---------------------------------------------------------- */

static enum lull_err batch(struct lull_store *s, const char *name,
                           const char *kind, int64_t *number)
{
  struct lull_memory *m = self(s);
  struct lull_store_key k = {.item = name, .len = strlen(name)};
  struct row *r = find(m, ROW_BATCH, &k);
  if (!r) {
    r = row_for(m, ROW_BATCH, &k);
    if (!r)
      return LULL_ENOMEM;
    r->run = ++m->batches;
    set_bytes(r, kind, strlen(kind) + 1);
  }
  *number = r->run;
  return r->bytes && strcmp(r->bytes, kind) == 0 ? LULL_OK : LULL_ECHANGED;
}

static enum lull_err claim(struct lull_store *s,
                           const struct lull_store_key *k,
                           struct lull_store_item *item)
{
  const struct row *r = find(self(s), ROW_ITEM, k);
  *item = (struct lull_store_item){0};
  if (r)
    *item =
        (struct lull_store_item){r->state, r->run, r->due, r->bytes, r->len};
  return LULL_OK;
}

static enum lull_err call(struct lull_store *s, const struct lull_store_key *k,
                          const char **bytes, size_t *len)
{
  const struct row *r = find(self(s), ROW_CALL, k);
  *bytes = r ? r->bytes : NULL;
  *len = r ? r->len : 0;
  return LULL_OK;
}

/* The writes that are kept are those before the one at which it crashes; of
   the same commit only when they are to be. */
static bool land(struct lull_store *s)
{
  struct lull_memory *m = self(s);
  bool crash = m->crash_at && m->crash_at <= m->upto;
  struct lull_store_write w;
  const char *bytes;
  size_t at = 0;
  if (!m->handed.len || s->problem[0])
    return false;
  while (lull_store_next(&m->handed, &at, &w, &bytes)) {
    m->taken++;
    if (!crash || (m->keep && m->taken < m->crash_at))
      apply(m, &w, bytes);
  }
  m->handed.len = 0;
  if (crash)
    snprintf(s->problem, sizeof s->problem,
             "the process ended here (write %u)", (unsigned)m->crash_at);
  else
    s->durable = m->upto;
  return true;
}

/* As with a disk, what comes while something is under way gathers; and the
   requests of that time leave. Not before a crash that keeps what it can. */
static void flush(struct lull_store *s)
{
  struct lull_memory *m = self(s);
  struct lull_buf empty = m->handed;
  if (m->handed.len)
    return;
  m->handed = s->pending;
  s->pending = empty;
  m->upto = s->written;
  if (m->keep)
    land(s);
}

static void poll(struct lull_store *s)
{
  (void)s;
}

static void crash(struct lull_store *s)
{
  struct lull_memory *m = self(s);
  if (!m->crash_at)
    m->crash_at = s->written;
}

static void close_store(struct lull_store *s)
{
  struct lull_memory *m = self(s);
  land(s);
  lull_store_flush(s);
  land(s);
  m->total += s->written;
  m->opened = false;
  lull_buf_clear(&s->pending);
  lull_buf_clear(&m->handed);
  if (m->doomed)
    lull_memory_free(m);
}

static const struct lull_store_ops ops = {
    .batch = batch,
    .claim = claim,
    .call = call,
    .flush = flush,
    .poll = poll,
    .land = land,
    .crash = crash,
    .close = close_store,
};

/* ---- its owner's ------------------------------------------------------- */

struct lull_memory *lull_memory_new(void)
{
  return lull_mem_zero(sizeof(struct lull_memory));
}

void lull_memory_free(struct lull_memory *m)
{
  size_t i;
  if (!m || m->opened) {
    if (m)
      m->doomed = true;
    return;
  }
  for (i = 0; i < m->count; i++)
    clear_row(&m->rows[i]);
  lull_mem_free(m->rows);
  lull_buf_clear(&m->store.pending);
  lull_mem_free(m);
}

void lull_memory_crash(struct lull_memory *m, uint64_t nth, bool keep)
{
  m->crash_at = nth;
  m->keep = keep;
}

uint64_t lull_memory_writes(const struct lull_memory *m)
{
  return m->total;
}

struct lull_store *lull_memory_open(struct lull_memory *m,
                                    const uint64_t secret[2])
{
  if (m->opened)
    return NULL;
  lull_store_init(&m->store, &ops);
  if (m->runs == 0)
    memcpy(m->secret, secret, sizeof m->secret);
  memcpy(m->store.secret, m->secret, sizeof m->secret);
  m->store.run = ++m->runs;
  lull_buf_init(&m->handed, SIZE_MAX / 2);
  m->opened = true;
  m->taken = 0;
  return &m->store;
}
