#include "lane/cubic.h"

#include <math.h>

#define DEPTH 0.15 /* it falls by, at a refusal; by more where it is slow */
#define DEEPEST 0.4
#define SLOW 10      /* a second */
#define SLOWEST 1    /* slower ones are like this one */
#define NEARLY 0.95  /* of what it was refused at, at least, was granted */
#define UNSURE 0.85  /* after a refusal, when few were granted in between */
#define FEW 5        /* granted in between */
#define SURE 10      /* how many make it sure */
#define BACK 3.9     /* units of time until it is back */
#define CHANCE 2.5   /* times as many granted as from cut to cut as a rule: */
#define RARE 20      /* of at least so many */
#define STEEP 4      /* of the curve when it is no chance any more */
#define EVENLY 0.015 /* a second, that a slow one grows by each second */
#define SHARING 0.03 /* where it is a limit, which others may share, or */
#define EACH 0.016   /* for each that is granted from cut to cut beyond a */
#define CROWD 4      /* few, */
#define FASTEST 0.2  /* this at most */
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

static double unit(double rate)
{
  if (rate > SLOW)
    return 1;
  return sqrt(SLOW / (rate > SLOWEST ? rate : SLOWEST));
}

/* How far it falls. */
static double depth(double rate)
{
  double d = DEPTH * unit(rate);
  return d < DEEPEST ? d : DEEPEST;
}

static void note_gap(struct lull_cubic *c)
{
  c->gap += c->gap > 0 ? (c->passes - c->gap) / 4 : c->passes;
  c->passes = 0;
}

static void note_full(struct lull_cubic *c, const struct lull_full *full)
{
  if (!c->before.at)
    c->before = *full;
  else if (full->at - c->before.at > 2 * horizon(c))
    c->before = c->last;
  c->last = *full;
}

/* Hears of the server so seldom that chance would keep it behind. */
static bool behind(const struct lull_cubic *c)
{
  return c->rate < SLOWEST;
}

/* Less than a rate's worth would be too soon after a refusal. */
static lull_usec rest(const struct lull_cubic *c)
{
  return (lull_usec)((behind(c) ? 1e6 : 1.5e6) / c->rate);
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
  bool slow = c->before.at ? c->rate < SLOW : c->crest > 0 && behind(c);
  note_gap(c);
  note_full(c, &full);
  if (!(found > 0) || found > c->rate)
    found = c->rate;
  if (slow && found < (sure ? NEARLY : 1) * c->rate)
    found = (sure ? NEARLY : 1) * c->rate;
  sure = sure || slow;
  c->crest = sure ? found : 0;
  c->rate = within(found * (sure ? 1 - depth(found) : UNSURE));
  c->least = c->rate;
  c->spent = 0;
  c->steps = 0;
  c->grown = now;
  c->pressed = false;
  c->next = lull_usec_add(now, rest(c));
  return found;
}

/* Where the curve is so many seconds after the cut. Beyond the crest it is
   straight as long as it may be chance that nothing is refused. */
static double curve(const struct lull_cubic *c)
{
  double t = c->spent / (BACK * unit(c->crest)) - 1;
  double gap = c->gap > RARE ? c->gap : RARE;
  double late = c->passes / gap - CHANCE;
  bool chance = t > 1 && c->crest < SLOW;
  double up = chance ? t : t * t * t;
  if (chance && late > 0)
    up += STEEP * late * late * late;
  return c->crest * (1 + depth(c->crest) * up);
}

/* What it grows by each second at least, a second. A part of its own rate
   would leave one that has little behind for ever. How many are granted from
   one cut to the next is much the same for all that share a limit, and so is
   this: the more they are, the less room there is for each to grow into. */
static double evenly(const struct lull_cubic *c, bool limit)
{
  double by = EACH * (c->gap - CROWD);
  if (!limit)
    return EVENLY;
  return by < SHARING ? SHARING : by < FASTEST ? by : FASTEST;
}

static double grown(const struct lull_cubic *c, bool limit)
{
  double to = curve(c);
  double even = c->least + evenly(c, limit) * c->spent;
  if (c->crest < SLOW && even > to)
    to = even;
  return within(to > c->rate ? to : c->rate);
}

/* A slow one that has grown lets the next go so much sooner. */
static void hasten(struct lull_cubic *c, double before, lull_usec now)
{
  lull_usec sooner = (lull_usec)(1e6 / before - 1e6 / c->rate);
  if (before < SLOWEST && c->next > now)
    c->next = c->next - sooner > now ? c->next - sooner : now;
}

void lull_cubic_grow(struct lull_cubic *c, lull_usec now, bool limit)
{
  double step = lull_usec_to(now - c->grown);
  double most = 2 / c->rate + 0.1;
  c->passes++;
  if (!c->pressed) {
    c->grown = now;
    return;
  }
  c->pressed = false;
  c->grown = now;
  c->spent += step < most ? step : most;
  if (c->crest > 0) {
    double before = c->rate;
    c->rate = grown(c, limit);
    hasten(c, before, now);
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
