#include "engine/telling.h"

#include <stdio.h>
#include <string.h>

#include "lane/facts.h"
#include "lane/shared.h"

#define MOST 256               /* places that are asked for at once */
#define AHEAD 128              /* of them before they are needed */
#define LEAST (50 * LULL_MSEC) /* a rate is seen in no less */
#define LATE (10 * LULL_MSEC)  /* so long nobody need be told of a start */
#define SPAN LULL_SEC          /* see lull_telling_span: at least, */
#define ALONE (2 * LULL_SEC)   /* with nobody else, */
#define LONGEST (5 * LULL_SEC) /* and at most */
#define MANY 256               /* starts are told of at once */

static void add(struct lull_peers *p, const char *line, size_t len)
{
  if (lull_buf_add(&p->text, line, len) != LULL_OK)
    lull_store_fail(p->store, "out of memory");
}

/* A letter, a set of windows, and two numbers. */
static void say(struct lull_peers *p, char letter, unsigned windows,
                uint64_t number, lull_usec time)
{
  char line[96];
  int len = snprintf(line, sizeof line, "%c %u %llu %lld\n", letter, windows,
                     (unsigned long long)number, (long long)time);
  add(p, line, (size_t)len);
}

static void write(struct lull_peers *p, char order, int64_t number,
                  const char *item)
{
  struct lull_store_write w = {
      .kind = LULL_STORE_ORDER,
      .order = order,
      .key = {.batch = number, .item = item, .len = strlen(item)},
      .size = p->text.len};
  lull_store_write(p->store, &w, p->text.data ? p->text.data : "");
  p->text.len = 0;
}

/* The lane, and its windows as far as they are there. */
static void introduce(struct lull_engine *e, const struct lull_lane *lane)
{
  struct lull_peers *p = &e->peers;
  struct lull_share *s = lull_shared_of(lane);
  char line[512];
  size_t len;
  if (!s->number)
    s->number = ++p->lanes;
  s->unheard = false;
  for (s->rates = 0;; s->rates++) {
    len = lull_shared_window(lane, s->rates, line, sizeof line);
    if (!len)
      break;
    add(p, line, len);
    add(p, "\n", 1);
  }
  write(p, 'O', s->number, lull_lane_name(lane));
}

static bool is_new(const struct lull_lane *lane)
{
  const struct lull_share *s = lull_shared_of(lane);
  char line[8];
  return !s->number || s->unheard ||
         lull_shared_window(lane, s->rates, line, sizeof line);
}

static void tell_marks(struct lull_peers *p, struct lull_share *s)
{
  unsigned i;
  for (i = 0; i < s->mark_count; i++) {
    const struct lull_share_mark *m = &s->marks[i];
    lull_usec stamp = m->kind == LULL_SHARE_BACK ? 0 : m->stamp + p->high;
    say(p, (char)m->kind, m->windows, m->number, stamp);
  }
  s->mark_count = 0;
  s->marked = 0;
}

void lull_telling_drop(struct lull_lane *lane)
{
  struct lull_share *s = lull_shared_of(lane);
  unsigned i;
  for (i = 0; i < s->set_count; i++)
    lull_share_drop(s, &s->sets[i], LULL_NEVER);
}

/* A pause that the others do not know; 0: they do. */
static lull_usec own_pause(const struct lull_engine *e,
                           const struct lull_lane *lane)
{
  lull_usec until = lull_shared_pause(lane);
  if (until <= e->now ||
      until <= lull_shared_of(lane)->heard + LULL_TELLING_SAME)
    return 0;
  return until + e->peers.high;
}

lull_usec lull_telling_span(const struct lull_lane *lane)
{
  lull_usec least = lull_shared_of(lane)->sharers == 1 ? ALONE : SPAN;
  lull_usec part = lull_shared_shortest(lane) / 10;
  part = part < LONGEST ? part : LONGEST;
  return part > least ? part : least;
}

/* How many are to be there ahead: as many as went lately in a span, while
   all are there that are asked for; else what went since the last time, twice.
 */
static unsigned plan(const struct lull_engine *e, lull_usec span,
                     const struct lull_share_set *set)
{
  lull_usec passed = e->now - set->asked;
  double ahead = 2.0 * set->used;
  if (!set->tight && set->asked && passed >= LEAST && passed < span)
    ahead = (double)set->used * (double)span / (double)passed;
  if (ahead < set->ahead)
    ahead = set->ahead;
  return ahead < AHEAD ? (unsigned)ahead : AHEAD;
}

static unsigned wish(const struct lull_engine *e, lull_usec span,
                     const struct lull_share_set *set, unsigned queued,
                     bool tell)
{
  unsigned ahead, least;
  if (e->now < set->ask_at)
    return 0;
  ahead = plan(e, span, set);
  least = tell && !set->tight ? ahead : ahead / 2; /* it is told anyway */
  if (queued <= set->count && least <= set->count)
    return 0;
  return queued + ahead > set->count ? queued + ahead - set->count : 0;
}

static void ask_for(struct lull_engine *e, lull_usec span,
                    struct lull_share_set *set, unsigned queued,
                    unsigned wanted)
{
  set->needed = queued;
  say(&e->peers, 'a', set->windows, wanted > MOST ? MOST : wanted, 0);
  if (set->used)
    set->ahead = plan(e, span, set);
  set->used = 0;
  set->asked = e->now;
  set->ask_at = LULL_NEVER;
}

/* Of all kinds of requests; with `tell` they are asked for, and else only
   looked whether there is something to ask. */
static bool ask(struct lull_engine *e, const struct lull_lane *lane, bool tell)
{
  struct lull_share *s = lull_shared_of(lane);
  lull_usec span = lull_telling_span(lane);
  unsigned kind, windows, queued;
  bool any = false;
  for (kind = 0; lull_shared_wanted(lane, kind, MOST, &windows, &queued);
       kind++) {
    struct lull_share_set *set = windows ? lull_share_of(s, windows) : NULL;
    unsigned wanted = set ? wish(e, span, set, queued, tell) : 0;
    any = any || wanted;
    if (tell && wanted)
      ask_for(e, span, set, queued, wanted);
  }
  return any;
}

/* Others wait for what is told: as soon as it is worth it. Else it is told
   with the next question, but well before a window has passed. */
static lull_usec marks_due(const struct lull_lane *lane)
{
  const struct lull_share *s = lull_shared_of(lane);
  lull_usec late = lull_shared_shortest(lane) / (s->sharers == 1 ? 1 : 2);
  lull_usec span = lull_telling_span(lane);
  unsigned i;
  if (!s->mark_count)
    return LULL_NEVER;
  if (s->mark_count >= MANY)
    return 0;
  late = late < span ? late : span;
  for (i = 0; i < s->set_count; i++)
    if (s->sets[i].tight)
      late = LATE;
  return lull_usec_add(s->marked, late);
}

lull_usec lull_telling_due(struct lull_engine *e, struct lull_lane *lane)
{
  lull_usec marks = marks_due(lane), facts;
  if (is_new(lane) || own_pause(e, lane) || ask(e, lane, false))
    return 0;
  facts = lull_facts_due(lane, e->now);
  return marks < facts ? marks : facts;
}

static void tell_facts(struct lull_engine *e, struct lull_lane *lane)
{
  struct lull_peers *p = &e->peers;
  char text[LULL_FACTS_TEXT];
  size_t len = lull_facts_tell(lane, e->now, p->high, text);
  add(p, text, len);
  if (len)
    write(p, 'F', lull_shared_of(lane)->number, lull_lane_name(lane));
}

void lull_telling_lane(struct lull_engine *e, struct lull_lane *lane)
{
  struct lull_peers *p = &e->peers;
  struct lull_share *s = lull_shared_of(lane);
  lull_usec pause;
  if (is_new(lane))
    introduce(e, lane);
  if (!p->timed)
    return; /* what it shows is not known yet */
  pause = own_pause(e, lane);
  if (pause) {
    lull_telling_drop(lane);
    s->paused = pause;
    s->heard = lull_shared_pause(lane);
    say(p, 'p', 0, 0, pause);
  }
  tell_marks(p, s);
  ask(e, lane, true);
  if (p->text.len)
    write(p, 'G', s->number, lull_lane_name(lane));
  tell_facts(e, lane);
}

void lull_telling_leave(struct lull_engine *e, struct lull_lane *lane)
{
  struct lull_peers *p = &e->peers;
  struct lull_share *s = lull_shared_of(lane);
  lull_telling_drop(lane);
  tell_marks(p, s);
  if (p->text.len)
    write(p, 'G', s->number, lull_lane_name(lane));
  tell_facts(e, lane);
}
