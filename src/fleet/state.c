#include "fleet/state.h"

#include <string.h>

void lull_fleet_fail(struct lull_fleet *f, enum lull_err err)
{
  if (!f->err)
    f->err = err;
}

enum lull_err lull_fleet_reserve(struct lull_fleet *f, unsigned n)
{
  enum lull_err err = LULL_OK;
  while (n-- && !err)
    err = lull_timerq_reserve(&f->timers);
  return err;
}

static void free_all(struct lull_fleet *f, struct lull_fleet_chunk *chunk)
{
  for (unsigned i = LULL_FLEET_CHUNK; i-- > 0;) {
    chunk->calls[i].next = f->free;
    f->free = &chunk->calls[i];
  }
}

static enum lull_err add_chunk(struct lull_fleet *f)
{
  struct lull_fleet_chunk *chunk = lull_mem_zero(sizeof *chunk);
  if (!chunk)
    return LULL_ENOMEM;
  chunk->next = f->chunks;
  f->chunks = chunk;
  free_all(f, chunk);
  return lull_fleet_reserve(f, 2 * LULL_FLEET_CHUNK);
}

/* Into the list of its client, the last. */
static void link_to(struct lull_fleet_client *c, struct lull_fleet_call *call)
{
  call->client = c;
  call->prev = c->last;
  *(c->last ? &c->last->next : &c->first) = call;
  c->last = call;
}

static void unlink_from(struct lull_fleet_client *c,
                        struct lull_fleet_call *call)
{
  *(call->prev ? &call->prev->next : &c->first) = call->next;
  *(call->next ? &call->next->prev : &c->last) = call->prev;
}

struct lull_fleet_call *lull_fleet_take(struct lull_fleet *f,
                                        struct lull_fleet_client *c)
{
  enum lull_err err = f->free ? LULL_OK : add_chunk(f);
  struct lull_fleet_call *call = f->free;
  if (err) {
    lull_fleet_fail(f, err);
    return NULL;
  }
  f->free = call->next;
  memset(call, 0, sizeof *call);
  call->event.kind = LULL_FLEET_CALL;
  link_to(c, call);
  return call;
}

void lull_fleet_give(struct lull_fleet *f, struct lull_fleet_call *call)
{
  unlink_from(call->client, call);
  lull_mem_free(call->rule_hits);
  call->rule_hits = NULL;
  call->next = f->free;
  f->free = call;
}

void lull_fleet_next_fanout(struct lull_fleet *f, struct lull_fleet_client *c)
{
  if (!c->failed)
    lull_fleet_stats_latency(f->stats, f->now - c->started);
  if (c->left) {
    lull_timerq_set(&f->timers, &c->event.timer,
                    lull_usec_add(f->now, f->conf->think));
    return;
  }
  lull_timerq_cancel(&f->timers, &c->event.timer);
  lull_lane_free(c->lane);
  c->lane = NULL;
}

void lull_fleet_ended(struct lull_fleet *f, struct lull_fleet_client *c,
                      enum lull_why why, lull_usec started)
{
  c->active--;
  c->completed += why == LULL_WHY_NONE;
  if (f->conf->rate > 0) {
    if (why == LULL_WHY_NONE)
      lull_fleet_stats_latency(f->stats, f->now - started);
    return;
  }
  if (why != LULL_WHY_NONE)
    c->failed = true;
  if (c->active == 0)
    lull_fleet_next_fanout(f, c);
}
