#include "lane/outcomes.h"

#define SMALL 4

/* Room for twice as many. Called when the ring is full, and its first is the
   oldest. */
static void grow(struct lull_outcomes *o)
{
  unsigned size = o->size ? 2 * o->size : SMALL;
  struct lull_outcome *list = lull_mem_grow(o->list, size * sizeof *list);
  if (!list)
    return;
  o->list = list;
  o->size = size;
  o->at = o->count;
}

static void keep(struct lull_outcomes *o, struct lull_outcome outcome)
{
  if (o->count == o->size && o->at == 0 && o->size < LULL_OUTCOMES)
    grow(o);
  if (o->size == 0)
    return;
  struct lull_outcome *at = &o->list[o->at];
  if (o->count == o->size)
    o->refused -= !at->granted;
  else
    o->count++;
  *at = outcome;
  o->at = (o->at + 1) % o->size;
  o->refused += !outcome.granted;
}

void lull_outcomes_note(struct lull_outcomes *o, uint64_t number,
                        lull_usec began, lull_usec now, bool granted)
{
  keep(o, (struct lull_outcome){number, began, granted});
  o->granted += granted;
  if (granted && number > o->latest)
    o->latest = number;
  if (granted)
    o->latest_at = now;
}

struct lull_tally lull_outcomes_after(const struct lull_outcomes *o,
                                      uint64_t mark)
{
  struct lull_tally t = {0, 0};
  for (unsigned i = 0; i < o->count; i++) {
    if (o->list[i].number <= mark)
      continue;
    t.granted += o->list[i].granted;
    t.refused += !o->list[i].granted;
  }
  return t;
}

unsigned lull_outcomes_run(const struct lull_outcomes *o)
{
  return lull_outcomes_after(o, o->latest).refused;
}

double lull_outcomes_share(const struct lull_outcomes *o)
{
  return o->count ? (double)o->refused / o->count : 0;
}

double lull_outcomes_rate(const struct lull_outcomes *o, lull_usec since,
                          unsigned least)
{
  unsigned n = 0;
  lull_usec first = LULL_NEVER, last = 0;
  for (unsigned i = 1; i <= o->count; i++) {
    const struct lull_outcome *at = &o->list[(o->at + o->size - i) % o->size];
    if (!at->granted)
      continue;
    if (at->began < since && n >= least)
      break;
    n++;
    first = at->began < first ? at->began : first;
    last = at->began > last ? at->began : last;
  }
  return n > 1 && last > first ? (n - 1) / lull_usec_to(last - first) : 0;
}

lull_usec lull_outcomes_refusal(const struct lull_outcomes *o)
{
  lull_usec first = LULL_NEVER;
  for (unsigned i = 0; i < o->count; i++)
    if (!o->list[i].granted && o->list[i].began < first)
      first = o->list[i].began;
  return first == LULL_NEVER ? 0 : first;
}

double lull_outcomes_borne(const struct lull_outcomes *o, lull_usec now)
{
  lull_usec from = lull_outcomes_refusal(o);
  unsigned n = 0;
  for (unsigned i = 0; i < o->count; i++)
    n += o->list[i].granted && o->list[i].began > from;
  return now > from ? n / lull_usec_to(now - from) : 0;
}

/* What is in a bucket at `to` that runs out at `rate`. */
static double level(const struct lull_outcomes *o, lull_usec from,
                    lull_usec to, double burst, double rate)
{
  double in = burst;
  lull_usec last = from;
  for (unsigned i = o->count; i > 0; i--) {
    const struct lull_outcome *at = &o->list[(o->at + o->size - i) % o->size];
    if (!at->granted || at->began <= last || at->began > to)
      continue;
    in -= rate * lull_usec_to(at->began - last);
    in = (in > 0 ? in : 0) + 1;
    last = at->began;
  }
  in -= rate * lull_usec_to(to - last);
  return in > 0 ? in : 0;
}

static lull_usec oldest(const struct lull_outcomes *o)
{
  unsigned at = o->count < o->size ? 0 : o->at;
  return o->list[at].began;
}

double lull_outcomes_fit(const struct lull_outcomes *o, lull_usec from,
                         lull_usec to, double burst)
{
  double low = 0, high = 4 * lull_outcomes_rate(o, to, 8);
  if (!(burst > 0) || !o->count || to <= from)
    return 0;
  if (from < oldest(o))
    from = oldest(o);
  for (int i = 0; i < 24; i++) {
    double middle = (low + high) / 2;
    if (level(o, from, to, burst, middle) > burst - 0.5)
      low = middle;
    else
      high = middle;
  }
  return low;
}

void lull_outcomes_clear(struct lull_outcomes *o)
{
  lull_mem_free(o->list);
  *o = (struct lull_outcomes){0};
}
