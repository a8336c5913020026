#include "bind/waits.h"
#include "bind/write.h"
#include "engine/waits.h"

static double left(const struct lull_engine *e, lull_usec at)
{
  lull_usec now = lull_engine_now(e);
  return at > now ? lull_usec_to(at - now) : 0;
}

static void push_wait(lua_State *L, const struct lull_engine *e,
                      const struct lull_wait *w)
{
  lua_createtable(L, 0, 6);
  lull_bind_set_string(L, "lane", w->lane);
  if (w->status)
    lull_bind_set_integer(L, "status", w->status);
  else if (w->class)
    lull_bind_set_string(L, "class", lull_class_name(w->class));
  if (w->source)
    lull_bind_set_string(L, "source", lull_source_name(w->source));
  lull_bind_set_integer(L, "count", (lua_Integer)w->count);
  lull_bind_set_number(L, "first", left(e, w->first));
  lull_bind_set_number(L, "last", left(e, w->last));
}

int lull_bind_waits(lua_State *L)
{
  const struct lull_engine *e = lull_bind_check_engine(L);
  struct lull_waits waits;
  size_t i;
  lull_waits_look(e, &waits);
  lua_createtable(L, (int)waits.count, 0);
  for (i = 0; i < waits.count; i++) {
    push_wait(L, e, &waits.groups[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_pushinteger(L, (lua_Integer)waits.others);
  lua_pushinteger(L, (lua_Integer)waits.calls);
  return 3;
}
