#include "base/timerq.h"

#define DUE SIZE_MAX /* the slot of a timer that was taken into a round */

void lull_timerq_init(struct lull_timerq *q)
{
  *q = (struct lull_timerq){0};
}

void lull_timerq_clear(struct lull_timerq *q)
{
  lull_mem_free(q->heap);
  lull_timerq_init(q);
}

enum lull_err lull_timerq_reserve(struct lull_timerq *q)
{
  if (q->reserved + 2 > q->cap) {
    size_t cap = q->cap ? q->cap * 2 : 16;
    struct lull_timer **heap = lull_mem_grow(q->heap, cap * sizeof *heap);
    if (!heap)
      return LULL_ENOMEM;
    q->heap = heap;
    q->cap = cap;
  }
  q->reserved++;
  return LULL_OK;
}

void lull_timerq_release(struct lull_timerq *q)
{
  q->reserved--;
}

static bool before(const struct lull_timer *a, const struct lull_timer *b)
{
  return a->at != b->at ? a->at < b->at : a->u.seq < b->u.seq;
}

static void put(struct lull_timerq *q, struct lull_timer *t, size_t slot)
{
  q->heap[slot] = t;
  t->slot = slot;
}

static void sift_up(struct lull_timerq *q, struct lull_timer *t, size_t slot)
{
  for (; slot > 1 && before(t, q->heap[slot / 2]); slot /= 2)
    put(q, q->heap[slot / 2], slot);
  put(q, t, slot);
}

static void sift_down(struct lull_timerq *q, struct lull_timer *t, size_t slot)
{
  size_t child;
  while ((child = slot * 2) <= q->count) {
    if (child < q->count && before(q->heap[child + 1], q->heap[child]))
      child++;
    if (!before(q->heap[child], t))
      break;
    put(q, q->heap[child], slot);
    slot = child;
  }
  put(q, t, slot);
}

/* Puts `t` where it belongs, starting from a free slot. */
static void settle(struct lull_timerq *q, struct lull_timer *t, size_t slot)
{
  if (slot > 1 && before(t, q->heap[slot / 2]))
    sift_up(q, t, slot);
  else
    sift_down(q, t, slot);
}

static void take_from_heap(struct lull_timerq *q, struct lull_timer *t)
{
  size_t slot = t->slot;
  struct lull_timer *last = q->heap[q->count--];
  t->slot = 0;
  if (last != t)
    settle(q, last, slot);
}

static void take_from_round(struct lull_timerq *q, struct lull_timer *t)
{
  if (t->u.prev)
    t->u.prev->next = t->next;
  else
    q->due_first = t->next;
  if (t->next)
    t->next->u.prev = t->u.prev;
  else
    q->due_last = t->u.prev;
  t->slot = 0;
}

void lull_timerq_cancel(struct lull_timerq *q, struct lull_timer *t)
{
  if (t->slot == DUE)
    take_from_round(q, t);
  else if (t->slot)
    take_from_heap(q, t);
}

void lull_timerq_set(struct lull_timerq *q, struct lull_timer *t, lull_usec at)
{
  lull_timerq_cancel(q, t);
  if (at == LULL_NEVER)
    return;
  t->at = at;
  t->u.seq = q->seq++;
  sift_up(q, t, ++q->count);
}

bool lull_timer_armed(const struct lull_timer *t)
{
  return t->slot != 0;
}

lull_usec lull_timerq_first(const struct lull_timerq *q)
{
  if (q->due_first)
    return q->due_first->at;
  return q->count ? q->heap[1]->at : LULL_NEVER;
}

void lull_timerq_begin(struct lull_timerq *q, lull_usec now)
{
  while (q->count && q->heap[1]->at <= now) {
    struct lull_timer *t = q->heap[1];
    take_from_heap(q, t);
    t->slot = DUE;
    t->u.prev = q->due_last;
    t->next = NULL;
    if (q->due_last)
      q->due_last->next = t;
    else
      q->due_first = t;
    q->due_last = t;
  }
}

struct lull_timer *lull_timerq_fire(struct lull_timerq *q)
{
  struct lull_timer *t = q->due_first;
  if (t)
    take_from_round(q, t);
  return t;
}
