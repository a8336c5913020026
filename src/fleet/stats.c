#include "fleet/stats.h"

#include <stdlib.h>
#include <string.h>

#define BURST (LULL_SEC / 10)
#define SETTLED 10  /* seconds over which goodput has to hold */
#define OCTAVE 128U /* levels */

enum lull_err lull_fleet_stats_init(struct lull_fleet_stats *s)
{
  memset(s, 0, sizeof *s);
  s->bucket = LULL_FLEET_BUCKET;
  s->buckets = lull_mem_zero(LULL_FLEET_BUCKETS * sizeof *s->buckets);
  return s->buckets ? LULL_OK : LULL_ENOMEM;
}

void lull_fleet_stats_clear(struct lull_fleet_stats *s)
{
  lull_mem_free(s->buckets);
  lull_mem_free(s->moments);
  s->buckets = NULL;
  s->moments = NULL;
}

/* ---- load over time ---------------------------------------------------- */

/* Buckets become twice as long, two by two. */
static void coarsen(struct lull_fleet_stats *s)
{
  struct lull_fleet_bucket *b = s->buckets;
  for (unsigned i = 0; i < LULL_FLEET_BUCKETS / 2; i++) {
    b[i].offered = b[2 * (size_t)i].offered + b[2 * (size_t)i + 1].offered;
    b[i].good = b[2 * (size_t)i].good + b[2 * (size_t)i + 1].good;
  }
  memset(b + LULL_FLEET_BUCKETS / 2, 0, LULL_FLEET_BUCKETS / 2 * sizeof *b);
  s->bucket_count = (s->bucket_count + 1) / 2;
  s->bucket *= 2;
}

static struct lull_fleet_bucket *bucket_at(struct lull_fleet_stats *s,
                                           lull_usec at)
{
  while (at / s->bucket >= LULL_FLEET_BUCKETS)
    coarsen(s);
  unsigned i = (unsigned)(at / s->bucket);
  if (i >= s->bucket_count)
    s->bucket_count = i + 1;
  return &s->buckets[i];
}

/* ---- bursts ------------------------------------------------------------ */

static struct lull_fleet_moment *moment(struct lull_fleet_stats *s, unsigned i)
{
  return &s->moments[(s->moment_first + i) % s->moment_cap];
}

/* As there are 100,000 microseconds in 100 ms, this ends. */
static enum lull_err widen(struct lull_fleet_stats *s)
{
  unsigned cap = s->moment_cap ? s->moment_cap * 2 : 64;
  struct lull_fleet_moment *wider = lull_mem_alloc(cap * sizeof *wider);
  if (!wider)
    return LULL_ENOMEM;
  for (unsigned i = 0; i < s->moment_count; i++)
    wider[i] = *moment(s, i);
  lull_mem_free(s->moments);
  s->moments = wider;
  s->moment_cap = cap;
  s->moment_first = 0;
  return LULL_OK;
}

static void forget_older(struct lull_fleet_stats *s, lull_usec than)
{
  while (s->moment_count && moment(s, 0)->at <= than) {
    s->recent -= moment(s, 0)->count;
    s->moment_first = (s->moment_first + 1) % s->moment_cap;
    s->moment_count--;
  }
}

static enum lull_err note_moment(struct lull_fleet_stats *s, lull_usec at)
{
  unsigned n = s->moment_count;
  if (n && moment(s, n - 1)->at == at) {
    moment(s, n - 1)->count++;
    return LULL_OK;
  }
  if (n == s->moment_cap && widen(s) != LULL_OK)
    return LULL_ENOMEM;
  s->moment_count++;
  *moment(s, n) = (struct lull_fleet_moment){at, 1};
  return LULL_OK;
}

enum lull_err lull_fleet_stats_request(struct lull_fleet_stats *s,
                                       lull_usec at)
{
  s->requests++;
  bucket_at(s, at)->offered++;
  forget_older(s, at - BURST);
  enum lull_err err = note_moment(s, at);
  if (++s->recent > s->burst)
    s->burst = s->recent;
  return err;
}

/* ---- ends and latencies ------------------------------------------------ */

void lull_fleet_stats_end(struct lull_fleet_stats *s, lull_usec at,
                          enum lull_why why, bool met)
{
  s->done_at = at;
  if (met)
    s->recovered_at = at;
  if (why == LULL_WHY_NONE) {
    s->completed++;
    bucket_at(s, at)->good++;
    return;
  }
  s->given_up++;
  s->given_up_by[why]++;
}

/* Levels 0 to 255 are single microseconds; then 128 to each doubling. */
static unsigned level_of(lull_usec t)
{
  unsigned octave = 0;
  while (t >> octave >= (lull_usec)(2 * OCTAVE))
    octave++;
  unsigned level = octave * OCTAVE + (unsigned)(t >> octave);
  return level < LULL_FLEET_LEVELS ? level : LULL_FLEET_LEVELS - 1;
}

/* The middle of a level. */
static lull_usec level_middle(unsigned level)
{
  unsigned octave = level < 2 * OCTAVE ? 0 : level / OCTAVE - 1;
  lull_usec from = (lull_usec)(level - octave * OCTAVE) << octave;
  return from + (octave ? (lull_usec)1 << (octave - 1) : 0);
}

void lull_fleet_stats_latency(struct lull_fleet_stats *s, lull_usec took)
{
  if (s->latencies < LULL_FLEET_EXACT)
    s->exact[s->latencies] = took;
  s->levels[level_of(took)]++;
  s->latencies++;
}

static int compare(const void *a, const void *b)
{
  const lull_usec *x = a;
  const lull_usec *y = b;
  return (*x > *y) - (*x < *y);
}

static lull_usec in_levels(const struct lull_fleet_stats *s, uint64_t rank)
{
  unsigned i = 0;
  for (uint64_t below = s->levels[0]; below < rank; below += s->levels[i])
    i++;
  return level_middle(i);
}

lull_usec lull_fleet_stats_quantile(struct lull_fleet_stats *s, double q)
{
  double place = q * (double)s->latencies;
  uint64_t rank = (uint64_t)place;
  if (!s->latencies)
    return 0;
  if ((double)rank < place || rank == 0)
    rank++;
  if (s->latencies > LULL_FLEET_EXACT)
    return in_levels(s, rank);
  qsort(s->exact, s->latencies, sizeof *s->exact, compare);
  return s->exact[rank - 1];
}

/* ---- recovery ---------------------------------------------------------- */

/* Calls completed in the buckets that begin in [from, to). */
static double good_between(const struct lull_fleet_stats *s, lull_usec from,
                           lull_usec to)
{
  uint64_t sum = 0;
  for (lull_usec i = (from + s->bucket - 1) / s->bucket;
       i < s->bucket_count && i * s->bucket < to; i++)
    sum += s->buckets[i].good;
  return (double)sum;
}

static bool holds(const struct lull_fleet_stats *s, double rate,
                  lull_usec from, lull_usec to)
{
  return good_between(s, from, to) >=
         0.95 * rate * lull_usec_to(to - from) - 1e-9;
}

lull_usec lull_fleet_stats_recovery(const struct lull_fleet_stats *s,
                                    double rate, lull_usec end)
{
  lull_usec step = s->bucket > LULL_SEC ? s->bucket : LULL_SEC;
  lull_usec at = (s->outage_end + step - 1) / step * step;
  for (; at + step <= end; at += step)
    if (holds(s, rate, at, at + step) &&
        holds(s, rate, at, lull_usec_sooner(end, at + SETTLED * step)) &&
        holds(s, rate, at, end))
      return at;
  return LULL_NEVER;
}
