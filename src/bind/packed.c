#include "bind/packed.h"
#include "bind/record.h"
#include "bind/write.h"

#include <string.h>

struct header {
  lull_usec elapsed, waited;
  size_t url, method, headers, records; /* bytes */
  unsigned attempts;
  /* Of the outcome that is asked about. */
  lull_usec wait, left; /* left: LULL_NEVER without a deadline */
  unsigned n;
  bool sent, maybe_applied;
  bool hinted;
};

static char *put(char *to, const void *bytes, size_t len)
{
  if (len)
    memcpy(to, bytes, len);
  return to + len;
}

static void fill(char *to, const struct header *f, const struct lull_call *c,
                 const struct lull_last *last)
{
  to = put(to, f, sizeof *f);
  to = put(to, c->request.url, f->url);
  to = put(to, c->request.method, f->method);
  to = put(to, last->headers, f->headers);
  to = put(to, c->records, f->records);
  if (f->hinted)
    put(to, &c->ended->hint, sizeof c->ended->hint);
}

static void note_outcome(struct header *f, const struct lull_call *c,
                         lull_usec now)
{
  const struct lull_record *r = lull_call_judged(c);
  f->left = LULL_NEVER;
  if (!r || !c->ended)
    return;
  f->n = r->n;
  f->sent = r->sent;
  f->maybe_applied = r->maybe_applied;
  f->hinted = c->ended->hint.source != LULL_HINT_NONE;
  f->wait = c->ended->suggestion.wait;
  if (lull_call_deadline(c) != LULL_NEVER)
    f->left = lull_call_deadline(c) - now;
}

void lull_bind_pack(lua_State *L, const struct lull_call *c, lull_usec now)
{
  struct header f = {.elapsed = now - c->started, .waited = c->waited};
  struct lull_last last;
  char small[1024];
  size_t len;
  lull_call_last(c, &last);
  note_outcome(&f, c, now);
  f.attempts = c->total;
  f.url = strlen(c->request.url) + 1;
  f.method = strlen(c->request.method) + 1;
  f.headers = last.headers_len;
  f.records = c->record_count * sizeof *c->records;
  len = sizeof f + f.url + f.method + f.headers + f.records +
        f.hinted * sizeof(struct lull_hint);
  if (len <= sizeof small) {
    fill(small, &f, c, &last);
    lua_pushlstring(L, small, len);
  } else {
    /* A userdata, so that no error of Lua's leaves it behind. */
    char *large = lua_newuserdata(L, len);
    fill(large, &f, c, &last);
    lua_pushlstring(L, large, len);
    lua_remove(L, -2);
  }
}

static int push_history(lua_State *L, const char *packed, size_t len)
{
  size_t i, n = len / sizeof(struct lull_record);
  lua_newtable(L);
  for (i = 0; i < n; i++) {
    struct lull_record r;
    memcpy(&r, packed + i * sizeof r, sizeof r);
    lua_newtable(L);
    lull_bind_record(L, &r);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static int push_hint(lua_State *L, bool hinted, const char *packed)
{
  struct lull_hint h;
  if (!hinted)
    return 0;
  memcpy(&h, packed, sizeof h);
  lua_newtable(L);
  lull_bind_set_number(L, "seconds", lull_usec_to(h.wait));
  lull_bind_set_string(L, "source", lull_hint_source_name(h.source));
  lull_bind_set_string(L, "raw", h.raw);
  if (h.unanchored)
    lull_bind_set_flag(L, "unanchored", true);
  return 1;
}

static int push_seconds(lua_State *L, lull_usec time)
{
  if (time == LULL_NEVER)
    return 0;
  lua_pushnumber(L, lull_usec_to(time));
  return 1;
}

static int push_count(lua_State *L, unsigned count)
{
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

static int push_flag(lua_State *L, bool flag)
{
  lua_pushboolean(L, flag);
  return 1;
}

static int push_text(lua_State *L, const char *text, size_t len)
{
  lua_pushlstring(L, text, len);
  return 1;
}

enum part {
  URL,
  METHOD,
  HEADERS,
  HISTORY,
  ATTEMPTS,
  ELAPSED,
  WAITED,
  NUMBER,
  SENT,
  MAYBE_APPLIED,
  HINT,
  WAIT,
  LEFT
};

static int push_part(lua_State *L, enum part which, const char *packed)
{
  struct header f;
  const char *url = packed + sizeof f, *method, *headers;
  memcpy(&f, packed, sizeof f);
  method = url + f.url;
  headers = method + f.method;
  switch (which) {
  case URL:
    return push_text(L, url, f.url - 1);
  case METHOD:
    return push_text(L, method, f.method - 1);
  case HEADERS:
    return push_text(L, headers, f.headers);
  case HISTORY:
    return push_history(L, headers + f.headers, f.records);
  case ATTEMPTS:
    return push_count(L, f.attempts);
  case ELAPSED:
    return push_seconds(L, f.elapsed);
  case WAITED:
    return push_seconds(L, f.waited);
  case NUMBER:
    return push_count(L, f.n);
  case SENT:
    return push_flag(L, f.sent);
  case MAYBE_APPLIED:
    return push_flag(L, f.maybe_applied);
  case HINT:
    return push_hint(L, f.hinted, headers + f.headers + f.records);
  case WAIT:
    return push_seconds(L, f.wait);
  case LEFT:
    return push_seconds(L, f.left);
  }
  return 0;
}

int lull_bind_unpack(lua_State *L)
{
  static const char *const names[] = {
      "url",     "method", "headers", "history", "attempts",
      "elapsed", "waited", "n",       "sent",    "maybe_applied",
      "hint",    "wait",   "left",    NULL};
  size_t len;
  const char *packed = luaL_checklstring(L, 1, &len);
  const char *name = luaL_checkstring(L, 2);
  int i = 0;
  while (names[i] && strcmp(names[i], name) != 0)
    i++;
  if (!names[i] || len < sizeof(struct header))
    return 0;
  return push_part(L, (enum part)i, packed);
}

/* ---- what a journal keeps of a response -------------------------------- */

/* The digits of a number before `end`; where they begin. */
static char *digits_of(uint64_t n, char *end)
{
  do
    *--end = (char)('0' + n % 10);
  while (n /= 10);
  return end;
}

/* `name` is a field's, with its length before it; its value follows, too. */
static void add_field(luaL_Buffer *b, const char *name, const char *value,
                      size_t len)
{
  char digits[24], *end = digits + sizeof digits, *from = end;
  *--from = ':';
  from = digits_of(len, from);
  luaL_addstring(b, name);
  luaL_addlstring(b, from, (size_t)(end - from));
  luaL_addlstring(b, value, len);
}

static void add_number(luaL_Buffer *b, const char *name, uint64_t n)
{
  char digits[24], *end = digits + sizeof digits, *from = digits_of(n, end);
  add_field(b, name, from, (size_t)(end - from));
}

static void add_seconds(luaL_Buffer *b, const char *name, lull_usec time)
{
  uint64_t us = time > 0 ? (uint64_t)time : 0;
  char digits[32], *end = digits + sizeof digits;
  /* A one before the six digits keeps their zeros, and gives way. */
  char *from = digits_of(1000000 + us % 1000000, end);
  *from = '.';
  from = digits_of(us / 1000000, from);
  add_field(b, name, from, (size_t)(end - from));
}

int lull_bind_kept(lua_State *L)
{
  size_t body_len, len;
  lua_Integer status = luaL_checkinteger(L, 1);
  const char *body = luaL_optlstring(L, 2, NULL, &body_len);
  const char *packed = luaL_checklstring(L, 3, &len);
  const char *method, *headers;
  struct header f;
  luaL_Buffer b;
  luaL_argcheck(L, len >= sizeof f, 3, "not packed");
  memcpy(&f, packed, sizeof f);
  method = packed + sizeof f + f.url;
  headers = method + f.method;
  luaL_buffinit(L, &b);
  add_number(&b, "6:status", (uint64_t)status);
  if (body)
    add_field(&b, "4:body", body, body_len);
  add_field(&b, "7:headers", headers, f.headers);
  add_number(&b, "8:attempts", f.attempts);
  add_seconds(&b, "7:elapsed", f.elapsed);
  add_seconds(&b, "6:waited", f.waited);
  add_field(&b, "6:method", method, f.method - 1);
  luaL_pushresult(&b);
  return 1;
}
