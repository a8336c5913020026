#include "lane/slots.h"

#define PAUSE (250 * LULL_MSEC) /* the lane's own, at first, at most */
#define LONGER 1.5
#define LONGEST 16 /* times the first */

/* The most that the adaptive limit may reach. */
static unsigned ceiling(const struct lull_slots *s)
{
  return s->parallel ? s->parallel : LULL_SLOTS_MOST;
}

void lull_slots_configure(struct lull_slots *s, unsigned parallel,
                          bool adaptive, bool slow_start)
{
  if (parallel && (!s->parallel || parallel < s->parallel))
    s->parallel = parallel;
  if (adaptive && !s->adaptive)
    s->limit = slow_start ? LULL_SLOTS_FIRST : LULL_SLOTS_MOST;
  s->adaptive = s->adaptive || adaptive;
  if (s->limit > ceiling(s))
    s->limit = ceiling(s);
}

unsigned lull_slots_limit(const struct lull_slots *s)
{
  return s->adaptive && s->limit < LULL_SLOTS_MOST ? s->limit : s->parallel;
}

lull_usec lull_slots_unpaused(const struct lull_slots *s, lull_usec now)
{
  if (!s->ramp)
    return 0;
  if (s->fresh < s->ramp)
    return now < s->until ? s->until : 0;
  if (s->ramp > 1)
    return LULL_NEVER;
  return lull_usec_add(s->probed, LULL_SLOTS_PATIENCE);
}

/* It has begun slowly, and nothing has been found. */
static bool is_starting(const struct lull_slots *s)
{
  return s->adaptive && !s->threshold && s->limit < ceiling(s);
}

lull_usec lull_slots_unfilled(const struct lull_slots *s)
{
  unsigned limit = lull_slots_limit(s);
  if (!limit || s->flying < limit)
    return 0;
  return is_starting(s) ? lull_usec_add(s->started, LULL_SLOTS_PATIENCE)
                        : LULL_NEVER;
}

bool lull_slots_probing(const struct lull_slots *s)
{
  return s->ramp == 1;
}

uint64_t lull_slots_take(struct lull_slots *s, lull_usec now)
{
  if (is_starting(s) && s->flying >= s->limit) /* none has ended for long */
    s->limit = 2 * s->limit < ceiling(s) ? 2 * s->limit : ceiling(s);
  s->flying++;
  s->started = now;
  if (s->ramp) {
    s->fresh++;
    s->probed = now;
  }
  return ++s->starts;
}

/* One more for each pass, and so twice as many after a round; seldom once
   the limit was found. Passes count only while at least half of the limit is
   in use, since an idle limit proves nothing (congestion window validation,
   RFC 7661). */
static void grow(struct lull_slots *s)
{
  unsigned least = s->confirmed ? 2 * s->limit : s->limit;
  if (s->confirmed && least < LULL_SLOTS_SELDOM)
    least = LULL_SLOTS_SELDOM;
  if (s->limit >= ceiling(s) || s->flying < s->limit - s->limit / 2)
    return;
  if (s->threshold && s->limit >= s->threshold && ++s->passes < least)
    return;
  s->limit++;
  s->passes = 0;
}

/* Half: multiplicative decrease, once for all that are in flight together
   (as TCP: once a round-trip, RFC 5681 section 3.2). */
static void shrink(struct lull_slots *s, uint64_t start)
{
  if (start <= s->cut || s->flying < s->limit / 2)
    return;
  lull_slots_found(s, (s->limit < s->flying ? s->limit : s->flying) / 2);
  s->hard = s->confirmed = false;
}

static void adapt(struct lull_slots *s, uint64_t start,
                  enum lull_lane_result result)
{
  if (result == LULL_RESULT_PASS)
    grow(s);
  else if (result == LULL_RESULT_TIMEOUT || result == LULL_RESULT_UNCONNECTED)
    shrink(s, start);
}

/* 1, 2, 4, ...: twice as many once as many have passed. The pause is
   forgotten when the ramp reaches what is allowed anyway. */
static void climb(struct lull_slots *s)
{
  if (++s->ramp_passes < s->ramp)
    return;
  unsigned limit = lull_slots_limit(s);
  s->ramp_passes = 0;
  s->ramp *= 2;
  if (s->ramp >= (limit ? limit : LULL_SLOTS_RAMP))
    s->ramp = 0;
}

void lull_slots_head(struct lull_slots *s, uint64_t start,
                     enum lull_lane_result result)
{
  if (!s->ramp || start <= s->mark)
    return;
  s->fresh--;
  if (result == LULL_RESULT_PASS)
    climb(s);
}

void lull_slots_give(struct lull_slots *s, uint64_t start, bool headed,
                     enum lull_lane_result result)
{
  if (s->adaptive)
    adapt(s, start, result);
  s->flying--;
  if (!headed)
    lull_slots_head(s, start, result);
}

void lull_slots_pause(struct lull_slots *s, lull_usec until)
{
  if (until > s->until)
    s->until = until;
  s->mark = s->starts;
  s->ramp = 1;
  s->fresh = 0;
  s->ramp_passes = 0;
}

lull_usec lull_slots_pause_of(struct lull_rng *rng, lull_usec base,
                              unsigned streak)
{
  double first = (double)(base > 0 && base < PAUSE ? base : PAUSE);
  double wait = first;
  for (unsigned i = 1; i < streak && wait < LONGEST * first; i++)
    wait *= LONGER;
  if (wait > LONGEST * first)
    wait = LONGEST * first;
  return (lull_usec)(wait * (double)lull_rng_range(rng, 900, 1100) / 1000);
}

void lull_slots_resume(struct lull_slots *s)
{
  s->ramp = 0;
}

void lull_slots_found(struct lull_slots *s, unsigned limit)
{
  s->limit = s->threshold = limit > 1 ? limit : 1;
  s->passes = 0;
  s->hard = true;
  s->cut = s->starts;
}

void lull_slots_lift(struct lull_slots *s)
{
  s->threshold = 0;
  s->hard = s->confirmed = false;
  if (s->limit < LULL_SLOTS_FIRST)
    s->limit = LULL_SLOTS_FIRST;
  if (s->limit > ceiling(s))
    s->limit = ceiling(s);
}
