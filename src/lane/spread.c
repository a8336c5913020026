#include "lane/spread.h"

#include <math.h>

/* us that may be made up for, or every delay would add up. */
#define LATE 10000

void lull_spread_init(struct lull_spread *s, unsigned count, lull_usec length,
                      unsigned burst)
{
  *s = (struct lull_spread){.parts = 1};
  if (burst >= count)
    return;
  if (!burst && length > LULL_SPREAD_MOST)
    length = LULL_SPREAD_MOST;
  s->gap = (double)length / count;
  s->room = burst ? (burst - 1) * s->gap : 0;
}

lull_usec lull_spread_next(const struct lull_spread *s)
{
  return s->turn > s->room ? (lull_usec)ceil(s->turn - s->room) : 0;
}

void lull_spread_take(struct lull_spread *s, lull_usec now)
{
  if (s->turn < (double)(now - LATE))
    s->turn = (double)now;
  s->turn += s->gap * s->parts;
}

void lull_spread_back(struct lull_spread *s)
{
  s->turn -= s->gap * s->parts;
}
