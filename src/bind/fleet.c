#include "bind/fleet.h"
#include "bind/client.h"
#include "bind/read.h"
#include "bind/write.h"
#include "fleet/fleet.h"

#define TYPE "lull.fleet"

static const char *const draw_kinds[] = {"uniform", "normal", "tail", NULL};
static const char *const outages[] = {"refuse", "hold", "status", NULL};

static unsigned read_whole(lua_State *L, int index, const char *name,
                           unsigned fallback)
{
  return (unsigned)lull_bind_number(L, index, name, fallback);
}

static void read_tail(lua_State *L, struct lull_fleet_draw *draw)
{
  int at = lua_gettop(L);
  struct lull_fleet_tail *tail = &draw->tails[draw->tail_count++];
  tail->share = lull_bind_number(L, at, "share", 0);
  tail->exponent = lull_bind_number(L, at, "exponent", 1);
  tail->at = lull_bind_time(L, at, "at", 0);
}

static void read_tails(lua_State *L, int index, struct lull_fleet_draw *draw)
{
  lua_getfield(L, index, "tails");
  int n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (int i = 1; i <= n && i <= LULL_FLEET_TAILS; i++) {
    lua_rawgeti(L, -1, i);
    read_tail(L, draw);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* A table {kind, a, b, tails}; absent: always nothing. */
static void read_draw(lua_State *L, int index, const char *name,
                      struct lull_fleet_draw *draw)
{
  lua_getfield(L, index, name);
  if (lua_istable(L, -1)) {
    int at = lua_gettop(L);
    draw->kind = (enum lull_fleet_draw_kind)lull_bind_choice(L, at, "kind",
                                                             draw_kinds, 0);
    draw->a = lull_bind_time(L, at, "a", 0);
    draw->b = lull_bind_time(L, at, "b", 0);
    read_tails(L, at, draw);
  }
  lua_pop(L, 1);
}

static void read_rate(lua_State *L, int index, const char *name,
                      struct lull_rate *rate)
{
  lua_getfield(L, index, name);
  if (lua_istable(L, -1)) {
    int at = lua_gettop(L);
    rate->count = read_whole(L, at, "count", 0);
    rate->window = lull_bind_time(L, at, "window", 0);
  }
  lua_pop(L, 1);
}

static void read_server(lua_State *L, int index,
                        struct lull_fleet_server_conf *s)
{
  s->capacity = lull_bind_number(L, index, "capacity", 0);
  read_draw(L, index, "service", &s->service);
  s->bounded = lull_bind_flag(L, index, "queue");
  s->queue = read_whole(L, index, "queue", 0);
  read_rate(L, index, "limit", &s->limit);
  read_rate(L, index, "limit_each", &s->limit_each);
  s->fail = lull_bind_number(L, index, "fail", 0);
  s->fail_status = (int)lull_bind_number(L, index, "fail_status", 503);
  s->outage =
      (enum lull_fleet_outage)lull_bind_choice(L, index, "outage", outages, 0);
  s->outage_from = lull_bind_time(L, index, "outage_from", 0);
  s->outage_to = lull_bind_time(L, index, "outage_to", 0);
  s->retry_after = lull_bind_time(L, index, "retry_after", 0);
  s->retry_after_window = lull_bind_flag(L, index, "retry_after_window");
  s->conflicts = lull_bind_flag(L, index, "conflicts");
}

/* The method is copied into `method`, since the configuration borrows it. */
static void read_conf(lua_State *L, int index, struct lull_fleet_conf *c,
                      char method[16])
{
  size_t len;
  const char *name = lull_bind_string(L, index, "method", &len);
  for (size_t i = 0; name && i < len && i < 15; i++)
    method[i] = name[i];
  c->method = method;
  c->keyed = lull_bind_flag(L, index, "keyed");
  c->seed = (uint64_t)lull_bind_number(L, index, "seed", 0);
  c->clients = read_whole(L, index, "clients", 1);
  c->calls = read_whole(L, index, "calls", 1);
  c->fanout = read_whole(L, index, "fanout", 1);
  c->think = lull_bind_time(L, index, "think", 0);
  c->spread = lull_bind_time(L, index, "spread", 0);
  c->rate = lull_bind_number(L, index, "rate", 0);
  c->poisson = lull_bind_flag(L, index, "poisson");
  c->lasting = lull_bind_time(L, index, "lasting", LULL_NEVER);
  read_draw(L, index, "hop", &c->hop);
  read_server(L, index, &c->server);
}

/* ---- figures ----------------------------------------------------------- */

static void set_number(lua_State *L, const char *name, double value)
{
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

static void set_quantile(lua_State *L, const char *name,
                         struct lull_fleet_stats *s, double q)
{
  if (s->latencies)
    set_number(L, name, lull_usec_to(lull_fleet_stats_quantile(s, q)));
}

static void set_recovery(lua_State *L, const struct lull_fleet_stats *s,
                         const struct lull_fleet_conf *c)
{
  lull_usec at = s->recovered_at;
  if (c->server.outage_to <= c->server.outage_from)
    return;
  if (c->rate > 0)
    at = lull_fleet_stats_recovery(s, c->rate, c->lasting);
  else if (at < s->outage_end)
    at = s->outage_end;
  set_number(L, "recover",
             lull_usec_to(at == LULL_NEVER ? at : at - s->outage_end));
}

static void set_buckets(lua_State *L, const struct lull_fleet_stats *s)
{
  set_number(L, "bucket", lull_usec_to(s->bucket));
  lua_newtable(L);
  lua_newtable(L);
  for (unsigned i = 0; i < s->bucket_count; i++) {
    lua_pushnumber(L, s->buckets[i].offered);
    lua_rawseti(L, -3, (int)i + 1);
    lua_pushnumber(L, s->buckets[i].good);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -3, "good");
  lua_setfield(L, -2, "offered");
}

static void set_reasons(lua_State *L, const struct lull_fleet_stats *s)
{
  lua_newtable(L);
  for (unsigned i = 1; i < LULL_WHYS; i++)
    if (s->given_up_by[i])
      set_number(L, lull_why_name((enum lull_why)i),
                 (double)s->given_up_by[i]);
  lua_setfield(L, -2, "why");
}

static void push_figures(lua_State *L, struct lull_fleet_stats *s,
                         const struct lull_fleet_conf *c)
{
  lua_newtable(L);
  set_number(L, "calls", (double)s->begun);
  set_number(L, "completed", (double)s->completed);
  set_number(L, "given_up", (double)s->given_up);
  set_number(L, "least", (double)s->least);
  set_number(L, "requests", (double)s->requests);
  set_number(L, "done", lull_usec_to(s->done_at));
  set_number(L, "burst", (double)s->burst);
  set_number(L, "client_bytes", (double)lull_fleet_bytes());
  set_quantile(L, "p50", s, 0.5);
  set_quantile(L, "p95", s, 0.95);
  set_quantile(L, "p99", s, 0.99);
  set_quantile(L, "p999", s, 0.999);
  set_recovery(L, s, c);
  set_reasons(L, s);
  set_buckets(L, s);
}

static int collect(lua_State *L)
{
  lull_fleet_stats_clear(luaL_checkudata(L, 1, TYPE));
  return 0;
}

/* core.fleet(client, options) -> figures */
int lull_bind_fleet(lua_State *L)
{
  struct lull_client *policy = lull_bind_check_client(L, 1);
  struct lull_fleet_conf conf = {0};
  struct lull_fleet_stats *stats;
  char method[16] = "";
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  read_conf(L, 2, &conf, method);
  stats = lua_newuserdata(L, sizeof *stats);
  stats->buckets = NULL;
  stats->moments = NULL;
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  enum lull_err err = lull_fleet_run(&conf, policy, stats);
  if (err)
    return lull_bind_raise(L, err);
  push_figures(L, stats, &conf);
  return 1;
}

void lull_bind_fleet_type(lua_State *L)
{
  static const luaL_Reg methods[] = {{"__gc", collect}, {NULL, NULL}};
  lull_bind_type(L, TYPE, methods);
}
