#include "store/active.h"
#include "base/sip.h"

#include <string.h>

struct lull_active_call {
  struct lull_active_call *next; /* at the same place of the table */
  uint64_t hash;
  struct lull_store_key key; /* of its own bytes */
  uint32_t row;
  char item[];
};

void lull_active_init(struct lull_active *a, const uint64_t secret[2])
{
  *a = (struct lull_active){.secret = {secret[0], secret[1]}};
  lull_buf_init(&a->free, SIZE_MAX / 2);
  lull_buf_init(&a->left, SIZE_MAX / 2);
}

void lull_active_clear(struct lull_active *a)
{
  struct lull_active_call *c, *next;
  size_t i;
  for (i = 0; i < a->cap; i++)
    for (c = a->table[i]; c; c = next) {
      next = c->next;
      lull_mem_free(c);
    }
  lull_mem_free(a->table);
  lull_buf_clear(&a->free);
  lull_buf_clear(&a->left);
}

/* ---- the table --------------------------------------------------------- */

/* All calls of an item stand at one place, those that came last first. */
static uint64_t hash_of(const struct lull_active *a,
                        const struct lull_store_key *k)
{
  return lull_sip(a->secret, k->item, k->len) + (uint64_t)k->batch;
}

static bool is_of(const struct lull_active_call *c,
                  const struct lull_store_key *k, uint64_t hash)
{
  return c->hash == hash && c->key.batch == k->batch && c->key.len == k->len &&
         memcmp(c->key.item, k->item, k->len) == 0;
}

static struct lull_active_call **place_of(const struct lull_active *a,
                                          uint64_t hash)
{
  return &a->table[hash & (a->cap - 1)];
}

static struct lull_active_call *find(const struct lull_active *a,
                                     const struct lull_store_key *k,
                                     uint64_t hash, bool any)
{
  struct lull_active_call *c = a->cap ? *place_of(a, hash) : NULL;
  while (c &&
         !((any ? c->key.nth < 0 : c->key.nth == k->nth) && is_of(c, k, hash)))
    c = c->next;
  return c;
}

uint32_t lull_active_find(const struct lull_active *a,
                          struct lull_store_key *k)
{
  const struct lull_active_call *c = find(a, k, hash_of(a, k), k->nth < 0);
  if (c)
    k->nth = c->key.nth;
  return c ? c->row : 0;
}

static void insert(struct lull_active *a, struct lull_active_call *c)
{
  struct lull_active_call **place = place_of(a, c->hash);
  c->next = *place;
  *place = c;
}

static enum lull_err grow(struct lull_active *a)
{
  struct lull_active old = *a;
  struct lull_active_call *c, *next;
  size_t i;
  a->cap = old.cap ? old.cap * 2 : 64;
  a->table = lull_mem_zero(a->cap * sizeof *a->table);
  if (!a->table) {
    *a = old;
    return LULL_ENOMEM;
  }
  for (i = 0; i < old.cap; i++)
    for (c = old.table[i]; c; c = next) {
      next = c->next;
      insert(a, c);
    }
  lull_mem_free(old.table);
  return LULL_OK;
}

static struct lull_active_call *add(struct lull_active *a,
                                    const struct lull_store_key *k,
                                    uint64_t hash, uint32_t row)
{
  struct lull_active_call *c;
  if (a->count == a->cap && grow(a) != LULL_OK)
    return NULL;
  c = lull_mem_alloc(sizeof *c + k->len);
  if (!c)
    return NULL;
  *c = (struct lull_active_call){.hash = hash, .key = *k, .row = row};
  c->key.item = memcpy(c->item, k->item, k->len);
  insert(a, c);
  a->count++;
  return c;
}

enum lull_err lull_active_add(struct lull_active *a,
                              const struct lull_store_key *k, uint32_t row)
{
  if (row > a->last)
    a->last = row;
  return add(a, k, hash_of(a, k), row) ? LULL_OK : LULL_ENOMEM;
}

/* ---- a pass over writes ------------------------------------------------ */

static uint32_t next_row(struct lull_active *a)
{
  struct lull_buf *from = a->left.len ? &a->left : &a->free;
  uint32_t row;
  if (!from->len)
    return ++a->last;
  from->len -= sizeof row;
  memcpy(&row, from->data + from->len, sizeof row);
  return row;
}

static enum lull_err place_call(struct lull_active *a,
                                struct lull_store_write *w)
{
  uint64_t hash = hash_of(a, &w->key);
  struct lull_active_call *c = find(a, &w->key, hash, false);
  w->rests = !c && a->rests;
  if (!c)
    c = add(a, &w->key, hash, next_row(a));
  if (!c)
    return LULL_ENOMEM;
  w->row = c->row;
  return LULL_OK;
}

static enum lull_err end_call(struct lull_active *a,
                              const struct lull_active_call *c, bool later,
                              struct lull_buf *ended)
{
  int64_t resting = -(int64_t)c->row;
  if (later)
    return lull_buf_add(ended, &resting, sizeof resting);
  return lull_buf_add(&a->left, &c->row, sizeof c->row);
}

static enum lull_err end_item(struct lull_active *a,
                              struct lull_store_write *w,
                              struct lull_buf *ended)
{
  uint64_t hash = hash_of(a, &w->key);
  bool later = w->kind == LULL_STORE_DEFER;
  struct lull_active_call **at = a->cap ? place_of(a, hash) : NULL, *c;
  enum lull_err err = LULL_OK;
  w->rests = a->rests;
  while (at && (c = *at) && !err) {
    if (!is_of(c, &w->key, hash)) {
      at = &c->next;
      continue;
    }
    err = end_call(a, c, later, ended);
    a->rests = a->rests || later;
    *at = c->next;
    a->count--;
    lull_mem_free(c);
  }
  return err;
}

/* Rows that nobody has taken in this pass are free from the next one on. */
static enum lull_err finish(struct lull_active *a, struct lull_buf *ended)
{
  enum lull_err err = LULL_OK;
  size_t resting = ended->len / sizeof(int64_t), i;
  uint32_t row;
  int64_t wide;
  for (i = 0; i < resting && !err; i++) {
    memcpy(&wide, ended->data + i * sizeof wide, sizeof wide);
    row = (uint32_t)-wide;
    err = lull_buf_add(&a->free, &row, sizeof row);
  }
  while (a->left.len && !err) {
    row = next_row(a);
    wide = row;
    err = lull_buf_add(ended, &wide, sizeof wide);
    if (!err)
      err = lull_buf_add(&a->free, &row, sizeof row);
  }
  return err;
}

enum lull_err lull_active_place(struct lull_active *a, struct lull_buf *writes,
                                struct lull_buf *ended)
{
  struct lull_store_write w;
  const char *bytes;
  enum lull_err err = LULL_OK;
  size_t at = 0, here = 0;
  while (!err && lull_store_next(writes, &at, &w, &bytes)) {
    if (w.kind == LULL_STORE_CALL)
      err = place_call(a, &w);
    else
      err = end_item(a, &w, ended);
    memcpy(writes->data + here, &w, sizeof w);
    here = at;
  }
  return err ? err : finish(a, ended);
}
