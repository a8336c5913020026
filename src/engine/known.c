#include "engine/known.h"
#include "lane/keep.h"
#include "lane/revive.h"
#include "lane/shared.h"

#include <string.h>

/* A journal that several share has their lanes, too, in its own way. */
static bool keeps(const struct lull_engine *e)
{
  return e->store && !e->store->ops->news;
}

static struct lull_store_key key_of(const struct lull_lane_slot *slot)
{
  const char *name = lull_lane_name(slot->lane);
  return (struct lull_store_key){LULL_STORE_LANES, name, strlen(name), 1};
}

/* Of a lane that several clients use each brings windows of its own. */
static void recall_windows(struct lull_engine *e, struct lull_lane_slot *slot,
                           unsigned from)
{
  if (slot->was.len)
    lull_revive_windows(slot->lane, from, e->now,
                        e->world->ops->wall(e->world), &slot->was);
}

void lull_known_recall(struct lull_engine *e, struct lull_lane_slot *slot,
                       unsigned from)
{
  struct lull_store_key key = key_of(slot);
  const char *bytes;
  size_t len;
  if (!keeps(e))
    return;
  if (slot->recalled) {
    recall_windows(e, slot, from);
    return;
  }
  slot->recalled = true;
  slot->was.len = 0;
  if (e->store->ops->call(e->store, &key, &bytes, &len) != LULL_OK || !bytes)
    return;
  slot->kept = true;
  if (lull_buf_add(&slot->was, bytes, len) != LULL_OK)
    lull_store_fail(e->store, "out of memory");
  lull_revive_lane(slot->lane, e->now, e->world->ops->wall(e->world), bytes,
                   len);
}

bool lull_known_counts(const struct lull_engine *e, const struct lull_leg *leg)
{
  return keeps(e) && leg->ticket.routes && !lull_shared_of(leg->lane->lane);
}

void lull_known_wait(struct lull_engine *e, struct lull_lane_slot *slot)
{
  slot->awaited = true;
  lull_lanes_touch(&e->lanes, slot);
}

/* A refusal is worth a commit; that a number has moved is not. */
static bool is_urgent(const struct lull_engine *e, struct lull_lane_slot *slot)
{
  struct lull_lane_state now;
  lull_lane_inspect(slot->lane, e->now, &now);
  return slot->awaited || now.paused_until != slot->kept_pause ||
         now.learned.changes != slot->kept_changes;
}

static void note(const struct lull_engine *e, struct lull_lane_slot *slot)
{
  struct lull_lane_state now;
  lull_lane_inspect(slot->lane, e->now, &now);
  slot->kept_pause = now.paused_until;
  slot->kept_changes = now.learned.changes;
  slot->awaited = false;
}

static void write(struct lull_engine *e, struct lull_lane_slot *slot)
{
  struct lull_store_write w = {.kind = LULL_STORE_CALL, .key = key_of(slot)};
  struct lull_buf *text = &e->known;
  bool knows = false;
  text->len = 0;
  if (lull_keep_save(slot->lane, e->now, e->world->ops->wall(e->world), text,
                     &knows) != LULL_OK)
    lull_store_fail(e->store, "out of memory");
  if (!knows && !slot->kept && !slot->awaited)
    return;
  slot->kept = knows;
  w.size = text->len;
  lull_store_write(e->store, &w, text->data);
}

static void write_stale(struct lull_engine *e, bool all)
{
  struct lull_lane_slot *slot = e->lanes.stale, *later = NULL, *next;
  e->lanes.stale = NULL;
  for (; slot; slot = next) {
    next = slot->next_stale;
    if (all || e->store->pending.len || is_urgent(e, slot)) {
      slot->stale = false;
      write(e, slot);
      note(e, slot);
    } else {
      slot->next_stale = later;
      later = slot;
    }
  }
  e->lanes.stale = later;
}

void lull_known_write(struct lull_engine *e)
{
  if (e->lanes.stale && keeps(e) && lull_store_idle(e->store))
    write_stale(e, false);
}

void lull_known_begin(struct lull_engine *e)
{
  struct lull_lane_slot *slot = e->lanes.first;
  lull_buf_clear(&e->known);
  lull_buf_init(&e->known, SIZE_MAX / 2);
  for (; slot; slot = slot->next) {
    slot->recalled = slot->kept = false;
    lull_known_recall(e, slot, 0);
  }
}

void lull_known_leave(struct lull_engine *e)
{
  if (keeps(e))
    write_stale(e, true);
}
