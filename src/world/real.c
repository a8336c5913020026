/*
 * real: the system's clocks, and libcurl's multi interface.
 *
 * Owns the loop, with its multi handles, and a pool of easy handles. A waiting
 * call has none: a handle is taken when an attempt is sent and given back when
 * it ends.
 *
 * libcurl counts its inits and cleanups. Each init of ours has its cleanup,
 * but only when this module goes, and not when a world does: who uses libcurl
 * beside us and never called init has what we made ready, until then.
 */
#define _DEFAULT_SOURCE
#include "http/files.h"
#include "world/netloop.h"
#include "world/transfer.h"

#include <time.h>
#include <unistd.h>

#define THRIFTY (10 * LULL_SEC) /* after files ran out */
#define POOL_MAX 256 /* idle handles that are kept; each holds about 8 KB */

struct world_real {
  struct lull_world base; /* first, so that the seam's pointer is ours */
  struct lull_transfer *pool;
  unsigned pooled;
  struct lull_sockets sockets;
  struct lull_transfer *flying;
  struct lull_transfer *orphans; /* looking up for an attempt that is gone */
  struct lull_netloop loop;
  lull_usec thrifty_until; /* 0: not */
};

static struct world_real *self(struct lull_world *w)
{
  return (struct world_real *)(void *)w;
}

static lull_usec now(struct lull_world *w)
{
  (void)w;
  return lull_netloop_now();
}

static lull_usec wall(struct lull_world *w)
{
  struct timespec ts;
  (void)w;
  clock_gettime(CLOCK_REALTIME, &ts);
  return (lull_usec)ts.tv_sec * LULL_SEC + ts.tv_nsec / 1000;
}

static uint64_t entropy(struct lull_world *w)
{
  uint64_t seed;
  if (getentropy(&seed, sizeof seed) != 0)
    seed = (uint64_t)wall(w) ^ (uint64_t)getpid() << 40;
  return seed;
}

static struct lull_transfer *take(struct world_real *w)
{
  struct lull_transfer *t = w->pool;
  if (!t)
    return lull_transfer_new(&w->base, &w->sockets);
  w->pool = t->next;
  w->pooled--;
  return t;
}

static void give_back(struct world_real *w, struct lull_transfer *t)
{
  lull_transfer_unload(t);
  if (w->pooled >= POOL_MAX) {
    lull_transfer_free(t);
    return;
  }
  t->next = w->pool;
  w->pool = t;
  w->pooled++;
}

/* No more files may be open: idle connections are closed where new ones are
   to be opened, for a while. */
static void note_lack(struct world_real *w)
{
  w->thrifty_until = lull_usec_add(lull_netloop_now(), THRIFTY);
  lull_shards_save(&w->loop.shards, true);
}

static void forget_lack(struct world_real *w)
{
  if (!w->thrifty_until || lull_netloop_now() < w->thrifty_until)
    return;
  w->thrifty_until = 0;
  lull_shards_save(&w->loop.shards, false);
}

/* A file for its answer, before anything is sent. */
static enum lull_err set_by(const struct world_real *w,
                            const struct lull_request *r)
{
  bool first = w->sockets.open == 0;
  return !r->output || lull_output_hold(r->output, first) ? LULL_OK
                                                          : LULL_EFILES;
}

static enum lull_err start(struct world_real *w, struct lull_attempt *a,
                           bool fresh)
{
  struct lull_transfer *t;
  enum lull_err err = set_by(w, a->request);
  forget_lack(w);
  if (err)
    return err;
  t = take(w);
  if (!t)
    return LULL_ENOMEM;
  err = lull_transfer_load(t, a, fresh);
  if (!err) {
    t->shard = lull_shards_add(&w->loop.shards, t->easy);
    err = t->shard ? LULL_OK : LULL_ENOMEM;
  }
  if (err)
    give_back(w, t);
  else
    lull_transfer_fly(t, &w->flying);
  return err;
}

static enum lull_err begin(struct world_real *w, struct lull_attempt *a,
                           bool fresh)
{
  enum lull_err err = start(w, a, fresh);
  if (err == LULL_ENOMEM && lull_files_short())
    err = LULL_EFILES; /* what libcurl wakes a handle of its own by */
  a->starved = err == LULL_EFILES;
  if (a->starved)
    note_lack(w);
  return err;
}

static enum lull_err launch(struct lull_world *world, struct lull_attempt *a)
{
  return begin(self(world), a, a->fresh);
}

static void detach(struct world_real *w, struct lull_transfer *t)
{
  lull_shards_remove(t->shard, t->easy);
  t->shard = NULL;
  lull_transfer_land(t);
  give_back(w, t);
}

static void cancel(struct lull_world *world, struct lull_attempt *a)
{
  struct lull_transfer *t = a->transfer;
  if (!t)
    return;
  lull_transfer_evidence(t);
  if (t->looks_up) {
    lull_transfer_orphan(t, &self(world)->orphans);
    return;
  }
  lull_transfer_abandon(t);
  detach(self(world), t);
}

/* Takes a transfer that has ended; true when its attempt has, too. One that
   found its connection closed before it sent anything goes over a new one: it
   is still the same attempt. */
static bool conclude(struct world_real *w, struct lull_transfer *t,
                     CURLcode code)
{
  struct lull_attempt *a = t->attempt;
  bool stale = t->stale;
  enum lull_err err;
  if (!stale)
    lull_transfer_conclude(t, code);
  if (a->starved)
    note_lack(w);
  detach(w, t);
  if (!stale)
    return true;
  err = begin(w, a, true);
  if (err)
    a->class = lull_class_of(err);
  return err != LULL_OK;
}

/* The next attempt that has ended, if any. */
static struct lull_attempt *finished(struct world_real *w)
{
  CURL *easy;
  CURLcode code;
  while (lull_shards_ended(&w->loop.shards, &easy, &code)) {
    struct lull_transfer *t = NULL;
    struct lull_attempt *a;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    a = t->attempt;
    if (!a)
      detach(w, t);
    else if (conclude(w, t, code))
      return a;
  }
  return NULL;
}

static struct lull_attempt *next(struct lull_world *world, lull_usec until)
{
  struct world_real *w = self(world);
  struct lull_attempt *a = finished(w);
  bool looked = false;
  while (!a && !(looked && until <= lull_netloop_now())) {
    lull_netloop_run(&w->loop, until);
    looked = true;
    w->base.interrupts += w->loop.interrupts;
    w->loop.interrupts = 0;
    a = finished(w);
    if (w->base.interrupts || lull_netloop_woken(&w->loop))
      break;
  }
  return a;
}

static bool more(struct lull_world *world)
{
  return lull_shards_more(&self(world)->loop.shards);
}

static int fd(struct lull_world *world)
{
  return lull_netloop_fd(&self(world)->loop);
}

static lull_usec due(struct lull_world *world)
{
  return more(world) ? lull_netloop_now()
                     : lull_netloop_due(&self(world)->loop);
}

static void watch(struct lull_world *world, int which, int other)
{
  lull_netloop_watch(&self(world)->loop, which, other);
}

static void close_world(struct lull_world *world)
{
  struct world_real *w = self(world);
  while (w->orphans)
    detach(w, w->orphans);
  while (w->pool) {
    struct lull_transfer *t = take(w);
    lull_transfer_free(t);
  }
  lull_netloop_clear(&w->loop);
  lull_sockets_clear(&w->sockets); /* once all are closed */
  lull_mem_free(w);
}

static const struct lull_world_ops ops = {
    .now = now,
    .wall = wall,
    .entropy = entropy,
    .send = launch,
    .cancel = cancel,
    .next = next,
    .more = more,
    .fd = fd,
    .due = due,
    .watch = watch,
    .close = close_world,
};

static _Atomic unsigned inits; /* that have no cleanup yet */

static bool make_ready(void)
{
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
    return false;
  inits++;
  return true;
}

/* At the module's end, or the process's. */
__attribute__((destructor)) static void clean_up(void)
{
  for (; inits; inits--)
    curl_global_cleanup();
}

struct lull_world *lull_world_real(int interrupt_fd)
{
  struct world_real *w;
  if (!make_ready())
    return NULL;
  w = lull_mem_zero(sizeof *w);
  if (!w)
    return NULL;
  w->base.ops = &ops;
  lull_sockets_init(&w->sockets);
  if (lull_netloop_init(&w->loop, interrupt_fd, &w->sockets) == LULL_OK)
    return &w->base;
  lull_netloop_clear(&w->loop);
  lull_mem_free(w);
  return NULL;
}

const char *lull_transport_version(void)
{
  return curl_version();
}
