#include "lane/period.h"

#define MOST 20000 /* starts of a window; 8 bytes each */
#define SELDOM 40  /* granted before the window is tried to hold more */

/* Windows are round: the longest of these that fits. */
static const int round_ones[] = {1,  2,   5,   10,  15,  20,   30,
                                 60, 120, 300, 600, 900, 1800, 3600};

static lull_usec guess(lull_usec least, lull_usec most)
{
  lull_usec found = most;
  for (unsigned i = 0; i < sizeof round_ones / sizeof *round_ones; i++) {
    lull_usec one = round_ones[i] * LULL_SEC;
    if (one > least && one <= most)
      found = one;
  }
  return found;
}

/* A new window that has counted the starts of the old one. */
static bool remake(struct lull_period *p, unsigned count, lull_usec length)
{
  struct lull_window w;
  if (lull_window_init(&w, count, length) != LULL_OK)
    return false;
  for (unsigned i = 0; p->on && i < p->window.held; i++)
    lull_window_add(&w,
                    p->window.stamps[(p->window.first + i) % p->window.count]);
  if (p->on)
    lull_window_clear(&p->window);
  p->window = w;
  p->count = count;
  p->length = length;
  p->on = true;
  p->grown = 0;
  return true;
}

/* Two blocks that are of one window: of the first only a part may be known. */
static bool agree(lull_usec a, lull_usec b)
{
  return a <= 2 * b && b <= 2 * a;
}

void lull_period_learn(struct lull_period *p, unsigned count, lull_usec least,
                       lull_usec most, const struct lull_outcomes *seen,
                       lull_usec epoch)
{
  lull_usec length = guess(least, most);
  p->seen = seen;
  if (count > MOST)
    count = MOST;
  p->guessed = !p->on || !agree(p->length, length);
  p->base = count;
  if (!remake(p, count, length))
    return;
  lull_usec first = LULL_NEVER;
  for (unsigned i = 0; i < seen->count; i++) {
    lull_usec at = seen->list[i].began;
    lull_window_add(&p->window, at);
    first = at < first ? at : first;
  }
  while (p->window.held < count && seen->count == LULL_OUTCOMES)
    lull_window_add(&p->window, first);
  p->began = 0;
  p->early = 0;
  p->begins = p->guessed ? epoch + 2 * p->length : 0;
}

static lull_usec newest(const struct lull_period *p)
{
  const struct lull_window *w = &p->window;
  return w->held ? w->stamps[(w->first + w->held - 1) % w->count] : 0;
}

lull_usec lull_period_next(const struct lull_period *p, lull_usec now,
                           unsigned flying)
{
  lull_usec at = lull_window_next(&p->window);
  if (at <= now)
    return at;
  if (p->guessed)
    return flying ? LULL_NEVER : 0;
  if (!p->begins || p->early || p->begins >= at)
    return at;
  return newest(p) + p->length / 4 < p->begins ? p->begins : at;
}

void lull_period_start(struct lull_period *p, uint64_t number, lull_usec now)
{
  if (!p->guessed && p->begins && !p->early &&
      lull_window_next(&p->window) > now)
    p->early = number;
  if (!p->began || now - p->began >= p->length || number == p->early) {
    p->began = now;
    p->block = p->granted = 0;
  }
  p->block++;
  lull_window_add(&p->window, now);
}

void lull_period_drop(struct lull_period *p)
{
  if (p->on)
    lull_window_clear(&p->window);
  *p = (struct lull_period){0};
}

bool lull_period_restore(struct lull_period *p, unsigned count,
                         lull_usec length, bool harsh,
                         const struct lull_outcomes *seen)
{
  lull_period_drop(p);
  p->seen = seen;
  p->harsh = harsh;
  p->base = count;
  return count <= MOST && remake(p, count, length);
}

/* The server's window began earlier than ours: so may the next ones. */
static void shift(struct lull_period *p, lull_usec began)
{
  struct lull_window *w = &p->window;
  lull_usec by = lull_window_next(w) - began;
  for (unsigned i = 0; by > 0 && i < w->held; i++)
    w->stamps[i] -= by;
}

void lull_period_passed(struct lull_period *p, uint64_t number,
                        lull_usec began)
{
  unsigned more = 1 + p->count / 32;
  if (p->guessed && p->block > p->count) {
    lull_period_drop(p); /* it was an outage */
    return;
  }
  if (number == p->early) {
    shift(p, began);
    p->begins = 0;
  }
  p->doubts = 0;
  p->grown++;
  p->granted++;
  if (p->harsh || p->window.held < p->count || p->grown < SELDOM ||
      p->grown < 2 * p->count || p->count + more > MOST)
    return;
  p->base = p->count;
  remake(p, p->count + more, p->length);
}

/* What was refused did not count. */
static void uncount(struct lull_period *p)
{
  for (unsigned i = 0; i < p->seen->count; i++)
    if (!p->seen->list[i].granted)
      lull_window_move(&p->window, p->seen->list[i].began, 1);
}

/* Refused though fewer were granted than in the block before: those that were
   refused while it was shut have counted. */
static void confirm(struct lull_period *p, bool rated)
{
  p->guessed = ++p->doubts < (rated ? 2 : 1);
  if (!p->guessed)
    p->harsh = p->granted < p->count;
}

bool lull_period_refused(struct lull_period *p, uint64_t number, bool rated)
{
  p->grown = 0;
  if (rated && p->granted * 10 < p->count * 9)
    return false;
  if (p->guessed && p->granted * 2 < p->count) {
    lull_period_drop(p);
    return false;
  }
  if (p->guessed) {
    confirm(p, rated);
    if (!p->guessed && !p->harsh)
      uncount(p);
    return true;
  }
  if (!p->harsh)
    uncount(p);
  if (number == p->early) {
    p->begins = 0;
    return true;
  }
  if (p->granted * 5 < p->count * 4)
    return false;
  if (p->count > p->base)
    return remake(p, p->base, p->length);
  p->base = p->granted;
  return p->harsh || remake(p, p->granted, p->length);
}
