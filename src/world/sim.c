/*
 * sim: a virtual clock and no network.
 *
 * An attempt that is sent is parked until the driver (a server written in
 * Lua) has answered it. Time moves only in `next`, when there is nothing
 * parked to hand out: only when every task sleeps.
 */
#include "world/world.h"

struct world_sim {
  struct lull_world base; /* first, so that the seam's pointer is ours */
  lull_usec now, wall_offset;
  uint64_t seed;
  struct lull_attempt **queue; /* parked and not yet handed out */
  size_t first, count, cap;
};

static struct world_sim *self(struct lull_world *w)
{
  return (struct world_sim *)(void *)w;
}

static lull_usec now(struct lull_world *w)
{
  return self(w)->now;
}

static lull_usec wall(struct lull_world *w)
{
  return lull_usec_add(self(w)->now, self(w)->wall_offset);
}

static uint64_t entropy(struct lull_world *w)
{
  return self(w)->seed;
}

static enum lull_err grow(struct world_sim *w)
{
  size_t cap = w->cap ? w->cap * 2 : 16, i;
  struct lull_attempt **queue = lull_mem_alloc(cap * sizeof *queue);
  if (!queue)
    return LULL_ENOMEM;
  for (i = 0; i < w->count; i++)
    queue[i] = w->queue[(w->first + i) % w->cap];
  lull_mem_free(w->queue);
  w->queue = queue;
  w->cap = cap;
  w->first = 0;
  return LULL_OK;
}

static enum lull_err park(struct lull_world *world, struct lull_attempt *a)
{
  struct world_sim *w = self(world);
  enum lull_err err = lull_body_check(a->request->body);
  if (!err)
    err = lull_attempt_headers(a, &a->outgoing);
  if (!err && w->count == w->cap)
    err = grow(w);
  if (err)
    return err;
  w->queue[(w->first + w->count++) % w->cap] = a;
  a->parked = true;
  a->connected = a->sent = true;
  if (a->leaving)
    a->leaving(a, w->now);
  return LULL_OK;
}

/* Leaves a gap in the queue, which `next` passes over. */
static void cancel(struct lull_world *world, struct lull_attempt *a)
{
  struct world_sim *w = self(world);
  size_t i;
  for (i = 0; i < w->count; i++)
    if (w->queue[(w->first + i) % w->cap] == a)
      w->queue[(w->first + i) % w->cap] = NULL;
  a->parked = false;
}

static struct lull_attempt *next(struct lull_world *world, lull_usec until)
{
  struct world_sim *w = self(world);
  while (w->count) {
    struct lull_attempt *a = w->queue[w->first];
    w->first = (w->first + 1) % w->cap;
    w->count--;
    if (a)
      return a;
  }
  if (until > w->now && until != LULL_NEVER)
    w->now = until;
  return NULL;
}

/* What is parked has not ended. */
static bool more(struct lull_world *world)
{
  (void)world;
  return false;
}

static int fd(struct lull_world *world)
{
  (void)world;
  return -1;
}

static lull_usec due(struct lull_world *world)
{
  return self(world)->count ? self(world)->now : LULL_NEVER;
}

/* What a simulated store has to tell is known at once. */
static void watch(struct lull_world *world, int which, int other)
{
  (void)world, (void)which, (void)other;
}

static void close_world(struct lull_world *world)
{
  lull_mem_free(self(world)->queue);
  lull_mem_free(world);
}

static const struct lull_world_ops ops = {
    .now = now,
    .wall = wall,
    .entropy = entropy,
    .send = park,
    .cancel = cancel,
    .next = next,
    .more = more,
    .fd = fd,
    .due = due,
    .watch = watch,
    .close = close_world,
};

struct lull_world *lull_world_sim(uint64_t seed, lull_usec wall_start)
{
  struct world_sim *w = lull_mem_zero(sizeof *w);
  if (!w)
    return NULL;
  w->base.ops = &ops;
  w->base.simulated = true;
  w->seed = seed;
  w->wall_offset = wall_start;
  return &w->base;
}
