#include "lane/scatter.h"

#define NOISIEST 0.25  /* share of refusals that may be no limit's */
#define SCATTERED 0.04 /* share of refusals that needs no explanation */
#define MORE 0.05      /* than the noise, where that is much */
#define MANY 4         /* refusals that tell, where they are many */
#define TESTED 0.7     /* of the rate, to see whether refusals become fewer */
#define CLEAR 8        /* refusals to be expected: that none came is clear */
#define BORNE 0.5      /* of what is granted: a limit refuses none of that */

uint64_t lull_scatter_granted(const struct lull_learn *l, uint64_t mark)
{
  return l->seen.granted - lull_outcomes_after(&l->seen, mark).granted;
}

double lull_scatter_overall(const struct lull_learn *l, lull_usec now)
{
  double n = (double)(l->seen.granted - l->epoch_granted);
  lull_usec span = now - l->epoch;
  return n / lull_usec_to(span > LULL_MSEC ? span : LULL_MSEC);
}

void lull_scatter_settle(struct lull_learn *l, struct lull_slots *s,
                         double rate, lull_usec now)
{
  lull_cubic_begin(&l->cubic, rate, now);
  lull_slots_resume(s);
  l->changes++;
}

static void forget_rate(struct lull_learn *l)
{
  l->cubic = (struct lull_cubic){0};
  l->changes++;
}

/* Sends at that rate, and sees. */
static void test(struct lull_learn *l, struct lull_slots *s, double rate,
                 lull_usec now)
{
  double share = lull_outcomes_share(&l->seen);
  l->trial = (struct lull_trial){.on = share <= NOISIEST, .share = share};
  l->peak = 0;
  l->odd = 0;
  lull_scatter_settle(l, s, rate, now);
}

void lull_scatter_test(struct lull_learn *l, struct lull_slots *s, double rate,
                       lull_usec now)
{
  if (l->quota) /* a limit it is: it says so */
    lull_scatter_settle(l, s, rate, now);
  else
    test(l, s, TESTED * rate, now);
}

void lull_scatter_try(struct lull_learn *l, struct lull_slots *s,
                      lull_usec now, bool anyhow)
{
  double rate =
      lull_outcomes_rate(&l->seen, lull_outcomes_refusal(&l->seen), 8);
  if (!(rate > 0))
    return;
  if (anyhow ||
      (l->seen.refused >= 3 && lull_outcomes_share(&l->seen) > SCATTERED))
    lull_scatter_test(l, s, rate, now);
}

void lull_scatter_doubt(struct lull_learn *l, struct lull_slots *s,
                        lull_usec now)
{
  double granted = BORNE * lull_outcomes_borne(&l->seen, now);
  double rate = TESTED * l->cubic.rate;
  test(l, s, granted > 0 && granted < rate ? granted : rate, now);
  l->trial.on = true;
  l->quick = 0;
}

static void take_for_noise(struct lull_learn *l, double share)
{
  l->noise = share > l->trial.share ? share : l->trial.share;
  l->trial.on = false;
  forget_rate(l);
}

/* Where they were many: when as many again are refused they are no limit's. A
   trial that does not tell ends. */
static void conclude_many(struct lull_learn *l, unsigned all, double share)
{
  struct lull_trial *t = &l->trial;
  if (t->refused >= MANY && t->granted >= 2)
    take_for_noise(l, share);
  else
    t->on = all < 8 * MANY;
}

/* The lower rate has been tried for long enough. The share that led to the
   trial is too high as a rule, or it would not have. */
static void conclude_trial(struct lull_learn *l)
{
  struct lull_trial *t = &l->trial;
  unsigned all = t->granted + t->refused;
  double share = all ? (double)t->refused / all : 0;
  double expected = all * t->share;
  bool fell = share < 0.25 * t->share;
  bool stayed = t->refused >= 2 && share >= 0.4 * t->share;
  if (t->share > NOISIEST && stayed)
    conclude_many(l, all, share);
  else if (share > NOISIEST ? expected >= 4 : fell && expected >= CLEAR)
    t->on = false;
  else if (share <= NOISIEST && (stayed || expected >= 2 * CLEAR))
    take_for_noise(l, share);
}

void lull_scatter_tally(struct lull_learn *l, const struct lull_learn_end *e,
                        bool granted)
{
  if (!l->trial.on || e->number <= l->cut)
    return;
  l->trial.granted += granted;
  l->trial.refused += !granted;
  conclude_trial(l);
}

/* How many refusals in a row are too many for the noise that is known. */
static unsigned run_of(const struct lull_learn *l)
{
  double chance = l->noise > 0.01 ? l->noise : 0.01;
  unsigned n = LULL_SCATTER_RUN;
  for (double p = chance * chance * chance; p > 1e-5 && n < 12; p *= chance)
    n++;
  return n;
}

bool lull_scatter_few(const struct lull_learn *l)
{
  return lull_outcomes_share(&l->seen) <= NOISIEST;
}

/* The share up to which all is as ever. Where most are refused there is no
   room for more. */
static double usual(const struct lull_learn *l)
{
  if (l->noise > NOISIEST)
    return l->noise + MORE;
  return 2.5 * l->noise > 0.06 ? 2.5 * l->noise : 0.06;
}

bool lull_scatter_noise(const struct lull_learn *l)
{
  return l->noise > 0 && lull_outcomes_run(&l->seen) < run_of(l) &&
         lull_outcomes_share(&l->seen) <= usual(l);
}
