#include "bind/store.h"
#include "base/sip.h"
#include "bind/read.h"
#include "bind/redis.h"
#include "bind/write.h"
#include "store/file.h"
#include "store/memory.h"

#include <stdio.h>
#include <string.h>

const char lull_bind_store_name[] = "lull.store";
static const char memory_name[] = "lull.memory";

static const char *const states[] = {"open", "done", "failed", "later", NULL};

struct lull_store *lull_bind_store_at(lua_State *L, int index)
{
  struct lull_store **box = lull_bind_udata(L, index, lull_bind_store_name);
  if (!*box)
    luaL_error(L, "the journal is closed");
  return *box;
}

/* ---- opening ----------------------------------------------------------- */

int lull_bind_memory_store(lua_State *L)
{
  struct lull_memory **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, memory_name);
  lua_setmetatable(L, -2);
  *box = lull_memory_new();
  return *box ? 1 : lull_bind_raise(L, LULL_ENOMEM);
}

static struct lull_store *open_store(lua_State *L, const uint64_t secret[4],
                                     bool *passing, char *problem, size_t size)
{
  struct lull_file_options options = {.secret = secret};
  struct lull_store *s;
  if (lua_type(L, 2) == LUA_TTABLE)
    return lull_bind_redis_open(L, 2, secret, passing, problem, size);
  if (lua_type(L, 2) == LUA_TSTRING) {
    options.relaxed = lua_toboolean(L, 3);
    return lull_file_open(lua_tostring(L, 2), &options, problem, size);
  }
  s = lull_memory_open(
      *(struct lull_memory **)lull_bind_udata(L, 2, memory_name), secret);
  if (!s)
    snprintf(problem, size, "another run is at work on it");
  return s;
}

int lull_bind_store(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  struct lull_rng *rng = lull_engine_rng(e);
  uint64_t draws[4] = {lull_rng_next(rng), lull_rng_next(rng)};
  struct lull_store **box = lua_newuserdata(L, sizeof *box);
  char problem[512] = "";
  bool passing = false;
  if (lua_type(L, 2) == LUA_TTABLE) {
    draws[2] = lull_rng_next(rng);
    draws[3] = lull_rng_next(rng);
  }
  *box = NULL;
  luaL_getmetatable(L, lull_bind_store_name);
  lua_setmetatable(L, -2);
  *box = open_store(L, draws, &passing, problem, sizeof problem);
  if (*box)
    return 1;
  lull_bind_problem(L, problem);
  lua_pushboolean(L, passing);
  return 3;
}

static int close_store(lua_State *L)
{
  struct lull_store **box = lull_bind_udata(L, 1, lull_bind_store_name);
  struct lull_store *s = *box;
  *box = NULL;
  if (s)
    s->ops->close(s);
  return 0;
}

/* ---- reading ----------------------------------------------------------- */

/* store:batch(name, kind) -> number; or nil and a sentence, or "kind" */
static int batch(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  int64_t number;
  enum lull_err err = s->ops->batch(s, luaL_checkstring(L, 2),
                                    luaL_checkstring(L, 3), &number);
  if (err)
    return lull_bind_problem(L, err == LULL_ECHANGED ? "kind" : s->problem);
  lua_pushnumber(L, (lua_Number)number);
  return 1;
}

static struct lull_store_key check_key(lua_State *L)
{
  struct lull_store_key key = {.batch = (int64_t)luaL_checknumber(L, 2)};
  key.item = luaL_checklstring(L, 3, &key.len);
  return key;
}

/* store:claim(batch, item) -> state, run, due, bytes; or nil and a sentence */
static int claim(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  struct lull_store_key key = check_key(L);
  struct lull_store_item item;
  if (s->ops->claim(s, &key, &item) != LULL_OK)
    return lull_bind_problem(L, s->problem);
  lua_pushstring(L, item.state <= LULL_STORE_LATER ? states[item.state]
                                                   : states[0]);
  lua_pushnumber(L, (lua_Number)item.run);
  lua_pushnumber(L, lull_usec_to(item.due));
  lua_pushlstring(L, item.bytes ? item.bytes : "", item.len);
  return 4;
}

/* store:call(batch, item, nth) -> bytes, or nil when nothing is kept; or nil
   and a sentence */
static int call(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  struct lull_store_key key = check_key(L);
  const char *bytes;
  size_t len;
  key.nth = (int)luaL_checknumber(L, 4);
  if (s->ops->call(s, &key, &bytes, &len) != LULL_OK)
    return lull_bind_problem(L, s->problem);
  if (!bytes)
    return 0;
  lua_pushlstring(L, bytes, len);
  return 1;
}

/* ---- writing ----------------------------------------------------------- */

static int written(lua_State *L, struct lull_store *s)
{
  lua_pushnumber(L, (lua_Number)s->written);
  return 1;
}

/* store:relax() -> nil, or a sentence */
static int relax(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  if (!s->ops->relax || s->ops->relax(s) == LULL_OK)
    return 0;
  lua_pushstring(L, s->problem);
  return 1;
}

/* store:put(batch, item, nth, bytes) -> the number of the write */
static int put(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  struct lull_store_write w = {.kind = LULL_STORE_CALL, .key = check_key(L)};
  const char *bytes = luaL_checklstring(L, 5, &w.size);
  w.key.nth = (int)luaL_checknumber(L, 4);
  lull_store_write(s, &w, bytes);
  return written(L, s);
}

/* store:settle(batch, item, state, due, bytes) -> the number of the write */
static int settle(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  struct lull_store_write w = {.kind = LULL_STORE_SETTLE, .key = check_key(L)};
  const char *bytes = luaL_checklstring(L, 6, &w.size);
  w.state = (enum lull_store_state)luaL_checkoption(L, 4, NULL, states);
  w.due = lull_usec_from(luaL_checknumber(L, 5));
  if (w.state == LULL_STORE_LATER)
    w.kind = LULL_STORE_DEFER;
  lull_store_write(s, &w, bytes);
  return written(L, s);
}

/* store:reopen(batch, item) -> the number of the write */
static int reopen(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  struct lull_store_write w = {.kind = LULL_STORE_REOPEN, .key = check_key(L)};
  lull_store_write(s, &w, "");
  return written(L, s);
}

/* store:chaos(engine, share): the process ends at that share of the writes */
static int chaos(lua_State *L)
{
  struct lull_engine *e = lull_bind_engine_at(L, 2);
  lull_store_chaos(lull_bind_store_at(L, 1), luaL_checknumber(L, 3),
                   lull_rng_next(lull_engine_rng(e)));
  return 0;
}

/* store:durable(number) -> all up to that write is kept for good */
static int durable(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  lua_pushboolean(L, lull_store_durable(s, (uint64_t)luaL_checknumber(L, 2)));
  return 1;
}

/* 32 hexadecimal digits of a text, by the journal's secret. */
static void put_digits(char digits[32], uint64_t high, uint64_t low)
{
  int i;
  for (i = 0; i < 16; i++, high <<= 4, low <<= 4) {
    digits[i] = "0123456789abcdef"[high >> 60];
    digits[i + 16] = "0123456789abcdef"[low >> 60];
  }
}

static void hash_text(lua_State *L, char digits[32])
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  uint64_t other[2] = {~s->secret[1], s->secret[0]};
  size_t len;
  const char *text = luaL_checklstring(L, 2, &len);
  put_digits(digits, lull_sip(s->secret, text, len),
             lull_sip(other, text, len));
}

/* store:hash(text) -> 32 hexadecimal digits, by the journal's secret */
static int hash(lua_State *L)
{
  char digits[32];
  hash_text(L, digits);
  lua_pushlstring(L, digits, 32);
  return 1;
}

/* store:uuid(text) -> the same in the form of a random UUID */
static int uuid(lua_State *L)
{
  char d[32];
  hash_text(L, d);
  d[12] = '4';
  d[16] = '8';
  lull_bind_push_uuid(L, d);
  return 1;
}

/* store:run() -> how often the journal has been opened */
static int run(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_bind_store_at(L, 1)->run);
  return 1;
}

/* ---- a shared store ---------------------------------------------------- */

/* store:order(letter, batch, item, bytes, number, more) -> the number of the
   write */
static int order(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  struct lull_store_write w = {.kind = LULL_STORE_ORDER};
  const char *bytes = luaL_optlstring(L, 5, "", &w.size);
  w.order = luaL_checkstring(L, 2)[0];
  w.key.batch = (int64_t)luaL_checknumber(L, 3);
  w.key.item = luaL_optlstring(L, 4, "", &w.key.len);
  w.key.nth = (int)luaL_optnumber(L, 6, 0);
  w.due = (lull_usec)luaL_optnumber(L, 7, 0);
  lull_store_write(s, &w, bytes);
  lua_pushnumber(L, (lua_Number)s->written);
  return 1;
}

/* store:news() -> texts; nothing when there is none */
static int news(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  const struct lull_store_text *texts;
  size_t count = s->ops->news ? s->ops->news(s, &texts) : 0, i;
  luaL_checkstack(L, (int)count, "news of a store");
  for (i = 0; i < count; i++)
    lua_pushlstring(L, texts[i].bytes, texts[i].len);
  return (int)count;
}

/* store:away() -> why the server is not there now, or nil; and the number of
   the question that it has not answered yet, 0 for none */
static int away(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  const char *why = s->ops->away ? s->ops->away(s) : "";
  lua_pushstring(L, why[0] ? why : NULL);
  lua_pushnumber(L, (lua_Number)s->asking);
  return 2;
}

/* store:passing() -> what is wrong may pass: another run may do */
static int passing(lua_State *L)
{
  lua_pushboolean(L, lull_bind_store_at(L, 1)->passing);
  return 1;
}

/* store:settled(seconds) -> all that was written is kept, which is waited for
   so long; or nil and a sentence, and whether that may pass */
static int settled(lua_State *L)
{
  struct lull_store *s = lull_bind_store_at(L, 1);
  bool well = lull_store_wait(s, luaL_checknumber(L, 2));
  lua_pushboolean(L, well);
  if (well)
    return 1;
  lull_bind_problem(L, s->problem[0] ? s->problem : s->ops->away(s));
  lua_pushboolean(L, s->passing || !s->problem[0]);
  return 3;
}

/* ---- the memory -------------------------------------------------------- */

static struct lull_memory *check_memory(lua_State *L)
{
  return *(struct lull_memory **)lull_bind_udata(L, 1, memory_name);
}

/* memory:crash(nth, keep): see lull_memory_crash */
static int crash(lua_State *L)
{
  lull_memory_crash(check_memory(L), (uint64_t)luaL_checknumber(L, 2),
                    lua_toboolean(L, 3));
  return 0;
}

/* memory:writes() -> of all openings that are closed */
static int writes(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_memory_writes(check_memory(L)));
  return 1;
}

static int free_memory(lua_State *L)
{
  struct lull_memory **box = lull_bind_udata(L, 1, memory_name);
  lull_memory_free(*box);
  *box = NULL;
  return 0;
}

void lull_bind_store_type(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"batch", batch},      {"claim", claim},   {"call", call},
      {"put", put},          {"settle", settle}, {"durable", durable},
      {"reopen", reopen},    {"chaos", chaos},   {"hash", hash},
      {"uuid", uuid},        {"run", run},       {"order", order},
      {"news", news},        {"away", away},     {"passing", passing},
      {"settled", settled},  {"relax", relax},   {"close", close_store},
      {"__gc", close_store}, {NULL, NULL}};
  static const luaL_Reg memory[] = {{"crash", crash},
                                    {"writes", writes},
                                    {"__gc", free_memory},
                                    {NULL, NULL}};
  lull_bind_type(L, lull_bind_store_name, methods);
  lull_bind_type(L, memory_name, memory);
}
