#include "engine/memo.h"
#include "engine/known.h"
#include "engine/past.h"

#include <string.h>

#define FORMAT 1                     /* of what is kept; little-endian */
#define RULES_MAX 256                /* whose counts are kept */
#define GATHER_QUIET LULL_MSEC       /* us in which nothing came */
#define GATHER_MOST (10 * LULL_MSEC) /* from the first write on */
#define FIXED 52                     /* bytes before them */

enum { FLYING = 1, WAITING };

/* What waits for a write to be kept: a leg, or a sleep (nth 0). */
struct lull_due {
  uint64_t write;
  lull_id id;
  unsigned nth;
};

/* ---- the queue --------------------------------------------------------- */

static enum lull_err push(struct lull_engine *e, uint64_t write, lull_id id,
                          unsigned nth)
{
  struct lull_dues *q = &e->dues;
  if (q->count == q->cap) {
    size_t cap = q->cap ? q->cap * 2 : 16, i;
    struct lull_due *list = lull_mem_alloc(cap * sizeof *list);
    if (!list)
      return LULL_ENOMEM;
    for (i = 0; i < q->count; i++)
      list[i] = q->list[(q->first + i) % q->cap];
    lull_mem_free(q->list);
    *q = (struct lull_dues){.list = list, .count = q->count, .cap = cap};
  }
  q->list[(q->first + q->count++) % q->cap] =
      (struct lull_due){write, id, nth};
  return LULL_OK;
}

static bool first_is_kept(struct lull_engine *e)
{
  const struct lull_dues *q = &e->dues;
  return q->count && lull_store_durable(e->store, q->list[q->first].write);
}

static bool is_held(const struct lull_leg *leg, unsigned nth)
{
  const struct lull_flight *f = leg ? leg->flight : NULL;
  return f && f->nth == nth && f->held_until == LULL_NEVER;
}

static struct lull_leg *held_leg(struct lull_call *call, unsigned nth)
{
  if (is_held(&call->leg, nth))
    return &call->leg;
  return is_held(call->hedge, nth) ? call->hedge : NULL;
}

/* What has gone meanwhile is passed over. */
struct lull_leg *lull_memo_ready(struct lull_engine *e)
{
  struct lull_leg *leg = NULL;
  while (!leg && first_is_kept(e)) {
    struct lull_due due = e->dues.list[e->dues.first];
    struct lull_entry *entry = lull_idtable_get(&e->ids, due.id);
    e->dues.first = (e->dues.first + 1) % e->dues.cap;
    e->dues.count--;
    if (entry && due.nth)
      leg = held_leg(lull_call_of(entry), due.nth);
    else if (entry)
      lull_events_tell(&e->events, entry, LULL_TELL_TIMER);
  }
  return leg;
}

enum lull_err lull_memo_sync(struct lull_engine *e, struct lull_entry *entry)
{
  return push(e, e->store->written, entry->id, 0);
}

bool lull_memo_broken(const struct lull_engine *e)
{
  return e->store && e->store->problem[0] && !e->broken;
}

/* What the store's clock showed is older than now by what has passed since:
   the largest difference is the nearest. */
static void set_clock(struct lull_engine *e)
{
  struct lull_store *s = e->store;
  lull_usec skew = s->told - e->world->ops->wall(e->world);
  if (!s->timed || skew > s->skew)
    s->skew = skew;
  s->timed = true;
  s->told = 0;
}

/* A simulated disk is faster than all that takes time, and slower than what is
   sent along with its write. */
static bool lands(struct lull_engine *e)
{
  struct lull_store *s = e->store;
  return s->ops->land && e->world->ops->due(e->world) > e->now &&
         s->ops->land(s);
}

/* Nobody waits for what was written, or something on the wire may bring more;
   and something is to come. */
static bool may_gather(struct lull_engine *e)
{
  return e->store->gathers && e->store->pending.len &&
         (e->flying || !e->dues.count) && !lull_state_still(e) &&
         lull_store_idle(e->store);
}

/* A commit of many writes takes little more than one of a single one: what
   comes now goes along, as long as it keeps coming. */
static bool gathers(struct lull_engine *e)
{
  struct lull_gather *g = &e->gather;
  if (!may_gather(e))
    return false;
  if (!g->most)
    g->most = lull_usec_add(e->now, GATHER_MOST);
  if (g->seen != e->store->written)
    g->until = lull_usec_sooner(lull_usec_add(e->now, GATHER_QUIET), g->most);
  g->seen = e->store->written;
  return e->now < g->until;
}

static void hand_over(struct lull_engine *e)
{
  lull_known_write(e);
  lull_store_flush(e->store);
  e->gather = (struct lull_gather){0};
}

bool lull_memo_flush(struct lull_engine *e)
{
  if (!e->store)
    return false;
  if (!gathers(e))
    hand_over(e);
  if (e->store->ops->news)
    e->store->ops->poll(e->store);
  if (e->store->told)
    set_clock(e);
  return first_is_kept(e) || lull_memo_broken(e) || lands(e);
}

void lull_memo_attach(struct lull_engine *e, struct lull_store *store)
{
  lull_known_leave(e);
  e->store = store;
  e->broken = false;
  e->dues.count = 0;
  lull_known_begin(e);
}

void lull_memo_clear(struct lull_engine *e)
{
  lull_buf_clear(&e->known);
  lull_mem_free(e->dues.list);
  e->dues = (struct lull_dues){0};
}

/* ---- what is kept of a call -------------------------------------------- */

static uint64_t get(const char **from, int bytes)
{
  uint64_t value = 0;
  int i;
  for (i = bytes - 1; i >= 0; i--)
    value = value << 8 | (unsigned char)(*from)[i];
  *from += bytes;
  return value;
}

/* By the store's clock, which is the same for all that share it. */
static lull_usec store_time(const struct lull_engine *e)
{
  return e->world->ops->wall(e->world) + e->store->skew;
}

/* How often each rule was met, when it counts by itself. */
static unsigned counts_of(const struct lull_call *call)
{
  unsigned count = call->client->policy.rule_count;
  return call->rule_hits && count <= RULES_MAX ? count : 0;
}

static void write_memo(struct lull_engine *e, const struct lull_call *call,
                       int state, lull_usec wait)
{
  char bytes[FIXED + 2 * RULES_MAX + LULL_PAST_MOST * LULL_PAST_ENTRY];
  char *to = bytes;
  unsigned i, rules = counts_of(call);
  lull_usec wall = store_time(e);
  to = lull_base_put(to, FORMAT, 1);
  to = lull_base_put(to, (uint64_t)state, 1);
  to = lull_base_put(to, call->maybe_applied, 1);
  to = lull_base_put(to, call->tries, 2);
  to = lull_base_put(to, call->total, 2);
  to = lull_base_put(to, call->wire, 3);
  to = lull_base_put(to, (uint64_t)lull_usec_add(wall, wait), 8);
  to = lull_base_put(to, (uint64_t)wait, 8);
  to = lull_base_put(to, (uint64_t)call->previous, 8);
  to = lull_base_put(to, (uint64_t)call->waited, 8);
  to = lull_base_put(to, (uint64_t)(e->now - call->started), 8);
  to = lull_base_put(to, rules, 2);
  for (i = 0; i < rules; i++)
    to = lull_base_put(to, call->rule_hits[i], 2);
  to += lull_past_write(call, wall - (e->now - call->started), to);
  lull_aside_keep(call->aside, e->store, bytes, (size_t)(to - bytes));
}

bool lull_memo_hold(struct lull_engine *e, struct lull_leg *leg)
{
  struct lull_call *call = leg->call;
  struct lull_flight *f = leg->flight;
  bool counts = lull_known_counts(e, leg);
  if (f->noted || !(call->remembered || counts))
    return false;
  f->noted = true;
  if (call->remembered)
    write_memo(e, call, FLYING, 0);
  if (counts)
    lull_known_wait(e, leg->lane);
  f->held_until = LULL_NEVER;
  /* A lane is written last of what is handed over together. */
  if (push(e, e->store->written + counts, call->entry.id, f->nth) != LULL_OK)
    lull_store_fail(e->store, "out of memory");
  return true;
}

void lull_memo_wait(struct lull_engine *e, const struct lull_call *call,
                    lull_usec wait)
{
  /* What was done, and is followed by a GET, is not to be begun anew. */
  if (call->remembered)
    write_memo(e, call, call->applied ? FLYING : WAITING, wait);
}

/* The wait that is left. A clock that was set back makes none longer. */
static lull_usec left_of(struct lull_engine *e, lull_usec until,
                         lull_usec whole)
{
  lull_usec left = until - store_time(e);
  if (left < 0)
    return 0;
  return left < whole ? left : whole;
}

static void restore_counts(struct lull_call *call, const char *from,
                           unsigned rules)
{
  unsigned i, count = call->client->policy.rule_count;
  if (!rules || rules != count)
    return;
  call->rule_hits = lull_mem_zero(count * sizeof *call->rule_hits);
  for (i = 0; call->rule_hits && i < rules; i++)
    call->rule_hits[i] = (unsigned short)get(&from, 2);
}

lull_usec lull_memo_resume(struct lull_engine *e, struct lull_call *call,
                           const char *bytes, size_t len)
{
  const char *from = bytes;
  lull_usec until, whole;
  bool flying;
  unsigned rules;
  if (len < FIXED || get(&from, 1) != FORMAT)
    return 0;
  flying = get(&from, 1) == FLYING;
  call->maybe_applied = get(&from, 1) != 0;
  call->tries = (uint16_t)get(&from, 2);
  call->total = (uint16_t)get(&from, 2);
  call->wire = (unsigned)get(&from, 3);
  until = (lull_usec)get(&from, 8);
  whole = (lull_usec)get(&from, 8);
  call->previous = (lull_usec)get(&from, 8);
  call->waited = (lull_usec)get(&from, 8);
  call->started = e->now - (lull_usec)get(&from, 8);
  rules = (unsigned)get(&from, 2);
  if (len >= (size_t)(from - bytes) + (size_t)2 * rules) {
    const char *past = from + (size_t)2 * rules;
    restore_counts(call, from, rules);
    lull_past_keep(call, past, len - (size_t)(past - bytes));
  }
  if (!flying)
    return left_of(e, until, whole);
  /* It is counted again when it is judged. */
  call->tries = (uint16_t)(call->tries - (call->tries > 0));
  call->total = (uint16_t)(call->total - (call->total > 0));
  call->unanswered = true;
  return 0;
}
