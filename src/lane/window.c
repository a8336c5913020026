#include "lane/window.h"

enum lull_err lull_window_init(struct lull_window *w, unsigned count,
                               lull_usec length)
{
  *w = (struct lull_window){.count = count, .most = count, .length = length};
  if (count == 0 || length <= 0)
    return LULL_EINVAL;
  if (count > LULL_WINDOW_MOST)
    return LULL_ELIMIT;
  w->stamps = lull_mem_alloc(count * sizeof *w->stamps);
  return w->stamps ? LULL_OK : LULL_ENOMEM;
}

void lull_window_clear(struct lull_window *w)
{
  lull_mem_free(w->stamps);
  *w = (struct lull_window){0};
}

/* The i-th stamp, the oldest first. */
static lull_usec *at(const struct lull_window *w, unsigned i)
{
  return &w->stamps[(w->first + i) % w->count];
}

/* n + 1 starts within less than the length are one too many, so the next
   one has to wait for the n-th latest. Pending ones may yet turn out to be
   later than any stamp, and so come off n. */
lull_usec lull_window_next(const struct lull_window *w)
{
  if (w->pending >= w->most)
    return LULL_NEVER;
  unsigned n = w->most - w->pending;
  if (w->held < n)
    return w->from;
  return lull_usec_later(w->from,
                         lull_usec_add(*at(w, w->held - n), w->length));
}

/* The oldest stamp goes when there is no room: only the `count` latest can
   ever matter. */
void lull_window_add(struct lull_window *w, lull_usec stamp)
{
  if (w->held == w->count) {
    if (stamp <= *at(w, 0))
      return;
    w->first = (w->first + 1) % w->count;
    w->held--;
  }
  unsigned i = w->held++;
  for (; i > 0 && *at(w, i - 1) > stamp; i--)
    *at(w, i) = *at(w, i - 1);
  *at(w, i) = stamp;
}

/* How many stamps are earlier than `stamp`. */
static unsigned rank(const struct lull_window *w, lull_usec stamp)
{
  unsigned lo = 0;
  unsigned hi = w->held;
  while (lo < hi) {
    unsigned mid = lo + (hi - lo) / 2;
    if (*at(w, mid) < stamp)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

static void move_back(struct lull_window *w, unsigned i, lull_usec from,
                      lull_usec to)
{
  if (i == w->held || *at(w, i) != from)
    return;
  for (; i > 0 && *at(w, i - 1) > to; i--)
    *at(w, i) = *at(w, i - 1);
  *at(w, i) = to;
}

/* Equal stamps are interchangeable, so any of them will do. One that has
   already been pushed out comes back as a new one, unless it moves back: then
   it is older than all that matter. */
void lull_window_move(struct lull_window *w, lull_usec from, lull_usec to)
{
  unsigned i = rank(w, from);
  if (to < from) {
    move_back(w, i, from, to);
    return;
  }
  if (i == w->held || *at(w, i) != from) {
    lull_window_add(w, to);
    return;
  }
  for (; i + 1 < w->held && *at(w, i + 1) < to; i++)
    *at(w, i) = *at(w, i + 1);
  *at(w, i) = to;
}

void lull_window_hold(struct lull_window *w)
{
  w->pending++;
}

void lull_window_release(struct lull_window *w)
{
  w->pending--;
}

void lull_window_settle(struct lull_window *w, lull_usec stamp)
{
  w->pending--;
  lull_window_add(w, stamp);
}
