#include "lane/cubic.h"

#include <math.h>

#define BELOW 0.95   /* of what was granted, after a refusal */
#define UNSURE 0.85  /* likewise, when few were granted in between */
#define FEW 5        /* granted in between */
#define SURE 10      /* how many make it sure */
#define STEEP 0.0025 /* of the curve: per cubed unit of time */
#define BACK                                                                  \
  2.714 /* units until it is back: the cube root of                           \
           (1 - BELOW) / STEEP */
#define FIRST                                                                 \
  0.2 /* more, each half second, until it was refused; the                    \
          next time twice that, and so on */
#define MOST 0.5
#define UNUSED 1.25 /* when more was granted lately, it was too low before */
#define HORIZON 3   /* seconds that are measured over */
#define ENOUGH 20   /* or so many granted, whichever is longer */
#define LEAST 0.05  /* a second: with less nothing would be learned */
#define LATE 10000  /* us that may be made up for */

static double within(double rate)
{
  return rate > LEAST ? rate < 1e6 ? rate : 1e6 : LEAST;
}

void lull_cubic_begin(struct lull_cubic *c, double rate, lull_usec now)
{
  *c = (struct lull_cubic){.rate = within(rate), .next = now, .grown = now};
}

static double per_second(const struct lull_full *from,
                         const struct lull_full *to)
{
  return (double)(to->granted - from->granted) /
         lull_usec_to(to->at - from->at);
}

/* How long to measure over. */
static lull_usec horizon(const struct lull_cubic *c)
{
  double enough = ENOUGH / c->rate;
  return (lull_usec)((enough > HORIZON ? enough : HORIZON) * 1e6);
}

/* What was granted between the times when it was full. Of a few that is too
   little, as a rule, and what was granted lately too much, since the server
   may have had room at first. */
static double measured(const struct lull_cubic *c,
                       const struct lull_full *full, double lately)
{
  const struct lull_full *from = c->before.at ? &c->before : &c->last;
  uint64_t n = full->granted - from->granted;
  if (!from->at || full->at <= from->at || n == 0)
    return lately;
  double found = per_second(from, full);
  return n < FEW && lately > found ? sqrt(found * lately) : found;
}

static void note_full(struct lull_cubic *c, const struct lull_full *full)
{
  if (!c->before.at)
    c->before = *full;
  else if (full->at - c->before.at > 2 * horizon(c))
    c->before = c->last;
  c->last = *full;
}

double lull_cubic_cut(struct lull_cubic *c, lull_usec at, lull_usec now,
                      uint64_t granted, double lately, double fits)
{
  struct lull_full full = {at, granted};
  double found = measured(c, &full, lately);
  bool sure = c->before.at && granted >= c->before.granted + SURE;
  if (fits > found && sure) {
    found = fits;
  } else if (lately > UNUSED * found) {
    found = lately;
    c->before = full;
    sure = false;
  }
  note_full(c, &full);
  if (!(found > 0) || found > c->rate)
    found = c->rate;
  c->crest = sure ? found : 0;
  c->rate = within(found * (sure ? BELOW : UNSURE));
  c->spent = 0;
  c->steps = 0;
  c->grown = now;
  c->pressed = false;
  c->next = lull_usec_add(now, (lull_usec)(1.5e6 / c->rate));
  return found;
}

static double unit(double rate)
{
  return rate > 10 ? 1 : 10 / rate;
}

/* Where the curve is so many seconds after the cut. */
static double curve(const struct lull_cubic *c)
{
  double t = c->spent / unit(c->crest) - BACK;
  return c->crest * (1 + STEEP * t * t * t);
}

void lull_cubic_grow(struct lull_cubic *c, lull_usec now)
{
  double step = lull_usec_to(now - c->grown);
  double most = 2 / c->rate + 0.1;
  if (!c->pressed) {
    c->grown = now;
    return;
  }
  c->pressed = false;
  c->grown = now;
  c->spent += step < most ? step : most;
  if (c->crest > 0) {
    double to = within(curve(c));
    c->rate = to > c->rate ? to : c->rate;
  } else if (c->spent >= 0.5) {
    c->spent = 0;
    c->steps++;
    c->rate = within(
        c->rate * (1 + (c->steps * FIRST < MOST ? c->steps * FIRST : MOST)));
  }
}

void lull_cubic_start(struct lull_cubic *c, lull_usec now)
{
  lull_usec from = c->next > now - LATE ? c->next : now - LATE;
  c->next = lull_usec_add(from, (lull_usec)(1e6 / c->rate));
}

void lull_cubic_refilled(struct lull_cubic *c)
{
  c->before = c->last = (struct lull_full){0, 0};
}
