#include "bind/engine.h"
#include "bind/client.h"
#include "bind/event.h"
#include "bind/read.h"
#include "bind/start.h"
#include "bind/store.h"
#include "bind/waits.h"
#include "bind/write.h"
#include "engine/drain.h"
#include "engine/peers.h"
#include "engine/prepare.h"
#include "engine/weigh.h"
#include "http/files.h"

#include <math.h>

/* core.engine{sim, seed, wall, interrupt_fd} */
int lull_bind_engine(lua_State *L)
{
  struct lull_engine **box;
  struct lull_world *world;
  uint64_t seed;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, lull_bind_engine_name);
  lua_setmetatable(L, -2);
  seed = (uint64_t)lull_bind_number(L, 1, "seed", 0);
  world =
      lull_bind_flag(L, 1, "sim")
          ? lull_world_sim(seed, lull_bind_time(L, 1, "wall", 0))
          : lull_world_real((int)lull_bind_number(L, 1, "interrupt_fd", -1));
  if (!world)
    return lull_bind_raise(L, lull_files_short() ? LULL_EFILES : LULL_EWORLD);
  *box = lull_engine_new(world);
  if (!*box)
    return lull_bind_raise(L, LULL_ENOMEM);
  lua_getfield(L, 1, "seed");
  if (!lua_isnil(L, -1))
    lull_engine_seed(*box, seed);
  lua_pop(L, 1);
  return 1;
}

static int engine_close(lua_State *L)
{
  struct lull_engine **box = lull_bind_udata(L, 1, lull_bind_engine_name);
  struct lull_engine *e = *box;
  *box = NULL;
  lull_engine_free(e);
  return 0;
}

static int sleep_for(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  lull_id id;
  enum lull_err err =
      lull_engine_sleep(e, lull_usec_from(luaL_checknumber(L, 2)), &id);
  if (err)
    return lull_bind_raise(L, err);
  lull_bind_push_id(L, id);
  return 1;
}

/* engine:attach(store or nil): the store must outlive that */
static int attach(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  lull_engine_attach(e,
                     lua_isnoneornil(L, 2) ? NULL : lull_bind_store_at(L, 2));
  return 0;
}

/* engine:share(store or nil, all, local): likewise */
static int share(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  lull_peers_leave(e);
  lull_peers_attach(e, lua_isnoneornil(L, 2) ? NULL : lull_bind_store_at(L, 2),
                    lua_toboolean(L, 3), lua_toboolean(L, 4));
  return 0;
}

/* engine:sync() -> the id of a sleep until all that was written is kept */
static int sync(lua_State *L)
{
  lull_id id;
  enum lull_err err = lull_engine_sync(lull_bind_check_engine(L), &id);
  if (err)
    return lull_bind_raise(L, err);
  lull_bind_push_id(L, id);
  return 1;
}

static lull_id check_id(lua_State *L, int index)
{
  lua_Number id = luaL_checknumber(L, index);
  return id >= 0 && id < 9007199254740992.0 ? (lull_id)id : 0;
}

/* engine:request_of(id) -> method, url; nothing when it is no call */
static int request_of(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  const struct lull_request *r = lull_engine_request(e, check_id(L, 2));
  if (!r)
    return 0;
  lua_pushstring(L, r->method);
  lua_pushstring(L, r->url);
  return 2;
}

/* true, or nil and a text */
static int report(lua_State *L, enum lull_err err)
{
  if (!err) {
    lua_pushboolean(L, 1);
    return 1;
  }
  return lull_bind_problem(L, lull_err_text(err));
}

/* The changes to a retry: {headers, secrets, url, body, file} */
static enum lull_err read_changes(lua_State *L, int index,
                                  struct lull_judgement *j)
{
  luaL_checktype(L, index, LUA_TTABLE);
  j->headers = lull_bind_string(L, index, "headers", &j->headers_len);
  j->secrets = lull_bind_string(L, index, "secrets", &j->secrets_len);
  j->url = lull_bind_string(L, index, "url", NULL);
  return lull_bind_body(L, index, &j->body);
}

/* engine:judge(id, action, wait or nil, free, changes or nil) -> true, or
   nil and a text */
static int judge(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  lull_id id = check_id(L, 2);
  struct lull_judgement j = {0};
  double wait = luaL_optnumber(L, 4, -1);
  enum lull_err err = LULL_OK;
  j.action = (enum lull_action)luaL_checkoption(L, 3, NULL, lull_bind_actions);
  j.wait = wait < 0 ? -1 : lull_usec_from(wait);
  j.free = lua_toboolean(L, 5);
  if (!lua_isnoneornil(L, 6))
    err = read_changes(L, 6, &j);
  if (!err)
    err = lull_engine_judge(e, id, &j);
  lull_mem_free(j.body);
  return report(L, err);
}

/* engine:arriving(id, {nth, status, headers}, gap or nil) */
static int arriving(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  struct lull_reply head = {0};
  double gap = luaL_optnumber(L, 4, -1);
  luaL_checktype(L, 3, LUA_TTABLE);
  head.nth = (unsigned)lull_bind_number(L, 3, "nth", 0);
  head.status = (int)lull_bind_number(L, 3, "status", 0);
  head.headers = lull_bind_string(L, 3, "headers", &head.headers_len);
  return report(
      L, lull_engine_arriving(e, check_id(L, 2), &head,
                              gap < 0 ? LULL_NEVER : lull_usec_from(gap)));
}

/* engine:reply(id, {nth, class, status, sent, headers, body}) */
static int reply(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  struct lull_reply r = {0};
  const char *class;
  luaL_checktype(L, 3, LUA_TTABLE);
  r.nth = (unsigned)lull_bind_number(L, 3, "nth", 0);
  r.status = (int)lull_bind_number(L, 3, "status", 0);
  r.sent = lull_bind_flag(L, 3, "sent");
  r.headers = lull_bind_string(L, 3, "headers", &r.headers_len);
  r.body = lull_bind_string(L, 3, "body", &r.body_len);
  class = lull_bind_string(L, 3, "class", NULL);
  if (class)
    r.class = lull_class_find(class);
  if (r.class == LULL_CLASSES)
    return luaL_error(L, "no outcome is called '%s'", class);
  return report(L, lull_engine_reply(e, check_id(L, 2), &r));
}

/* engine:prepare(id, headers or nil, secrets or nil) -> true, or nil and a
   text; false when nobody waits for them any more */
static int prepare(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  lull_id id = check_id(L, 2);
  struct lull_made_headers made;
  enum lull_err err;
  made.headers = luaL_optlstring(L, 3, NULL, &made.headers_len);
  made.secrets = luaL_optlstring(L, 4, NULL, &made.secrets_len);
  err = lull_prepare_headers(e, id, &made);
  if (err != LULL_ESTALE)
    return report(L, err);
  lua_pushboolean(L, 0);
  return 1;
}

/* engine:weigh(id, name, weight) -> true, or nil and a text */
static int weigh(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  return report(L,
                lull_weigh_attempt(e, check_id(L, 2), luaL_checkstring(L, 3),
                                   (unsigned)luaL_checknumber(L, 4)));
}

static int cancel(lua_State *L)
{
  return report(L,
                lull_engine_cancel(lull_bind_check_engine(L), check_id(L, 2)));
}

static int drain(lua_State *L)
{
  lull_drain_begin(lull_bind_check_engine(L));
  return 0;
}

/* engine:cut() -> how many calls flew still */
static int cut(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)lull_drain_cut(lull_bind_check_engine(L)));
  return 1;
}

static int trace(lua_State *L)
{
  lull_engine_trace(lull_bind_check_engine(L), lua_toboolean(L, 2));
  return 0;
}

static int record(lua_State *L)
{
  lull_engine_record(lull_bind_check_engine(L), lua_toboolean(L, 2));
  return 0;
}

/* engine:chaos{share, status | class | delay} -> true, or nil and a text */
static int chaos(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  struct lull_fault fault = {0};
  const char *class;
  luaL_checktype(L, 2, LUA_TTABLE);
  fault.share = lull_bind_number(L, 2, "share", 0);
  fault.status = (int)lull_bind_number(L, 2, "status", 0);
  fault.delay = lull_bind_time(L, 2, "delay", 0);
  class = lull_bind_string(L, 2, "class", NULL);
  if (class)
    fault.class = lull_class_find(class);
  if (fault.class == LULL_CLASSES)
    return luaL_error(L, "no outcome is called '%s'", class);
  return report(L, lull_engine_chaos(e, &fault));
}

/* engine:step([patience]) -> kind, id, details. The event is consumed only
   after all of it is on the stack: no memory error can swallow it. */
static int step(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  double patience = luaL_optnumber(L, 2, HUGE_VAL);
  struct lull_event event;
  int n;
  lull_engine_step(e, lull_usec_from(patience), &event);
  n = lull_bind_event(L, e, &event, lull_engine_now(e));
  lull_engine_consume(e);
  return n;
}

/* engine:fd() -> a descriptor to watch for reading, or nil */
static int fd(lua_State *L)
{
  int n = lull_engine_fd(lull_bind_check_engine(L));
  if (n < 0)
    return 0;
  lua_pushinteger(L, n);
  return 1;
}

/* engine:due() -> s until the next step, at most; nil: nothing is under way */
static int due(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  lull_usec at, from = lull_engine_now(e);
  if (!lull_engine_due(e, &at))
    return 0;
  if (at != LULL_NEVER)
    at = at > from ? at - from : 0;
  lua_pushnumber(L, lull_usec_to(at));
  return 1;
}

static int now(lua_State *L)
{
  lua_pushnumber(L, lull_usec_to(lull_engine_now(lull_bind_check_engine(L))));
  return 1;
}

static int wall(lua_State *L)
{
  lua_pushnumber(L, lull_usec_to(lull_engine_wall(lull_bind_check_engine(L))));
  return 1;
}

static int live(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_engine_live(lull_bind_check_engine(L)));
  return 1;
}

/* engine:random() in [0, 1); engine:random(lo, hi), whole, both included. */
static int draw(lua_State *L)
{
  struct lull_rng *rng = lull_engine_rng(lull_bind_check_engine(L));
  if (lua_isnoneornil(L, 2))
    lua_pushnumber(L, (double)(lull_rng_next(rng) >> 11) * 0x1p-53);
  else
    lua_pushnumber(
        L, (lua_Number)lull_rng_range(rng, (lull_usec)luaL_checknumber(L, 2),
                                      (lull_usec)luaL_checknumber(L, 3)));
  return 1;
}

/* engine:uuid() -> one at random (RFC 9562, version 4) */
static int uuid(lua_State *L)
{
  static const char digits[] = "0123456789abcdef";
  struct lull_rng *rng = lull_engine_rng(lull_bind_check_engine(L));
  char d[32];
  int i;
  for (i = 0; i < 32; i++)
    d[i] = digits[lull_rng_range(rng, 0, 15)];
  d[12] = '4';
  d[16] = digits[8 + lull_rng_range(rng, 0, 3)];
  lull_bind_push_uuid(L, d);
  return 1;
}

/* engine:lanes() -> the state of each lane, by its name */
static int lanes(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  const struct lull_lane *lane = NULL;
  lua_newtable(L);
  while ((lane = lull_engine_lane(e, lane)) != NULL) {
    lull_bind_lane(L, lane, lull_engine_now(e));
    lua_setfield(L, -2, lull_lane_name(lane));
  }
  return 1;
}

void lull_bind_engine_type(lua_State *L)
{
  static const luaL_Reg methods[] = {{"start", lull_bind_start},
                                     {"begin", lull_bind_begin},
                                     {"request_of", request_of},
                                     {"sleep", sleep_for},
                                     {"attach", attach},
                                     {"share", share},
                                     {"sync", sync},
                                     {"judge", judge},
                                     {"prepare", prepare},
                                     {"weigh", weigh},
                                     {"arriving", arriving},
                                     {"reply", reply},
                                     {"cancel", cancel},
                                     {"drain", drain},
                                     {"cut", cut},
                                     {"trace", trace},
                                     {"record", record},
                                     {"chaos", chaos},
                                     {"step", step},
                                     {"fd", fd},
                                     {"due", due},
                                     {"now", now},
                                     {"wall", wall},
                                     {"live", live},
                                     {"random", draw},
                                     {"uuid", uuid},
                                     {"lanes", lanes},
                                     {"waits", lull_bind_waits},
                                     {"close", engine_close},
                                     {"__gc", engine_close},
                                     {NULL, NULL}};
  lull_bind_type(L, lull_bind_engine_name, methods);
}
