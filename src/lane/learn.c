#include "lane/learn.h"

#include "lane/hold.h"
#include "lane/scatter.h"

#define IDLE (2 * LULL_SEC)
#define ALIVE (60 * LULL_SEC)
#define QUICK 3  /* grants between two cuts: with fewer it is too quick */
#define CUTS 2   /* of that kind in a row that raise a doubt */
#define FAR 0.75 /* below what was borne: another reason */

void lull_learn_configure(struct lull_learn *l, bool on)
{
  l->on = l->on || on;
}

void lull_learn_seed(struct lull_learn *l, uint64_t seed)
{
  lull_rng_seed(&l->rng, seed);
}

void lull_learn_clear(struct lull_learn *l)
{
  lull_period_drop(&l->period);
  lull_outcomes_clear(&l->seen);
}

/* ---- when the next may go ---------------------------------------------- */

static bool rated(const struct lull_learn *l)
{
  return l->cubic.rate > 0;
}

lull_usec lull_learn_next(const struct lull_learn *l,
                          const struct lull_slots *s, lull_usec now,
                          enum lull_lane_cause *cause)
{
  lull_usec at = 0;
  *cause = LULL_CAUSE_PAUSE;
  if (!l->on)
    return 0;
  if (l->suspicion.on)
    return l->suspicion.patience;
  if (l->hold.on && l->hold.trial && s->flying >= l->hold.trial)
    return LULL_NEVER;
  *cause = LULL_CAUSE_LEARNED;
  if (rated(l) && l->cubic.next > now)
    at = l->cubic.next;
  if (l->period.on)
    at = lull_usec_later(at, lull_period_next(&l->period, now, s->flying));
  return at;
}

void lull_learn_press(struct lull_learn *l)
{
  l->cubic.pressed = true;
}

void lull_learn_start(struct lull_learn *l, uint64_t number, lull_usec now)
{
  if (!l->on)
    return;
  if (!l->begun)
    l->first = now;
  if (!l->begun || (now - l->active > IDLE && !l->hold.on)) {
    l->begun = true;
    l->epoch = now;
    l->epoch_granted = l->seen.granted;
  }
  l->active = now;
  if (rated(l))
    lull_cubic_start(&l->cubic, now);
  if (l->period.on)
    lull_period_start(&l->period, number, now);
}

/* ---- suspicion --------------------------------------------------------- */

static void suspect(struct lull_learn *l, const struct lull_learn_end *e)
{
  struct lull_suspicion *q = &l->suspicion;
  lull_usec latency = e->now - e->began;
  if (!q->on || e->number < q->first) {
    q->first = e->number;
    q->at = e->began;
    q->flying = e->flying;
  }
  if (q->on)
    return;
  q->on = true;
  q->patience = lull_usec_add(e->now, latency < LULL_SEC ? latency + LULL_MSEC
                                                         : LULL_SEC);
}

/* The answers are there, or late and so taken for granted. */
static void judge(struct lull_learn *l, struct lull_slots *s,
                  const struct lull_learn_end *e)
{
  struct lull_suspicion q = l->suspicion;
  struct lull_tally t = lull_outcomes_after(&l->seen, q.first);
  unsigned run = lull_outcomes_run(&l->seen);
  uint64_t sent = s->starts - q.first;
  uint64_t open =
      sent > t.granted + t.refused ? sent - t.granted - t.refused : 0;
  l->suspicion.on = false;
  if (run < LULL_SCATTER_RUN && t.granted + open > t.refused) {
    l->cut = s->starts;
    lull_scatter_try(l, s, e->now, false);
    return;
  }
  lull_hold_begin(
      l, s, e,
      &(struct lull_hold_cause){
          .full = q.at,
          .granted = lull_scatter_granted(l, q.first),
          .sure = run >= LULL_SCATTER_RUN || t.refused >= LULL_SCATTER_RUN,
          .trial =
              l->unslotted || e->hint > 0 || q.flying < 2 ? 0 : q.flying - 1});
}

static bool answered(const struct lull_learn *l, const struct lull_slots *s)
{
  struct lull_tally t = lull_outcomes_after(&l->seen, l->suspicion.first);
  return t.granted + t.refused >= s->starts - l->suspicion.first;
}

void lull_learn_turn(struct lull_learn *l, struct lull_slots *s, lull_usec now)
{
  struct lull_learn_end e = {
      .now = now, .hint = -1, .flying = l->suspicion.flying};
  if (!l->suspicion.on || now < l->suspicion.patience)
    return;
  if (l->told > 0) {
    e.hint = l->told;
    e.quota = true;
  }
  judge(l, s, &e);
}

/* ---- ends -------------------------------------------------------------- */

static void passed(struct lull_learn *l, struct lull_slots *s,
                   const struct lull_learn_end *e)
{
  if (l->hold.on && e->number > l->cut) {
    lull_hold_end(l, s, e);
    return;
  }
  lull_scatter_tally(l, e, true);
  if (rated(l) && !l->trial.on)
    lull_cubic_grow(&l->cubic, e->now, l->quota);
  if (l->period.on)
    lull_period_passed(&l->period, e->number, e->began);
  if (l->suspicion.on && answered(l, s))
    judge(l, s, e);
}

/* So many at once were thought to be the limit. It is, when refusals come at
   that many and seldom; else it is a rate after all. */
static void refused_at_once(struct lull_learn *l, struct lull_slots *s,
                            const struct lull_learn_end *e)
{
  uint64_t since = l->seen.granted - l->slots_granted;
  uint64_t granted = lull_scatter_granted(l, e->number);
  l->slots_granted = l->seen.granted;
  l->cut = s->starts;
  l->changes++;
  if (e->flying >= s->limit && (!s->confirmed || since >= s->limit)) {
    lull_slots_found(s, e->flying - 1);
    s->confirmed = true;
    return;
  }
  l->unslotted = true;
  lull_slots_lift(s);
  lull_scatter_settle(l, s, lull_scatter_overall(l, e->now), e->now);
  l->cubic.before = (struct lull_full){l->hold.full, l->hold.granted};
  lull_cubic_cut(&l->cubic, e->began, e->now, granted,
                 lull_scatter_overall(l, e->now), 0);
}

/* It has shut, with a limit known or not. */
static void shut(struct lull_learn *l, struct lull_slots *s,
                 const struct lull_learn_end *e)
{
  lull_hold_begin(
      l, s, e,
      &(struct lull_hold_cause){.full = e->began,
                                .granted = lull_scatter_granted(l, e->number),
                                .sure = true});
}

/* With a rate: it is too high, or the server has shut altogether. */
static void refused_at_rate(struct lull_learn *l, struct lull_slots *s,
                            const struct lull_learn_end *e)
{
  uint64_t granted = lull_scatter_granted(l, e->number);
  bool quick = lull_outcomes_after(&l->seen, l->cut + 1).granted < QUICK;
  double lately = lull_outcomes_rate(&l->seen, e->began - LULL_SEC / 2, 8);
  double fits =
      lull_outcomes_fit(&l->seen, l->cubic.last.at, e->began, l->burst);
  double found =
      lull_cubic_cut(&l->cubic, e->began, e->now, granted, lately, fits);
  l->cut = s->starts;
  l->changes++;
  if (l->cubic.crest > l->peak)
    l->peak = l->cubic.crest;
  l->odd = found < FAR * l->peak ? l->odd + 1 : 0;
  l->quick = quick ? l->quick + 1 : 0;
  if (l->quota) /* it says that it is a limit; others may have part of it */
    return;
  if (l->odd >= 3 && lull_scatter_few(l))
    lull_scatter_try(l, s, e->now, true);
  else if (l->quick >= CUTS)
    lull_scatter_doubt(l, s, e->now);
}

static bool is_shut(const struct lull_learn *l, const struct lull_learn_end *e)
{
  return lull_outcomes_run(&l->seen) >= LULL_SCATTER_RUN ||
         (e->quota && e->hint >= LULL_HOLD_LONG);
}

/* With a limit that is known. False: none is. */
static bool refused_at_limit(struct lull_learn *l, struct lull_slots *s,
                             const struct lull_learn_end *e)
{
  if (l->period.on && lull_period_refused(&l->period, e->number, rated(l)))
    l->cut = s->starts;
  else if (rated(l) && !is_shut(l, e))
    refused_at_rate(l, s, e);
  else if (rated(l) || l->period.on)
    shut(l, s, e);
  else if (s->threshold && s->hard)
    refused_at_once(l, s, e);
  else
    return false;
  return true;
}

/* The trial assumes that so many at once are borne; it was one less. */
static void lower_trial(struct lull_learn *l, const struct lull_learn_end *e)
{
  if (l->hold.on && e->number <= l->cut && e->flying > 1 &&
      e->flying <= l->hold.trial)
    l->hold.trial = e->flying - 1;
}

static void refused(struct lull_learn *l, struct lull_slots *s,
                    const struct lull_learn_end *e)
{
  l->told = e->hint > 0 && e->quota ? e->hint : 0;
  l->quota = l->quota || e->quota;
  l->base = e->base;
  lull_scatter_tally(l, e, false);
  lower_trial(l, e);
  if (e->number <= l->cut || l->trial.on)
    return;
  if (e->alone && !(e->quota && e->hint > 0) && !l->hold.on && !rated(l) &&
      !l->period.on)
    return;
  if (l->hold.on) {
    lull_hold_on(l, s, e);
    return;
  }
  if (!l->suspicion.on && (lull_scatter_noise(l) || refused_at_limit(l, s, e)))
    return;
  suspect(l, e);
  if (answered(l, s))
    judge(l, s, e);
}

void lull_learn_finish(struct lull_learn *l, struct lull_slots *s,
                       const struct lull_learn_end *e)
{
  bool granted = e->result == LULL_RESULT_PASS;
  if (!l->on || (!granted && e->result != LULL_RESULT_THROTTLE))
    return;
  l->active = e->now;
  lull_outcomes_note(&l->seen, e->number, e->began, e->now, granted);
  if (granted)
    passed(l, s, e);
  else
    refused(l, s, e);
}

bool lull_learn_bears(const struct lull_learn *l, lull_usec now, bool limited)
{
  return l->on && l->seen.granted > 0 &&
         now - l->seen.latest_at <= (limited ? LULL_HOLD_LONGEST : ALIVE);
}

bool lull_learn_probes(const struct lull_learn *l)
{
  return l->hold.on && !l->hold.alone;
}

bool lull_learn_begins(const struct lull_learn *l, lull_usec now)
{
  return l->on && l->begun && !l->seen.granted && now - l->first <= ALIVE;
}

struct lull_learned lull_learn_told(const struct lull_learn *l,
                                    const struct lull_slots *s)
{
  return (struct lull_learned){
      .rate = l->cubic.rate,
      .count = l->period.on ? l->period.count : 0,
      .window = l->period.on ? l->period.length : 0,
      .parallel = s->threshold && s->hard ? s->limit : 0,
      .noise = l->noise,
      .changes = l->changes,
  };
}
