#include "bind/journal.h"
#include "bind/write.h"
#include "store/lock.h"
#include "store/reader.h"

#include <string.h>

#define ALL 1000000000 /* rows */

static const char journal_name[] = "lull.journal";

/* Rows are gathered in C: an error of Lua's must not leave a statement open.
 */
struct box {
  struct lull_reader *reader;
  struct lull_buf rows;
  int count;
  bool full; /* without memory for more */
};

/* Puts the fields of a row, the numbers first, into the table on top. */
struct columns {
  const char *numbers[2], *texts[2];
  double scale; /* of the second number */
};

static struct box *check_box(lua_State *L)
{
  struct box *box = lull_bind_udata(L, 1, journal_name);
  if (!box->reader)
    luaL_error(L, "the journal is closed");
  return box;
}

static void add(struct box *box, const void *bytes, size_t len)
{
  if (len && lull_buf_add(&box->rows, bytes, len) != LULL_OK)
    box->full = true;
}

static void take(const struct lull_reader_row *row, void *user)
{
  struct box *box = user;
  int i;
  add(box, row->numbers, sizeof row->numbers);
  add(box, row->sizes, sizeof row->sizes);
  for (i = 0; i < 2; i++)
    add(box, row->texts[i], row->sizes[i]);
  box->count++;
}

static const char *push_row(lua_State *L, const char *at,
                            const struct columns *c)
{
  int64_t numbers[2];
  size_t sizes[2];
  int i;
  memcpy(numbers, at, sizeof numbers);
  memcpy(sizes, at + sizeof numbers, sizeof sizes);
  at += sizeof numbers + sizeof sizes;
  lua_createtable(L, 0, 4);
  for (i = 0; i < 2; i++) {
    if (c->numbers[i]) {
      lua_pushnumber(L, (lua_Number)numbers[i] * (i ? c->scale : 1));
      lua_setfield(L, -2, c->numbers[i]);
    }
    if (c->texts[i] && sizes[i]) {
      lua_pushlstring(L, at, sizes[i]);
      lua_setfield(L, -2, c->texts[i]);
    }
    at += sizes[i];
  }
  return at;
}

static int list(lua_State *L, const struct lull_reader_query *q,
                const struct columns *c)
{
  struct box *box = check_box(L);
  const char *wrong, *at;
  int i;
  box->rows.len = 0;
  box->count = 0;
  box->full = false;
  wrong = lull_reader_read(box->reader, q, take, box);
  if (wrong || box->full)
    return lull_bind_problem(L, wrong ? wrong : "out of memory");
  at = box->rows.data;
  lua_createtable(L, box->count, 0);
  for (i = 1; i <= box->count; i++) {
    at = push_row(L, at, c);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

/* ---- methods ----------------------------------------------------------- */

/* journal:batches() -> {number, name, kind}... */
static int batches(lua_State *L)
{
  static const struct columns c = {{"number"}, {"name", "kind"}, 1};
  struct lull_reader_query q = {.what = LULL_READ_BATCHES, .limit = ALL};
  return list(L, &q, &c);
}

static struct lull_reader_query query(lua_State *L, enum lull_reader_what what)
{
  struct lull_reader_query q = {.what = what, .limit = ALL};
  q.batch = (int64_t)luaL_checknumber(L, 2);
  return q;
}

/* journal:counts(batch) -> {state, count}...; state 0 is open, then done,
   failed, later */
static int counts(lua_State *L)
{
  static const struct columns c = {{"state", "count"}, {NULL}, 1};
  struct lull_reader_query q = query(L, LULL_READ_COUNTS);
  return list(L, &q, &c);
}

/* journal:reasons(batch) -> {state, count, reason, why}..., the most frequent
   first */
static int reasons(lua_State *L)
{
  static const struct columns c = {{"state", "count"}, {"reason", "why"}, 1};
  struct lull_reader_query q = query(L, LULL_READ_REASONS);
  return list(L, &q, &c);
}

static void page(lua_State *L, int index, struct lull_reader_query *q)
{
  q->text = luaL_optlstring(L, index, "", &q->len);
  q->limit = (int)luaL_optnumber(L, index + 1, ALL);
}

/* journal:items(batch, state, after, limit) -> {run, due, id, bytes}... in the
   order of their ids */
static int items(lua_State *L)
{
  static const struct columns c = {{"run", "due"}, {"id", "bytes"}, 1e-6};
  struct lull_reader_query q = query(L, LULL_READ_ITEMS);
  q.state = (int)luaL_checknumber(L, 3);
  page(L, 4, &q);
  return list(L, &q, &c);
}

/* journal:open(batch, after, limit) -> {calls, id}...: begun and not ended */
static int begun(lua_State *L)
{
  static const struct columns c = {{"calls"}, {"id"}, 1};
  struct lull_reader_query q = query(L, LULL_READ_OPEN);
  page(L, 3, &q);
  return list(L, &q, &c);
}

/* journal:calls(batch, id) -> {nth, bytes}... */
static int calls(lua_State *L)
{
  static const struct columns c = {{"nth"}, {NULL, "bytes"}, 1};
  struct lull_reader_query q = query(L, LULL_READ_CALLS);
  page(L, 3, &q);
  return list(L, &q, &c);
}

/* journal:runs() -> how often it was opened to be written */
static int runs(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_reader_runs(check_box(L)->reader));
  return 1;
}

static int close_journal(lua_State *L)
{
  struct box *box = lull_bind_udata(L, 1, journal_name);
  if (box->reader)
    lull_reader_close(box->reader);
  box->reader = NULL;
  lull_buf_clear(&box->rows);
  return 0;
}

int lull_bind_journal(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  struct box *box = lua_newuserdata(L, sizeof *box);
  char problem[512];
  memset(box, 0, sizeof *box);
  lull_buf_init(&box->rows, SIZE_MAX / 2);
  luaL_getmetatable(L, journal_name);
  lua_setmetatable(L, -2);
  box->reader = lull_reader_open(path, problem, sizeof problem);
  return box->reader ? 1 : lull_bind_problem(L, problem);
}

int lull_bind_journal_holder(lua_State *L)
{
  long pid = lull_lock_holder(luaL_checkstring(L, 1));
  if (pid == 0)
    return 0;
  lua_pushnumber(L, (lua_Number)pid);
  return 1;
}

void lull_bind_journal_type(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"batches", batches}, {"counts", counts},       {"reasons", reasons},
      {"items", items},     {"open", begun},          {"calls", calls},
      {"runs", runs},       {"close", close_journal}, {"__gc", close_journal},
      {NULL, NULL}};
  lull_bind_type(L, journal_name, methods);
}
