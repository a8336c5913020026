#include "lane/pace.h"

/* A share of the quota that is kept for spreading: 1/4. */
#define KEPT 4

/* What is for this process: what is left over is nobody's, until an answer
   tells what there still is. */
static int64_t part(const struct lull_pace *p, int64_t all)
{
  return p->sharers > 1 ? all / p->sharers : all;
}

/* What the next window is taken to hold: at least one, or nobody could ask. */
static int64_t expected(const struct lull_pace *p)
{
  return p->crest > 1 ? p->crest : 1;
}

struct lull_pace lull_pace_now(const struct lull_pace *p, lull_usec now,
                               uint64_t starts)
{
  struct lull_pace next = *p;
  if (!p->known || p->guess || now < p->reset_at)
    return next;
  next.guess = true;
  next.remaining = next.crest = expected(p);
  next.mark = starts;
  return next;
}

/* Spreads `left` more starts: with the last one and the reset they make
   left + 1 equal gaps, each rounded up. */
static lull_usec spread(const struct lull_pace *p, int64_t left)
{
  lull_usec rest = p->reset_at > p->last ? p->reset_at - p->last : 0;
  lull_usec gap = rest / (left + 1) + (rest % (left + 1) != 0);
  return lull_usec_add(p->last, gap);
}

/* When nothing is left: the next window, if it will have room for one more
   beside those in flight. */
static lull_usec renewal(const struct lull_pace *p, int64_t flying)
{
  int64_t room = part(p, expected(p));
  return flying < (room > 1 ? room : 1) ? p->reset_at : LULL_NEVER;
}

lull_usec lull_pace_next(const struct lull_pace *p, lull_usec now,
                         unsigned flying, unsigned queued)
{
  struct lull_pace is = lull_pace_now(p, now, 0);
  int64_t left = part(&is, is.remaining) - (int64_t)flying;
  if (!is.known)
    return 0;
  if (is.guess) /* with none in flight no answer would ever come */
    return left > 0 || flying == 0 ? 0 : LULL_NEVER;
  if (left <= 0)
    return renewal(&is, flying);
  if (left >= queued && left > part(&is, is.crest) / KEPT)
    return 0;
  return spread(&is, left);
}

void lull_pace_start(struct lull_pace *p, lull_usec now, uint64_t starts)
{
  *p = lull_pace_now(p, now, starts);
  p->last = now;
}

static void tell(struct lull_pace *p, int64_t remaining, lull_usec reset_at,
                 uint64_t starts)
{
  p->known = true;
  p->guess = false;
  p->remaining = remaining;
  p->reset_at = reset_at;
  p->mark = starts;
}

void lull_pace_hear(struct lull_pace *p, lull_usec now, int64_t remaining,
                    int64_t crest, lull_usec reset_at, uint64_t starts)
{
  bool same;
  if (reset_at <= now)
    return;
  *p = lull_pace_now(p, now, starts);
  same = p->known && !p->guess && reset_at - p->reset_at < 2 * LULL_SEC;
  if (same && p->remaining <= remaining)
    return;
  tell(p, remaining, reset_at, starts);
  p->crest = same && p->crest > crest ? p->crest : crest;
}

/* Answers may come in another order than the server counted in. One that
   started after the last telling is newer for certain; of those that
   overlapped the smaller remainder holds. A window that ends now, or has
   ended, tells nothing. An attempt that told nothing may have been counted.
*/
void lull_pace_finish(struct lull_pace *p, lull_usec now, uint64_t start,
                      uint64_t starts, const struct lull_quota *quota)
{
  *p = lull_pace_now(p, now, starts);
  if (!quota || !quota->known || quota->reset <= 0) {
    p->remaining -= p->known && p->remaining > 0;
    return;
  }
  int64_t told = quota->remaining > 0 ? quota->remaining : 0;
  bool newer = !p->known || start > p->mark;
  bool first = !p->known || p->guess;
  p->untold = true;
  if (newer || told < p->remaining)
    tell(p, told, lull_usec_add(now, quota->reset), starts);
  if (first || told > p->crest)
    p->crest = told;
}
