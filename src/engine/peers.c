#include "engine/peers.h"
#include "lane/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 256                /* places that are asked for at once */
#define AHEAD 64                /* of them before they are needed */
#define LATE (10 * LULL_MSEC)   /* so long nobody need be told of a start */
#define MANY 64                 /* starts are told of at once */
#define SOON (10 * LULL_MSEC)   /* when only what others tell can make room */
#define BEFORE (50 * LULL_MSEC) /* a place is asked for so long before it */
#define STALE (200 * LULL_MSEC) /* a place that was not used comes back */
#define SAME (2 * LULL_MSEC)    /* pauses that differ by less are one */
#define DRIFT 10000             /* clocks differ by at most a part of it */

static lull_usec sooner(lull_usec a, lull_usec b)
{
  return a < b ? a : b;
}

/* ---- the store's clock ------------------------------------------------- */

/* What it showed is older than now, and younger than what asked for it. */
static void set_clock(struct lull_engine *e)
{
  struct lull_peers *p = &e->peers;
  lull_usec low = p->store->told - e->now, high = p->store->told - p->asked;
  lull_usec drift = (e->now - p->measured) / DRIFT;
  if (!p->timed || low > p->low - drift)
    p->low = low;
  else
    p->low -= drift;
  if (!p->timed || high < p->high + drift)
    p->high = high;
  else
    p->high += drift;
  p->timed = true;
  p->measured = e->now;
  p->store->told = 0;
}

/* ---- telling ----------------------------------------------------------- */

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

static void drop_all(struct lull_share *s)
{
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
      until + e->peers.low <= lull_shared_of(lane)->paused + SAME)
    return 0;
  return until + e->peers.high;
}

static unsigned wish(const struct lull_engine *e,
                     const struct lull_share_set *set, unsigned queued)
{
  unsigned ahead = set->ahead > 2 * set->used ? set->ahead : 2 * set->used;
  if (ahead > AHEAD)
    ahead = AHEAD;
  if (e->now < set->ask_at ||
      (queued <= set->count && ahead <= 2 * set->count))
    return 0;
  return queued + ahead > set->count ? queued + ahead - set->count : 0;
}

/* Of all kinds of requests; with `tell` they are asked for, and else only
   looked whether there is something to ask. */
static bool ask(struct lull_engine *e, const struct lull_lane *lane, bool tell)
{
  unsigned kind, windows, queued;
  bool any = false;
  for (kind = 0; lull_shared_wanted(lane, kind, MOST, &windows, &queued);
       kind++) {
    struct lull_share *s = lull_shared_of(lane);
    struct lull_share_set *set = windows ? lull_share_of(s, windows) : NULL;
    unsigned wanted = set ? wish(e, set, queued) : 0;
    any = any || wanted;
    if (!tell || !wanted)
      continue;
    say(&e->peers, 'a', windows, wanted > MOST ? MOST : wanted, 0);
    if (2 * set->used > set->ahead)
      set->ahead = 2 * set->used > AHEAD ? AHEAD : 2 * set->used;
    set->used = 0;
    set->ask_at = LULL_NEVER;
  }
  return any;
}

static bool has_news(struct lull_engine *e, const struct lull_lane *lane)
{
  const struct lull_share *s = lull_shared_of(lane);
  return is_new(lane) || own_pause(e, lane) || s->mark_count >= MANY ||
         (s->mark_count && e->now >= lull_usec_add(s->marked, LATE)) ||
         ask(e, lane, false);
}

static void tell_lane(struct lull_engine *e, const struct lull_lane *lane)
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
    drop_all(s);
    s->paused = pause;
    say(p, 'p', 0, 0, pause);
  }
  tell_marks(p, s);
  ask(e, lane, true);
  if (p->text.len)
    write(p, 'G', s->number, lull_lane_name(lane));
}

/* A process that stood still for a while has no place any more that it was
   given before. */
void lull_peers_refresh(struct lull_engine *e)
{
  struct lull_lane_slot *slot = e->lanes.first;
  for (; slot; slot = slot->next) {
    struct lull_share *s = lull_shared_of(slot->lane);
    unsigned i;
    for (i = 0; s && i < s->set_count; i++)
      lull_share_drop(s, &s->sets[i], e->now - STALE);
  }
}

/* When there is something to be done of that lane though nothing happens. */
static lull_usec next_look(const struct lull_engine *e,
                           const struct lull_lane *lane)
{
  const struct lull_share *s = lull_shared_of(lane);
  lull_usec at = LULL_NEVER;
  unsigned i;
  if (s->mark_count)
    at = lull_usec_add(s->marked, LATE);
  for (i = 0; i < s->set_count; i++) {
    const struct lull_share_set *set = &s->sets[i];
    if (set->count)
      at = sooner(at, lull_usec_add(set->from[0], STALE + 1));
    if (set->ask_at > e->now)
      at = sooner(at, set->ask_at);
  }
  return at;
}

static void look_again(struct lull_engine *e, struct lull_lane_slot *slot)
{
  lull_usec at = next_look(e, slot->lane);
  if (!lull_timer_armed(&slot->entry.timer) || at < slot->entry.timer.at)
    lull_timerq_set(&e->timers, &slot->entry.timer, at);
}

static void tell(struct lull_engine *e)
{
  struct lull_lane_slot *slot = e->lanes.first;
  const struct lull_store *store = e->peers.store;
  bool idle = store->durable >= store->written;
  for (; slot; slot = slot->next) {
    struct lull_share *s = lull_shared_of(slot->lane);
    if (!s)
      continue;
    if (s->mark_count && !s->marked)
      s->marked = e->now;
    if (idle && has_news(e, slot->lane))
      tell_lane(e, slot->lane);
    look_again(e, slot);
  }
  if (idle)
    e->peers.asked = e->now;
  lull_store_flush(e->peers.store);
}

/* ---- hearing ----------------------------------------------------------- */

static lull_usec number_of(const struct lull_store_text *text)
{
  return (lull_usec)strtoll(text->bytes, NULL, 10);
}

static struct lull_lane_slot *lane_number(struct lull_engine *e,
                                          int64_t number)
{
  struct lull_lane_slot *slot = e->lanes.first;
  for (; slot; slot = slot->next) {
    const struct lull_share *s = lull_shared_of(slot->lane);
    if (s && s->number == number)
      return slot;
  }
  return NULL;
}

static struct lull_lane_slot *lane_named(struct lull_engine *e,
                                         const char *name)
{
  struct lull_lane_slot *slot = e->lanes.first;
  while (slot && (!lull_shared_of(slot->lane) ||
                  strcmp(lull_lane_name(slot->lane), name) != 0))
    slot = slot->next;
  return slot;
}

/* Nothing starts there before that time of the store's. */
static void pause(struct lull_engine *e, struct lull_lane_slot *slot,
                  lull_usec until)
{
  struct lull_share *s = lull_shared_of(slot->lane);
  if (until <= s->paused + SAME)
    return;
  s->paused = until;
  if (until - e->peers.low <= e->now)
    return;
  lull_lane_pause(slot->lane, until - e->peers.low);
  drop_all(s);
}

/* {"places", lane, windows, sharers, when to ask, times...} */
static void take_places(struct lull_engine *e, struct lull_lane_slot *slot,
                        const struct lull_store_text *texts, size_t count)
{
  struct lull_share *s = lull_shared_of(slot->lane);
  struct lull_share_set *set =
      lull_share_of(s, (unsigned)number_of(&texts[2]));
  lull_usec next = number_of(&texts[4]);
  size_t i;
  if (!set)
    return;
  s->sharers = (unsigned)number_of(&texts[3]);
  for (i = 5; i < count; i++)
    if (lull_share_give(set, number_of(&texts[i]) - e->peers.low) != LULL_OK)
      lull_store_fail(e->peers.store, "out of memory");
  if (next < 0)
    set->ask_at = lull_usec_add(e->now, SOON);
  else
    set->ask_at = next ? next - e->peers.low - BEFORE : 0;
}

static void hear(struct lull_engine *e, const struct lull_store_text *texts,
                 size_t count)
{
  struct lull_lane_slot *slot;
  bool message = strcmp(texts[0].bytes, "message") == 0;
  const char *name = count > 2 ? strchr(texts[2].bytes, ' ') : NULL;
  if (message)
    slot = name ? lane_named(e, name + 1) : NULL;
  else
    slot = count > 1 ? lane_number(e, number_of(&texts[1])) : NULL;
  if (!slot)
    return;
  if (message || strcmp(texts[0].bytes, "pause") == 0)
    pause(e, slot, number_of(&texts[2]));
  else if (strcmp(texts[0].bytes, "again") == 0)
    lull_share_forget(lull_shared_of(slot->lane));
  else if (strcmp(texts[0].bytes, "known") == 0)
    lull_shared_of(slot->lane)->sharers = (unsigned)number_of(&texts[2]);
  else if (count >= 5)
    take_places(e, slot, texts, count);
  lull_lanes_touch(&e->lanes, slot);
}

/* While nobody can be asked nothing starts; and what was said meanwhile was
   not heard. */
static void look_away(struct lull_engine *e)
{
  struct lull_peers *p = &e->peers;
  bool away = p->store->problem[0] || p->store->ops->away(p->store)[0];
  struct lull_lane_slot *slot = e->lanes.first;
  if (away == p->away && p->lapses == p->store->lapses)
    return;
  for (; slot; slot = slot->next) {
    struct lull_share *s = lull_shared_of(slot->lane);
    if (!s)
      continue;
    s->away = away;
    s->unheard = s->unheard || p->lapses != p->store->lapses;
    lull_lanes_touch(&e->lanes, slot);
  }
  p->away = away;
  p->lapses = p->store->lapses;
}

bool lull_peers_turn(struct lull_engine *e)
{
  struct lull_peers *p = &e->peers;
  const struct lull_store_text *texts;
  size_t count;
  p->store->ops->poll(p->store);
  if (p->store->told)
    set_clock(e);
  while ((count = p->store->ops->news(p->store, &texts)) > 0)
    hear(e, texts, count);
  look_away(e);
  if (e->lanes.dirty)
    return true;
  tell(e);
  return lull_peers_broken(e);
}

/* ---- joining and leaving ----------------------------------------------- */

void lull_peers_attach(struct lull_engine *e, struct lull_store *store,
                       bool all)
{
  lull_buf_clear(&e->peers.text);
  e->peers = (struct lull_peers){.store = store, .all = all};
  if (store)
    store->told = 0; /* it is not known when it was asked for */
  lull_buf_init(&e->peers.text, SIZE_MAX / 2);
  e->broken = false;
  e->world->ops->watch(e->world, 1, store ? store->fd : -1);
}

void lull_peers_leave(struct lull_engine *e)
{
  struct lull_lane_slot *slot = e->lanes.first;
  for (; e->peers.store && slot; slot = slot->next) {
    struct lull_share *s = lull_shared_of(slot->lane);
    if (!s || !s->number)
      continue;
    drop_all(s);
    tell_marks(&e->peers, s);
    if (e->peers.text.len)
      write(&e->peers, 'G', s->number, lull_lane_name(slot->lane));
  }
}

enum lull_err lull_peers_join(struct lull_engine *e,
                              struct lull_lane_slot *slot,
                              const struct lull_client *client)
{
  bool is_shared = (e->peers.all && !client->apart) || client->shared;
  enum lull_err err = LULL_OK;
  if (is_shared && !lull_shared_of(slot->lane)) {
    err = lull_shared_begin(slot->lane);
    if (!err)
      lull_shared_of(slot->lane)->away = e->peers.away;
  }
  return err;
}

bool lull_peers_broken(const struct lull_engine *e)
{
  return e->peers.store && e->peers.store->problem[0] && !e->broken;
}
