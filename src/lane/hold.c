#include "lane/hold.h"

#include "lane/scatter.h"

#define UNLIKELY 1e-4  /* that so many are refused in a row by chance */
#define PARTS 12       /* of the time that it has been shut: a pause */
#define FEW 3          /* granted: too few to know a rate by */
#define SHORT LULL_SEC /* shut when it began: the little says nothing */
#define TOLD_ROUGHLY (3 * LULL_SEC / 2) /* whole seconds, and a bit */

/* A window that may be long is asked the less often, the longer it is shut. */
static lull_usec seldom(const struct lull_learn *l, lull_usec now)
{
  lull_usec shut = now - l->seen.latest_at;
  bool may_be = l->quota && l->seen.granted && shut <= LULL_HOLD_LONGEST;
  return may_be ? shut / PARTS : 0;
}

static lull_usec own_pause(struct lull_learn *l, lull_usec now)
{
  lull_usec pause = lull_slots_pause_of(&l->rng, l->base, l->hold.streak);
  return lull_usec_later(pause, seldom(l, now));
}

/* As the server told, when it may be meant for all; else the lane's own. */
static void pause(struct lull_learn *l, struct lull_slots *s,
                  const struct lull_learn_end *e, bool at_once)
{
  bool obey = e->hint > 0 && (e->quota || l->hold.sure);
  l->hold.told = obey;
  if (obey)
    l->told = e->hint;
  lull_slots_pause(s, lull_usec_add(e->now, obey      ? e->hint
                                            : at_once ? 0
                                                      : own_pause(l, e->now)));
}

void lull_hold_begin(struct lull_learn *l, struct lull_slots *s,
                     const struct lull_learn_end *e,
                     const struct lull_hold_cause *c)
{
  l->suspicion.on = false;
  l->trial.on = false;
  l->hold = (struct lull_hold){.on = true,
                               .sure = c->sure,
                               .alone = e->flying < 2,
                               .proven = c->sure,
                               .streak = 1,
                               .trial = c->trial,
                               .full = c->full,
                               .granted = c->granted,
                               .run = lull_outcomes_run(&l->seen)};
  if (!l->held) {
    l->held = true;
    l->opened = l->epoch;
    l->burst = (double)(c->granted - l->epoch_granted);
  }
  l->cut = s->starts;
  pause(l, s, e, c->trial > 0 || (!c->sure && !e->quota));
  l->changes++;
}

void lull_hold_on(struct lull_learn *l, struct lull_slots *s,
                  const struct lull_learn_end *e)
{
  struct lull_hold *h = &l->hold;
  h->sure = true;
  h->streak++;
  h->refused = e->began;
  h->trial = h->trial && e->flying > 2 && e->flying + 1 >= h->trial
                 ? e->flying - 1
                 : 0;
  l->cut = s->starts;
  pause(l, s, e, false);
}

/* A lane that is refused now and then is so several times in a row, too. */
static bool is_chance(const struct lull_learn *l)
{
  double share = l->cubic.gap > 0 ? 1 / (1 + l->cubic.gap) : 0;
  double p = 1;
  for (unsigned n = l->hold.run + l->hold.streak - 1; n > 0 && p > UNLIKELY;
       n--)
    p *= share;
  return p > UNLIKELY;
}

/* What the lane is let go with, once one has passed. A bucket would have had
   room again soon; a window had none all the time. */
static bool is_window(const struct lull_learn *l)
{
  const struct lull_hold *h = &l->hold;
  uint64_t n = h->granted - l->block_granted;
  lull_usec shut = h->refused > h->full ? h->refused - h->full : 0;
  return n >= 5 && shut >= LULL_SEC / 5 && !is_chance(l) &&
         (double)shut * (double)n > 5.0 * (double)(h->full - l->opened);
}

/* The server told when it begins anew, twice, and both times at the same
   distance from its beginning, so it is no fixed wait. */
static bool is_told_window(const struct lull_learn *l, lull_usec opened)
{
  lull_usec span = opened - l->opened;
  lull_usec off = span > l->span ? span - l->span : l->span - span;
  return l->hold.told && l->span > 0 && off < TOLD_ROUGHLY &&
         span >= LULL_HOLD_LONG && l->hold.granted >= l->block_granted + 5;
}

/* How long a window is: from the beginning of one to that of the next, each
   known but roughly. */
static void learn_period(struct lull_learn *l, lull_usec least, lull_usec most)
{
  const struct lull_hold *h = &l->hold;
  lull_period_learn(&l->period, (unsigned)(h->granted - l->block_granted),
                    least, most, &l->seen, l->epoch);
}

/* Granted a second since the lane was let go the last time, up to now. */
static double block_rate(const struct lull_learn *l, lull_usec now)
{
  double n = (double)(l->hold.granted - l->block_granted);
  return now > l->opened ? n / lull_usec_to(now - l->opened) : 0;
}

static void slow_to(struct lull_learn *l, double rate)
{
  if (rate < l->cubic.rate / 2)
    rate = l->cubic.rate / 2;
  if (rate > 0 && rate < l->cubic.rate)
    l->cubic.rate = rate;
}

/* A rate, when there was none: all that was granted over all the time. Not
   more than a bucket could have that was shut for so long. Where the server
   had no room when the lane began there is nothing to go by: it begins anew,
   by one; but one that had none for long is shared with others, and by little.
 */
static void begin_rate(struct lull_learn *l, struct lull_slots *s,
                       lull_usec now)
{
  const struct lull_hold *h = &l->hold;
  double rate = lull_scatter_overall(l, now);
  if (h->granted == l->epoch_granted && h->refused - h->full <= SHORT) {
    l->epoch = now;
    return;
  }
  if (h->alone && l->seen.granted < l->epoch_granted + FEW) {
    lull_slots_resume(s);
    return;
  }
  if (h->refused > h->full) {
    double most = 1.5e6 / (double)(h->refused - h->full);
    rate = rate < most ? rate : most;
  }
  if (h->proven)
    lull_scatter_settle(l, s, rate, now);
  else
    lull_scatter_test(l, s, rate, now);
}

/* The rate that there was; when the server was shut only for a while, that
   counts. */
static void resume_rate(struct lull_learn *l, struct lull_slots *s,
                        lull_usec opened)
{
  const struct lull_hold *h = &l->hold;
  lull_slots_resume(s);
  if (h->refused <= h->full + 2 * (h->full - l->opened))
    slow_to(l, block_rate(l, opened));
}

static void find_window(struct lull_learn *l, lull_usec opened)
{
  learn_period(l, l->hold.refused - l->opened,
               opened - (l->shut ? l->shut : l->opened));
}

static void find_told_window(struct lull_learn *l, struct lull_slots *s,
                             lull_usec opened)
{
  lull_usec span = opened - l->opened;
  learn_period(l, span - TOLD_ROUGHLY, span + TOLD_ROUGHLY);
  l->period.guessed = false;
  l->period.begins = 0;
  lull_slots_resume(s);
}

/* What it was: the choice among all that may limit. */
static void conclude(struct lull_learn *l, struct lull_slots *s,
                     const struct lull_learn_end *e)
{
  const struct lull_hold *h = &l->hold;
  if (!h->sure) {
    lull_slots_resume(s);
    lull_scatter_try(l, s, e->now, false);
  } else if (h->trial) {
    lull_slots_found(s, h->trial);
    l->slots_granted = l->seen.granted;
  } else if (is_window(l)) {
    find_window(l, e->began);
  } else if (is_told_window(l, e->began)) {
    find_told_window(l, s, e->began);
  } else if (!(l->cubic.rate > 0)) {
    begin_rate(l, s, e->now);
  } else {
    resume_rate(l, s, e->began);
  }
}

void lull_hold_end(struct lull_learn *l, struct lull_slots *s,
                   const struct lull_learn_end *e)
{
  struct lull_hold *h = &l->hold;
  h->on = false;
  h->granted = l->seen.granted - 1; /* now all answers are there */
  l->cut = s->starts;
  l->changes++;
  lull_cubic_refilled(&l->cubic);
  conclude(l, s, e);
  l->cubic.next = e->now;
  l->span = e->began - l->opened;
  l->opened = e->began;
  l->shut = h->refused;
  l->block_granted = h->granted;
}
