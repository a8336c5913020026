#include "lane/weighed.h"

#include <string.h>

#define FIRST 16u
#define MARKS 65536u /* 16 bytes each */

enum lull_err lull_weighed_new(struct lull_weighed **window, const char *name,
                               unsigned most, lull_usec length)
{
  struct lull_weighed *w;
  if (most == 0 || length <= 0)
    return LULL_EINVAL;
  *window = w = lull_mem_zero(sizeof *w);
  if (!w)
    return LULL_ENOMEM;
  w->most = most;
  w->length = length;
  w->cap = FIRST;
  w->name = lull_mem_copy(name, strlen(name));
  w->marks = lull_mem_alloc(w->cap * sizeof *w->marks);
  return w->name && w->marks ? LULL_OK : LULL_ENOMEM;
}

void lull_weighed_free(struct lull_weighed *w)
{
  if (!w)
    return;
  lull_mem_free(w->name);
  lull_mem_free(w->marks);
  lull_mem_free(w);
}

/* The i-th mark, the oldest first. */
static struct lull_weighed_mark *at(const struct lull_weighed *w, unsigned i)
{
  return &w->marks[w->first + i];
}

/* What is older goes first, until there is room. */
lull_usec lull_weighed_next(const struct lull_weighed *w, unsigned weight)
{
  uint64_t left = w->sum;
  lull_usec when = 0;
  if (w->pending + weight > w->most)
    return LULL_NEVER;
  for (unsigned i = 0; left + w->pending + weight > w->most; i++) {
    left -= at(w, i)->weight;
    when = lull_usec_add(at(w, i)->stamp, w->length);
  }
  return when;
}

/* Marks that are a length older than now are in no interval with what is still
   to come; and a stamp is never half a length ahead. */
static void prune(struct lull_weighed *w, lull_usec stamp)
{
  while (w->held &&
         lull_usec_add(at(w, 0)->stamp, w->length) <= stamp - w->length / 2) {
    w->sum -= at(w, 0)->weight;
    w->first++;
    w->held--;
  }
}

/* Of two marks that follow one another the later one has both. */
static void halve(struct lull_weighed *w)
{
  unsigned kept = 0;
  for (unsigned i = 0; i < w->held; i++) {
    struct lull_weighed_mark mark = w->marks[i];
    if (i % 2 == 0 && i + 1 < w->held)
      w->marks[i + 1].weight += mark.weight;
    else
      w->marks[kept++] = mark;
  }
  w->held = kept;
}

static void make_room(struct lull_weighed *w)
{
  struct lull_weighed_mark *more = NULL;
  if (w->first + w->held < w->cap)
    return;
  if (w->first >= w->cap / 2) {
    memmove(w->marks, at(w, 0), w->held * sizeof *w->marks);
    w->first = 0;
    return;
  }
  if (w->cap < MARKS)
    more = lull_mem_grow(w->marks, (size_t)2 * w->cap * sizeof *more);
  if (more) {
    w->marks = more;
    w->cap *= 2;
    return;
  }
  memmove(w->marks, at(w, 0), w->held * sizeof *w->marks);
  w->first = 0;
  halve(w);
}

/* How many marks are earlier than `stamp`. */
static unsigned rank(const struct lull_weighed *w, lull_usec stamp)
{
  unsigned lo = 0, hi = w->held;
  while (lo < hi) {
    unsigned mid = lo + (hi - lo) / 2;
    if (at(w, mid)->stamp < stamp)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

void lull_weighed_add(struct lull_weighed *w, lull_usec stamp, unsigned weight)
{
  unsigned i;
  if (!weight)
    return;
  prune(w, stamp);
  make_room(w);
  i = rank(w, stamp);
  w->sum += weight;
  if (i < w->held && at(w, i)->stamp == stamp) {
    at(w, i)->weight += weight;
    return;
  }
  memmove(at(w, i + 1), at(w, i), (w->held - i) * sizeof *w->marks);
  *at(w, i) = (struct lull_weighed_mark){stamp, weight};
  w->held++;
}

bool lull_weighed_take(struct lull_weighed *w, lull_usec stamp,
                       unsigned weight)
{
  unsigned i = rank(w, stamp);
  struct lull_weighed_mark *mark = at(w, i);
  if (i == w->held || mark->stamp != stamp || mark->weight < weight)
    return false;
  mark->weight -= weight;
  w->sum -= weight;
  if (!mark->weight) {
    w->held--;
    memmove(mark, mark + 1, (w->held - i) * sizeof *mark);
  }
  return true;
}

void lull_weighed_hold(struct lull_weighed *w, unsigned weight)
{
  w->pending += weight;
}

void lull_weighed_release(struct lull_weighed *w, unsigned weight)
{
  w->pending -= weight;
}

uint64_t lull_weighed_sum(const struct lull_weighed *w, lull_usec now)
{
  uint64_t sum = w->sum + w->pending;
  for (unsigned i = 0; i < w->held; i++)
    if (lull_usec_add(at(w, i)->stamp, w->length) <= now)
      sum -= at(w, i)->weight;
  return sum;
}
