#include "lane/breaker.h"

#include <string.h>

#define PATIENCE (2 * LULL_SEC) /* with the one that tries it */

void lull_breaker_configure(struct lull_breaker *b,
                            const struct lull_breaker_conf *conf)
{
  if (!conf->on)
    return;
  if (b->conf.window != conf->window)
    *b = (struct lull_breaker){.shared = b->shared};
  b->conf = *conf;
}

void lull_breaker_share(struct lull_breaker *b, bool on)
{
  b->shared = on;
  b->may_try = false;
  b->again = 0;
}

lull_usec lull_breaker_shut(const struct lull_breaker *b, lull_usec now)
{
  return b->conf.on && b->tripped && now < b->until ? b->until : 0;
}

lull_usec lull_breaker_next(const struct lull_breaker *b, lull_usec now)
{
  if (!b->conf.on || !b->tripped || now < b->until)
    return lull_breaker_shut(b, now);
  if (b->shared)
    return b->may_try && !b->trial ? 0 : LULL_NEVER;
  return b->trial ? lull_usec_add(b->tried_at, PATIENCE) : 0;
}

void lull_breaker_turn(struct lull_breaker *b, bool ours, lull_usec again)
{
  b->may_try = ours && b->tripped && !b->trial;
  b->again = ours ? 0 : again;
}

bool lull_breaker_untried(const struct lull_breaker *b, lull_usec now)
{
  return b->conf.on && b->shared && b->tripped && now >= b->until &&
         !b->trial && !b->may_try && now >= b->again;
}

void lull_breaker_start(struct lull_breaker *b, uint64_t start, lull_usec now)
{
  if (b->conf.on && b->tripped) {
    b->first = b->trial ? b->first : start;
    b->trial = start;
    b->tried_at = now;
  }
  b->may_try = false;
}

bool lull_breaker_tries(const struct lull_breaker *b, uint64_t start)
{
  return b->tripped && b->trial && start >= b->first;
}

/* Which tenth of the window a time falls into. */
static lull_usec tick(const struct lull_breaker *b, lull_usec now)
{
  lull_usec width = b->conf.window / LULL_BREAKER_BUCKETS;
  return now / (width > 0 ? width : 1);
}

static struct lull_breaker_bucket *bucket(struct lull_breaker *b,
                                          lull_usec now)
{
  lull_usec t = tick(b, now);
  struct lull_breaker_bucket *at = &b->buckets[t % LULL_BREAKER_BUCKETS];
  if (at->tick != t)
    *at = (struct lull_breaker_bucket){.tick = t};
  return at;
}

/* The share that opens it, in millionths, so that 0.1 means what it says. */
static uint64_t share(const struct lull_breaker *b)
{
  if (!(b->conf.failures > 0))
    return 0;
  if (b->conf.failures >= 1)
    return 1000000;
  return (uint64_t)(b->conf.failures * 1e6 + 0.5);
}

/* True when enough attempts of the window failed. */
static bool too_many(const struct lull_breaker *b, lull_usec now)
{
  lull_usec oldest = tick(b, now) - LULL_BREAKER_BUCKETS;
  uint64_t total = 0;
  uint64_t failed = 0;
  for (unsigned i = 0; i < LULL_BREAKER_BUCKETS; i++) {
    if (b->buckets[i].tick <= oldest)
      continue;
    total += b->buckets[i].total;
    failed += b->buckets[i].failed;
  }
  return failed > 0 && total >= b->conf.least &&
         failed * 1000000 >= share(b) * total;
}

static void trip(struct lull_breaker *b, lull_usec now)
{
  b->tripped = true;
  b->until = lull_usec_add(now, b->conf.open);
  b->trial = 0;
}

void lull_breaker_open(struct lull_breaker *b, lull_usec until)
{
  b->tripped = true;
  b->until = until;
  b->trial = 0;
  b->may_try = false;
  b->again = 0;
  b->total = b->failed = 0;
}

void lull_breaker_close(struct lull_breaker *b, uint64_t starts)
{
  b->tripped = b->may_try = false;
  b->trial = 0;
  b->mark = starts;
  b->total = b->failed = 0;
  memset(b->buckets, 0, sizeof b->buckets);
}

static void judge(struct lull_breaker *b, lull_usec now, bool pass)
{
  struct lull_breaker_bucket *at = bucket(b, now);
  at->total++;
  at->failed += !pass;
  b->total++;
  b->failed += !pass;
  if (!b->shared && too_many(b, now))
    trip(b, now);
}

static void end_trial(struct lull_breaker *b, lull_usec now, uint64_t starts,
                      enum lull_lane_result result)
{
  b->trial = 0;
  b->tried = LULL_BREAKER_DROPPED;
  if (result == LULL_RESULT_DROP)
    return;
  b->tried =
      result == LULL_RESULT_PASS ? LULL_BREAKER_PASSED : LULL_BREAKER_FAILED;
  if (result == LULL_RESULT_PASS)
    lull_breaker_close(b, starts);
  else
    trip(b, now);
}

/* While it is open or half open only the trial counts; and what started
   before the breaker last closed was judged when it opened. */
void lull_breaker_finish(struct lull_breaker *b, lull_usec now, uint64_t start,
                         uint64_t starts, enum lull_lane_result result)
{
  bool drop = result == LULL_RESULT_DROP;
  bool pass = result == LULL_RESULT_PASS;
  if (!b->conf.on)
    return;
  if (lull_breaker_tries(b, start))
    end_trial(b, now, starts, result);
  else if (!b->tripped && !drop && start > b->mark)
    judge(b, now, pass);
}

const char *lull_breaker_name(const struct lull_breaker *b, lull_usec now)
{
  if (!b->conf.on)
    return "off";
  if (!b->tripped)
    return "closed";
  return now < b->until ? "open" : "half-open";
}
