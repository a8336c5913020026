/*
 * bind_packed: what is seldom asked of a call, as one string of Lua's, and
 * its parts when they are asked for.
 *
 * The string is a struct front and, behind it, the URL and the method, each
 * with its NUL, the headers of the last answer and the records. It never
 * leaves the process.
 */
#include "bind.h"

#include <string.h>

struct front {
  lull_usec elapsed, waited;
  size_t url, method, headers, records; /* bytes */
  unsigned attempts;
};

static char *put(char *to, const void *bytes, size_t len)
{
  if (len)
    memcpy(to, bytes, len);
  return to + len;
}

static void fill(char *to, const struct front *f, const struct lull_call *c,
                 const struct lull_last *last)
{
  to = put(to, f, sizeof *f);
  to = put(to, c->request.url, f->url);
  to = put(to, c->request.method, f->method);
  to = put(to, last->headers, f->headers);
  put(to, c->records, f->records);
}

void lull_bind_pack(lua_State *L, const struct lull_call *c, lull_usec now)
{
  struct front f = {.elapsed = now - c->started, .waited = c->waited};
  struct lull_last last;
  char small[1024];
  size_t len;
  lull_call_last(c, &last);
  f.attempts = c->total;
  f.url = strlen(c->request.url) + 1;
  f.method = strlen(c->request.method) + 1;
  f.headers = last.headers_len;
  f.records = c->record_count * sizeof *c->records;
  len = sizeof f + f.url + f.method + f.headers + f.records;
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

static int push_number(lua_State *L, double value)
{
  lua_pushnumber(L, value);
  return 1;
}

static int push_text(lua_State *L, const char *text, size_t len)
{
  lua_pushlstring(L, text, len);
  return 1;
}

static int push_part(lua_State *L, int which, const char *packed)
{
  struct front f;
  const char *url = packed + sizeof f;
  memcpy(&f, packed, sizeof f);
  switch (which) {
  case 0:
    return push_text(L, url, f.url - 1);
  case 1:
    return push_text(L, url + f.url, f.method - 1);
  case 2:
    return push_text(L, url + f.url + f.method, f.headers);
  case 3:
    return push_history(L, url + f.url + f.method + f.headers, f.records);
  case 4:
    lua_pushinteger(L, f.attempts);
    return 1;
  case 5:
    return push_number(L, lull_usec_to(f.elapsed));
  default:
    return push_number(L, lull_usec_to(f.waited));
  }
}

int lull_bind_unpack(lua_State *L)
{
  static const char *const names[] = {"url",     "method",   "headers",
                                      "history", "attempts", "elapsed",
                                      "waited",  NULL};
  size_t len;
  const char *packed = luaL_checklstring(L, 1, &len);
  const char *name = luaL_checkstring(L, 2);
  int i = 0;
  while (names[i] && strcmp(names[i], name) != 0)
    i++;
  if (!names[i] || len < sizeof(struct front))
    return 0;
  return push_part(L, i, packed);
}
