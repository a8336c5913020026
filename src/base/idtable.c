#include "base/idtable.h"

#define SLOT_BITS 24
#define SLOT_MASK (((uint64_t)1 << SLOT_BITS) - 1)
#define GENERATIONS ((uint32_t)1 << 29)

struct lull_idslot {
  void *thing; /* NULL while free */
  uint32_t generation;
  uint32_t next_free; /* slot + 1 */
};

void lull_idtable_init(struct lull_idtable *t)
{
  *t = (struct lull_idtable){0};
}

void lull_idtable_clear(struct lull_idtable *t)
{
  lull_mem_free(t->slots);
  lull_idtable_init(t);
}

static bool grow(struct lull_idtable *t)
{
  size_t cap = t->cap ? t->cap * 2 : 16;
  struct lull_idslot *slots;
  if (t->count > SLOT_MASK)
    return false;
  if (t->count < t->cap)
    return true;
  slots = lull_mem_grow(t->slots, cap * sizeof *slots);
  if (!slots)
    return false;
  t->slots = slots;
  t->cap = cap;
  return true;
}

static struct lull_idslot *take(struct lull_idtable *t)
{
  struct lull_idslot *slot;
  if (t->free_first) {
    slot = &t->slots[t->free_first - 1];
    t->free_first = slot->next_free;
    return slot;
  }
  if (!grow(t))
    return NULL;
  slot = &t->slots[t->count++];
  *slot = (struct lull_idslot){.generation = 1};
  return slot;
}

uint64_t lull_idtable_add(struct lull_idtable *t, void *thing)
{
  struct lull_idslot *slot = take(t);
  if (!slot)
    return 0;
  slot->thing = thing;
  t->live++;
  return (uint64_t)slot->generation << SLOT_BITS | (uint64_t)(slot - t->slots);
}

uint32_t lull_idtable_slot(uint64_t id)
{
  return (uint32_t)(id & SLOT_MASK);
}

static struct lull_idslot *find(const struct lull_idtable *t, uint64_t id)
{
  size_t slot = (size_t)(id & SLOT_MASK);
  if (slot >= t->count || !t->slots[slot].thing ||
      t->slots[slot].generation != id >> SLOT_BITS)
    return NULL;
  return &t->slots[slot];
}

void *lull_idtable_get(const struct lull_idtable *t, uint64_t id)
{
  struct lull_idslot *slot = find(t, id);
  return slot ? slot->thing : NULL;
}

void lull_idtable_remove(struct lull_idtable *t, uint64_t id)
{
  struct lull_idslot *slot = find(t, id);
  if (!slot)
    return;
  slot->thing = NULL;
  t->live--;
  if (++slot->generation >= GENERATIONS)
    return; /* retired */
  slot->next_free = (uint32_t)t->free_first;
  t->free_first = (size_t)(slot - t->slots) + 1;
}

void *lull_idtable_next(const struct lull_idtable *t, size_t *at)
{
  while (*at < t->count) {
    void *thing = t->slots[(*at)++].thing;
    if (thing)
      return thing;
  }
  return NULL;
}
