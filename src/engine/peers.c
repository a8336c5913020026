#include "engine/peers.h"
#include "engine/telling.h"
#include "lane/facts.h"
#include "lane/shared.h"

#include <stdlib.h>
#include <string.h>

#define SOON (10 * LULL_MSEC)   /* when only what others tell can make room */
#define BEFORE (50 * LULL_MSEC) /* a place is asked for so long before it */
#define STALE (200 * LULL_MSEC) /* a place that was not used comes back */
#define UNUSED 2                /* spans of one that nobody has waited for */
#define MANY 4096               /* starts that nobody can be told of */
#define GATHER                                                                \
  (500 * LULL_MSEC)           /* all are back, each asks five times a second */
#define STILL (10 * LULL_SEC) /* who stood still for so long has nothing */
#define DRIFT 1000            /* clocks differ by at most a part of it */

/* ---- the store's clock ------------------------------------------------- */

/* What it showed is older than now, and younger than what asked for it. */
static void set_clock(struct lull_engine *e)
{
  struct lull_peers *p = &e->peers;
  lull_usec now = e->world->ops->now(e->world); /* the step's is older */
  lull_usec low = p->store->told - now, high = p->store->told - p->asked;
  lull_usec drift = (now - p->measured) / DRIFT;
  if (!p->timed || low > p->low - drift)
    p->low = low;
  else
    p->low -= drift;
  if (!p->timed || high < p->high + drift)
    p->high = high;
  else
    p->high += drift;
  if (p->low > p->high) { /* somebody has set it */
    p->low = low;
    p->high = high;
  }
  p->timed = true;
  p->measured = now;
  p->store->told = 0;
}

/* ---- time -------------------------------------------------------------- */

static lull_usec stale(const struct lull_lane *lane,
                       const struct lull_share_set *set)
{
  return set->tight ? STALE : UNUSED * lull_telling_span(lane);
}

/* A process that stood still for a while has no place any more that it was
   given before; and after a long while no slot. */
void lull_peers_refresh(struct lull_engine *e)
{
  struct lull_lane_slot *slot = e->lanes.first;
  bool still = e->now - e->peers.turned > STILL;
  for (; slot; slot = slot->next) {
    struct lull_share *s = lull_shared_of(slot->lane);
    unsigned i;
    for (i = 0; s && i < s->set_count; i++)
      lull_share_drop(s, &s->sets[i],
                      still ? LULL_NEVER
                            : e->now - stale(slot->lane, &s->sets[i]));
    if (s && s->local && s->mark_count > MANY)
      lull_shared_fade(slot->lane, e->now);
    if (s && still) {
      s->facts = (struct lull_share_facts){0};
      s->unheard = true;
    }
  }
  e->peers.turned = e->now;
}

/* When there is something to be done of that lane though nothing happens. */
static lull_usec next_look(struct lull_engine *e, struct lull_lane *lane)
{
  const struct lull_share *s = lull_shared_of(lane);
  lull_usec at = lull_telling_due(e, lane);
  unsigned i;
  if (at <= e->now)
    at = LULL_NEVER; /* when what was told is answered */
  for (i = 0; i < s->set_count; i++) {
    const struct lull_share_set *set = &s->sets[i];
    if (set->count)
      at = lull_usec_sooner(at,
                            lull_usec_add(set->from[0], stale(lane, set) + 1));
    if (set->ask_at > e->now)
      at = lull_usec_sooner(at, set->ask_at);
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
    if (idle && lull_telling_due(e, slot->lane) <= e->now)
      lull_telling_lane(e, slot->lane);
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
  if (until <= s->paused + LULL_TELLING_SAME)
    return;
  s->paused = until;
  if (until - e->peers.low <= e->now)
    return;
  lull_lane_pause(slot->lane, until - e->peers.low);
  s->heard = until - e->peers.low;
  lull_telling_drop(slot->lane);
}

static void give(struct lull_engine *e, struct lull_share_set *set,
                 lull_usec from, lull_usec count)
{
  for (; count > 0; count--)
    if (lull_share_give(set, from - e->peers.low) != LULL_OK)
      lull_store_fail(e->peers.store, "out of memory");
}

/* {"places", lane, windows, sharers, when to ask, time, how many...} */
static void take_places(struct lull_engine *e, struct lull_lane_slot *slot,
                        const struct lull_store_text *texts, size_t count)
{
  struct lull_share *s = lull_shared_of(slot->lane);
  struct lull_share_set *set =
      lull_share_of(s, (unsigned)number_of(&texts[2]));
  lull_usec next = number_of(&texts[4]);
  bool lacks, alone;
  size_t i;
  if (!set)
    return;
  s->sharers = (unsigned)number_of(&texts[3]);
  for (i = 5; i + 1 < count; i += 2)
    give(e, set, number_of(&texts[i]), number_of(&texts[i + 1]));
  lacks = next < 0 || (next && set->count < set->needed);
  alone = s->sharers == 1;
  set->tight = lacks && !alone;
  if (lacks)
    set->ahead = 0;
  if (next >= 0)
    set->ask_at = next ? next - e->peers.low - BEFORE : 0;
  else /* who is alone has them all, and knows when the last is due */
    set->ask_at = alone && set->count ? set->from[set->count - 1] - BEFORE
                                      : lull_usec_add(e->now, SOON);
}

static void hear_of(struct lull_engine *e, struct lull_lane_slot *slot,
                    const char *word, const struct lull_store_text *texts,
                    size_t count)
{
  struct lull_share *s = lull_shared_of(slot->lane);
  if (strcmp(word, "pause") == 0)
    pause(e, slot, number_of(&texts[0]));
  else if (strcmp(word, "machines") == 0 && count > 1)
    lull_share_tell(s, (unsigned)number_of(&texts[0]), texts[1].bytes,
                    texts[1].len);
  else
    lull_facts_hear(slot->lane, e->now, e->peers.low, word, texts[0].bytes,
                    count > 1 ? texts[1].bytes : NULL);
  lull_lanes_touch(&e->lanes, slot);
}

/* {"message", channel, "WORD VALUE LANE"}; what this process said itself it
   need not hear. */
static void hear_all(struct lull_engine *e, const char *bytes)
{
  struct lull_lane_slot *slot;
  struct lull_store_text value;
  char word[16];
  size_t len = strcspn(bytes, " ");
  const char *name = bytes[len] ? strchr(bytes + len + 1, ' ') : NULL;
  if (!name || len >= sizeof word)
    return;
  memcpy(word, bytes, len);
  word[len] = '\0';
  value.bytes = bytes + len + 1;
  value.len = (size_t)(name - value.bytes);
  slot = lane_named(e, name + 1);
  if (slot && !e->peers.timed) /* it is asked for when the clock is known */
    lull_shared_of(slot->lane)->unheard = true;
  else if (slot && (strcmp(word, "slots") != 0 ||
                    number_of(&value) != e->peers.store->run))
    hear_of(e, slot, word, &value, 1);
}

static void hear(struct lull_engine *e, const struct lull_store_text *texts,
                 size_t count)
{
  const char *word = texts[0].bytes;
  struct lull_lane_slot *slot;
  if (count > 2 && strcmp(word, "message") == 0) {
    hear_all(e, texts[2].bytes);
    return;
  }
  slot = count > 1 ? lane_number(e, number_of(&texts[1])) : NULL;
  if (slot && strcmp(word, "places") == 0 && count >= 5) {
    take_places(e, slot, texts, count);
    lull_lanes_touch(&e->lanes, slot);
  } else if (slot && count > 2) {
    if (strcmp(word, "budget") == 0)
      lull_facts_answered(slot->lane);
    hear_of(e, slot, word, texts + 2, count - 2);
  } else if (slot) {
    lull_facts_answered(slot->lane);
    lull_share_forget(lull_shared_of(slot->lane));
  }
}

/* Each has its part alone; or all of it is shared again, once the others have
   come back as well and told what they have sent. */
static void divide(struct lull_lane *lane, bool on, lull_usec now)
{
  if (on)
    lull_telling_drop(lane);
  else
    lull_lane_pause(lane, lull_usec_add(now, GATHER));
  lull_shared_part(lane, on, now);
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
    if (p->local && s->away != away)
      divide(slot->lane, away, e->now);
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
  return lull_peers_broken(e) ||
         (p->store->ops->land && p->store->ops->land(p->store));
}

/* ---- joining and leaving ----------------------------------------------- */

void lull_peers_attach(struct lull_engine *e, struct lull_store *store,
                       bool all, bool local)
{
  lull_buf_clear(&e->peers.text);
  e->peers = (struct lull_peers){.store = store, .all = all, .local = local};
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
    if (s && s->number)
      lull_telling_leave(e, slot->lane);
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
