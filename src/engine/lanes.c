#include "engine/lanes.h"

#include <string.h>

/* A script talks to a few origins: a walk is shorter than a hash. */
static struct lull_lane_slot *find(const struct lull_lanes *lanes,
                                   const char *name)
{
  struct lull_lane_slot *slot = lanes->first;
  while (slot && strcmp(lull_lane_name(slot->lane), name) != 0)
    slot = slot->next;
  return slot;
}

static struct lull_lane_slot *make(struct lull_timerq *timers,
                                   const char *name, uint64_t seed)
{
  struct lull_lane_slot *slot = lull_mem_zero(sizeof *slot);
  if (!slot)
    return NULL;
  slot->entry.kind = LULL_ENTRY_LANE;
  lull_buf_init(&slot->was, SIZE_MAX / 2);
  slot->lane = lull_lane_new(name);
  if (slot->lane)
    lull_lane_seed(slot->lane, seed);
  if (slot->lane && lull_timerq_reserve(timers) == LULL_OK)
    return slot;
  if (slot->lane)
    lull_lane_free(slot->lane);
  lull_mem_free(slot);
  return NULL;
}

struct lull_lane_slot *lull_lanes_get(struct lull_lanes *lanes,
                                      struct lull_timerq *timers,
                                      const char *name)
{
  struct lull_lane_slot *slot = find(lanes, name);
  if (slot || !(slot = make(timers, name, lanes->seed)))
    return slot;
  if (lanes->last)
    lanes->last->next = slot;
  else
    lanes->first = slot;
  lanes->last = slot;
  return slot;
}

void lull_lanes_touch(struct lull_lanes *lanes, struct lull_lane_slot *slot)
{
  if (!slot->stale) {
    slot->stale = true;
    slot->next_stale = lanes->stale;
    lanes->stale = slot;
  }
  if (slot->dirty)
    return;
  slot->dirty = true;
  slot->next_dirty = lanes->dirty;
  lanes->dirty = slot;
}

struct lull_lane_slot *lull_lanes_take(struct lull_lanes *lanes)
{
  struct lull_lane_slot *slot = lanes->dirty;
  if (!slot)
    return NULL;
  lanes->dirty = slot->next_dirty;
  slot->dirty = false;
  return slot;
}

void lull_lanes_clear(struct lull_lanes *lanes, struct lull_timerq *timers)
{
  struct lull_lane_slot *slot = lanes->first;
  while (slot) {
    struct lull_lane_slot *next = slot->next;
    lull_timerq_cancel(timers, &slot->entry.timer);
    lull_timerq_release(timers);
    lull_lane_free(slot->lane);
    lull_buf_clear(&slot->was);
    lull_mem_free(slot);
    slot = next;
  }
  *lanes = (struct lull_lanes){.seed = lanes->seed};
}
