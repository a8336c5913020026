#include "lane/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lane/state.h"

#define AT_ONCE (10 * LULL_MSEC) /* what others should know soon */
#define LAZY (100 * LULL_MSEC)   /* what they need not */
#define AGAIN (200 * LULL_MSEC)  /* slots that were not there are asked for */
#define PATIENCE LULL_SEC        /* with the one that tries the breaker */

/* ---- slots ------------------------------------------------------------- */

static unsigned larger(unsigned a, unsigned b)
{
  return a > b ? a : b;
}

/* How many this process would have in flight. */
static unsigned wanted(const struct lull_lane *lane)
{
  unsigned want = lane->slots.flying + lane->queued;
  return want < lane->slots.parallel ? want : lane->slots.parallel;
}

static lull_usec slots_due(const struct lull_lane *lane)
{
  const struct lull_share_facts *f = &lane->share->facts;
  if (!lane->slots.parallel)
    return LULL_NEVER;
  if (f->called || f->held > larger(f->slots, lane->slots.flying))
    return 0;
  return wanted(lane) > f->slots ? f->slots_at : LULL_NEVER;
}

/* Until there is an answer no more than now fly: the others may get the
   rest. */
static int tell_slots(struct lull_lane *lane, char *text, size_t size)
{
  struct lull_share_facts *f = &lane->share->facts;
  bool called = f->called;
  if (f->slots > lane->slots.flying)
    f->slots = lane->slots.flying;
  f->called = false;
  f->slots_at = LULL_NEVER;
  return snprintf(text, size, "c %u %u %u %d\n", lane->slots.parallel,
                  lane->slots.flying, wanted(lane), called);
}

static void hear_slots(struct lull_lane *lane, lull_usec now, long slots,
                       long held)
{
  struct lull_share_facts *f = &lane->share->facts;
  f->slots = (unsigned)slots;
  f->held = (unsigned)held;
  f->slots_at = lull_usec_add(now, AGAIN);
}

/* ---- the breaker ------------------------------------------------------- */

static bool asks_to_try(const struct lull_lane *lane, lull_usec now)
{
  return lane->queued && lull_breaker_untried(&lane->breaker, now);
}

static lull_usec breaker_delay(const struct lull_lane *lane, lull_usec now)
{
  const struct lull_breaker *b = &lane->breaker;
  if (!b->conf.on)
    return LULL_NEVER;
  if (b->tried != LULL_BREAKER_UNTRIED || asks_to_try(lane, now))
    return 0;
  if (b->failed)
    return AT_ONCE;
  return b->total ? lull_usec_sooner(LULL_SEC,
                                     b->conf.window / LULL_BREAKER_BUCKETS)
                  : LULL_NEVER;
}

static int tell_outcomes(struct lull_breaker *b, char *text, size_t size)
{
  double share = b->conf.failures > 0 ? b->conf.failures : 0;
  int len =
      snprintf(text, size, "e %u %u %.0f %lld %u %lld\n", b->total, b->failed,
               1e6 * (share < 1 ? share : 1), (long long)b->conf.window,
               b->conf.least, (long long)b->conf.open);
  b->total = b->failed = 0;
  return len;
}

static int tell_breaker(struct lull_lane *lane, lull_usec now, char *text,
                        size_t size)
{
  struct lull_breaker *b = &lane->breaker;
  int len = 0;
  if (b->tried != LULL_BREAKER_UNTRIED)
    len = snprintf(text, size, "z %d %lld\n", (int)b->tried,
                   (long long)b->conf.open);
  b->tried = LULL_BREAKER_UNTRIED;
  if (b->total)
    len += tell_outcomes(b, text + len, size - (size_t)len);
  if (asks_to_try(lane, now)) {
    b->again = lull_usec_add(now, PATIENCE);
    len += snprintf(text + len, size - (size_t)len, "t\n");
  }
  return len;
}

/* Nobody waits any more who would try it. */
static void pass_turn(struct lull_lane *lane)
{
  struct lull_breaker *b = &lane->breaker;
  if (!b->may_try || lane->queued)
    return;
  b->may_try = false;
  b->tried = LULL_BREAKER_DROPPED;
}

/* ---- budget and quota -------------------------------------------------- */

static lull_usec budget_delay(const struct lull_budget *b)
{
  if (!b->conf.on)
    return LULL_NEVER;
  return b->spent ? AT_ONCE : b->refunded ? LAZY : LULL_NEVER;
}

static int tell_budget(struct lull_budget *b, char *text, size_t size)
{
  int len = snprintf(text, size, "b %u %u %u\n", b->conf.capacity, b->spent,
                     b->refunded);
  lull_budget_tell(b);
  return len;
}

static lull_usec quota_delay(const struct lull_lane *lane)
{
  const struct lull_pace *p = &lane->pace;
  if (!lane->pacing || !p->untold || !p->known || p->guess)
    return LULL_NEVER;
  return 4 * p->remaining < p->crest ? AT_ONCE : LAZY;
}

static int tell_quota(struct lull_pace *p, lull_usec later, char *text,
                      size_t size)
{
  long long reset = p->reset_at + later;
  p->untold = false;
  return snprintf(text, size, "q %lld %lld %lld\n", (long long)p->remaining,
                  (long long)p->crest, reset);
}

static void hear_quota(struct lull_lane *lane, lull_usec now, lull_usec later,
                       const char *value)
{
  long long remaining, crest, reset;
  if (sscanf(value, "%lld:%lld:%lld", &remaining, &crest, &reset) == 3)
    lull_pace_hear(&lane->pace, now, remaining, crest,
                   (lull_usec)reset - later, lane->slots.starts);
}

/* ---- all --------------------------------------------------------------- */

lull_usec lull_facts_due(struct lull_lane *lane, lull_usec now)
{
  struct lull_share_facts *f = &lane->share->facts;
  lull_usec delay;
  pass_turn(lane);
  delay = lull_usec_sooner(
      lull_usec_sooner(breaker_delay(lane, now), budget_delay(&lane->budget)),
      quota_delay(lane));
  lane->pace.sharers = lane->share->sharers;
  if (delay == LULL_NEVER)
    f->since = 0;
  else if (!f->since)
    f->since = now;
  return lull_usec_sooner(slots_due(lane),
                          delay == LULL_NEVER ? LULL_NEVER : f->since + delay);
}

size_t lull_facts_tell(struct lull_lane *lane, lull_usec now, lull_usec later,
                       char *text)
{
  size_t size = LULL_FACTS_TEXT;
  int len = 0;
  if (slots_due(lane) <= now)
    len = tell_slots(lane, text, size);
  if (lane->breaker.conf.on)
    len += tell_breaker(lane, now, text + len, size - (size_t)len);
  if (budget_delay(&lane->budget) != LULL_NEVER)
    len += tell_budget(&lane->budget, text + len, size - (size_t)len);
  if (quota_delay(lane) != LULL_NEVER)
    len += tell_quota(&lane->pace, later, text + len, size - (size_t)len);
  lane->share->facts.since = 0;
  return (size_t)len;
}

void lull_facts_answered(struct lull_lane *lane)
{
  lane->budget.told = 0;
}

static void hear_breaker(struct lull_lane *lane, lull_usec now,
                         lull_usec later, const char *word, long long value)
{
  struct lull_breaker *b = &lane->breaker;
  if (!b->conf.on)
    return;
  if (strcmp(word, "open") == 0)
    lull_breaker_open(b, (lull_usec)value - later);
  else if (strcmp(word, "closed") == 0 && b->tripped)
    lull_breaker_close(b, lane->slots.starts);
  else if (strcmp(word, "trial") == 0)
    lull_breaker_turn(b, value != 0, lull_usec_add(now, PATIENCE));
}

void lull_facts_hear(struct lull_lane *lane, lull_usec now, lull_usec later,
                     const char *word, const char *value, const char *more)
{
  long long number = strtoll(value, NULL, 10);
  if (strcmp(word, "slots") == 0 && more)
    hear_slots(lane, now, (long)number, strtol(more, NULL, 10));
  else if (strcmp(word, "slots") == 0)
    lane->share->facts.called = lane->share->facts.held > 0;
  else if (strcmp(word, "budget") == 0)
    lull_budget_set(&lane->budget, number);
  else if (strcmp(word, "quota") == 0)
    hear_quota(lane, now, later, value);
  else
    hear_breaker(lane, now, later, word, number);
}
