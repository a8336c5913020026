/* When an engine hands over what was written to its store, for Lua. */
#include "unit.h"

#include "engine/memo.h"

struct fake {
  struct lull_store store; /* first, so that the seam's pointer is ours */
  bool busy, landed;
  int taken;
};

static void flush(struct lull_store *s)
{
  struct fake *f = (struct fake *)(void *)s;
  if (f->busy)
    return;
  f->taken++;
  f->busy = true;
  s->pending.len = 0;
}

static void poll(struct lull_store *s)
{
  struct fake *f = (struct fake *)(void *)s;
  if (f->landed)
    s->durable = s->handed;
}

static void set_timer(struct lull_engine *e, struct lull_timer *timer,
                      lull_usec at)
{
  if (lull_timerq_reserve(&e->timers) == LULL_OK)
    lull_timerq_set(&e->timers, timer, at);
}

/* What has happened by a look: `at` us, `lands`: the commit under way ends,
   `writes` more, of which `awaited` or not, and so many on the wire. */
static void prepare(lua_State *L, struct lull_engine *e, struct fake *f)
{
  struct lull_store_write w = {.kind = LULL_STORE_CALL};
  struct lull_entry entry = {0};
  int writes = (int)unit_number(L, -1, "writes", 0);
  e->now = (lull_usec)unit_number(L, -1, "at", 0);
  e->flying = (size_t)unit_number(L, -1, "flying", 0);
  f->landed = unit_flag(L, -1, "lands");
  if (f->landed)
    f->busy = false;
  for (; writes > 0; writes--)
    lull_store_write(&f->store, &w, "");
  if (unit_flag(L, -1, "awaited") && lull_memo_sync(e, &entry) != LULL_OK)
    luaL_error(L, "out of memory");
}

/* looks(list, gathers, timer) -> for each look whether something was handed
   over, or until when it is waited for more, in us */
static int looks(lua_State *L)
{
  static const struct lull_store_ops ops = {.flush = flush, .poll = poll};
  struct fake f = {0};
  struct lull_engine e = {0};
  struct lull_timer timer = {0};
  int i;
  lull_store_init(&f.store, &ops);
  f.store.gathers = lua_toboolean(L, 2);
  lull_timerq_init(&e.timers);
  lull_idtable_init(&e.ids);
  e.store = &f.store;
  if (lua_toboolean(L, 3))
    set_timer(&e, &timer, (lull_usec)lua_tonumber(L, 3));
  lua_newtable(L);
  for (i = 1; lua_rawgeti(L, 1, i), lua_istable(L, -1); i++) {
    int before = f.taken;
    prepare(L, &e, &f);
    lull_memo_flush(&e);
    while (lull_memo_ready(&e))
      continue;
    if (f.taken == before && e.gather.until)
      lua_pushnumber(L, (lua_Number)e.gather.until);
    else
      lua_pushboolean(L, f.taken > before);
    lua_rawseti(L, -3, i);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  lull_memo_clear(&e);
  lull_buf_clear(&f.store.pending);
  lull_timerq_clear(&e.timers);
  lull_idtable_clear(&e.ids);
  return 1;
}

void unit_gather(lua_State *L)
{
  static const luaL_Reg functions[] = {{"looks", looks}, {NULL, NULL}};
  unit_add(L, "gather", functions);
}
