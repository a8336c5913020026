/*
 * idtable: ids for things that come and go.
 *
 * An id is a slot and a generation, below 2^53 so that a Lua number holds it
 * exactly. A slot's generation goes up each time it is given back, and a
 * slot whose generations are used up is retired: no id is ever used twice.
 */
#ifndef LULL_BASE_IDTABLE_H
#define LULL_BASE_IDTABLE_H

#include "base/base.h"

struct lull_idtable {
  struct lull_idslot *slots;
  size_t count, cap, live;
  size_t free_first; /* slot + 1; 0: none */
};

void lull_idtable_init(struct lull_idtable *t);
void lull_idtable_clear(struct lull_idtable *t);

/* An id for `thing`; 0 when there is no memory, or 2^24 things live. */
uint64_t lull_idtable_add(struct lull_idtable *t, void *thing);

/* The id's slot, below 2^24: it is used again once the id is gone. */
uint32_t lull_idtable_slot(uint64_t id);

/* What the id stands for, or NULL. */
void *lull_idtable_get(const struct lull_idtable *t, uint64_t id);
void lull_idtable_remove(struct lull_idtable *t, uint64_t id);

/* Walks what lives: *at = 0 first; NULL at the end. */
void *lull_idtable_next(const struct lull_idtable *t, size_t *at);

#endif
