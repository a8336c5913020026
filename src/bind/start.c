#include "bind/start.h"
#include "base/idtable.h"
#include "bind/client.h"
#include "bind/read.h"
#include "bind/write.h"

#include <string.h>
#include <strings.h>

/* The texts of what a call is: they are the table's, and stay as long. */
struct spec {
  const char *method, *url, *file, *output, *sha256, *lane;
  const char *headers, *secrets, *body, *item, *tag, *memo;
  size_t headers_len, secrets_len, body_len, item_len, tag_len, memo_len;
};

/* Raises for what is of the wrong type, before anything is allocated. */
static void read_spec(lua_State *L, struct spec *s)
{
  luaL_checktype(L, 3, LUA_TTABLE);
  s->method = lull_bind_string(L, 3, "method", NULL);
  s->url = lull_bind_string(L, 3, "url", NULL);
  s->file = lull_bind_string(L, 3, "file", NULL);
  s->output = lull_bind_string(L, 3, "output", NULL);
  s->sha256 = s->output ? lull_bind_string(L, 3, "sha256", NULL) : NULL;
  s->lane = lull_bind_string(L, 3, "lane", NULL);
  s->headers = lull_bind_string(L, 3, "headers", &s->headers_len);
  s->secrets = lull_bind_string(L, 3, "secrets", &s->secrets_len);
  s->body = lull_bind_string(L, 3, "body", &s->body_len);
  s->item = lull_bind_string(L, 3, "item", &s->item_len);
  if (s->item) { /* else they mean nothing */
    s->tag = lull_bind_string(L, 3, "tag", &s->tag_len);
    s->memo = lull_bind_string(L, 3, "memo", &s->memo_len);
  }
  if (!s->method || !s->url)
    luaL_error(L, "a call has a method and a url");
}

static enum lull_err fill_headers(struct lull_headers *headers,
                                  const char *raw, size_t len)
{
  return raw ? lull_headers_add_raw(headers, LULL_REQUEST_HEADERS_MAX, raw,
                                    len)
             : LULL_OK;
}

static enum lull_err fill_body(struct lull_body **body, const char *text,
                               size_t len, const char *path)
{
  if (text)
    return lull_body_bytes(body, text, len);
  return path ? lull_body_file(body, path) : LULL_OK;
}

enum lull_err lull_bind_body(lua_State *L, int index, struct lull_body **body)
{
  size_t len;
  const char *path = lull_bind_string(L, index, "file", NULL);
  const char *text = lull_bind_string(L, index, "body", &len);
  return fill_body(body, text, len, path);
}

/* Without a file that can be written to nothing is sent: then *problem says
   why. */
static enum lull_err fill_output(lua_State *L, const struct spec *s,
                                 struct lull_request *r, char **problem)
{
  enum lull_err err =
      s->output ? lull_output_new(&r->output, s->output, problem) : LULL_OK;
  if (err || !s->output)
    return err;
  r->output->onto = lull_bind_flag(L, 3, "onto");
  if (s->sha256)
    lull_output_expect(r->output, s->sha256);
  return LULL_OK;
}

static enum lull_err fill_request(lua_State *L, const struct spec *s,
                                  struct lull_request *r, char **problem)
{
  enum lull_err err;
  lull_request_init(r);
  err = lull_request_method(r, s->method);
  r->url = lull_mem_copy(s->url, strlen(s->url));
  if (!r->url)
    err = LULL_ENOMEM;
  if (!err)
    err = fill_headers(&r->headers, s->headers, s->headers_len);
  if (!err)
    err = fill_headers(&r->secrets, s->secrets, s->secrets_len);
  if (!err)
    err = fill_body(&r->body, s->body, s->body_len, s->file);
  if (!err)
    err = fill_output(L, s, r, problem);
  return err;
}

static int push_id(lua_State *L, enum lull_err err, lull_id id)
{
  if (!err) {
    lull_bind_push_id(L, id);
    return 1;
  }
  return lull_bind_problem(L, lull_err_text(err));
}

/* How it is remembered: {item, batch, nth, tag, memo}; false: not. */
static bool read_memo(lua_State *L, const struct spec *s,
                      struct lull_call_memo *memo)
{
  if (!s->item)
    return false;
  memo->key.item = s->item;
  memo->key.len = s->item_len;
  memo->key.batch = (int64_t)lull_bind_number(L, 3, "batch", 0);
  memo->key.nth = (int)lull_bind_number(L, 3, "nth", 1);
  memo->tag = s->tag;
  memo->tag_len = s->tag_len;
  memo->bytes = s->memo;
  memo->len = s->memo_len;
  return memo->tag != NULL;
}

/* Room for what a call weighs. */
union weights {
  struct lull_weights all;
  char bytes[sizeof(struct lull_weights) +
             LULL_LANE_RATES * sizeof(struct lull_weight)];
};

/* weights: by the names of the client's rates. */
static void read_weights(lua_State *L, const struct lull_client *c,
                         union weights *w)
{
  w->all.count = 0;
  lua_getfield(L, 3, "weights");
  if (lua_istable(L, -1)) {
    unsigned i;
    for (i = 0; i < c->lane.route_count; i++) {
      const char *name = c->lane.routes[i].name;
      double weight = name ? lull_bind_number(L, lua_gettop(L), name, 0) : 0;
      if (weight >= 1 && weight <= UINT32_MAX)
        w->all.list[w->all.count++] =
            (struct lull_weight){name, (unsigned)weight, 0};
    }
  }
  lua_pop(L, 1);
}

/* engine:start(client, {method, url, headers, secrets, body | file, output,
   sha256, onto, lane, weights, keyed, unsafe, ask_always,
   prepare, renews, limits; and how it is
   remembered}) -> id, or nil, a text, and what is wrong with the output */
int lull_bind_start(lua_State *L)
{
  struct lull_engine *e = lull_bind_check_engine(L);
  struct lull_client *c = lull_bind_check_client(L, 2);
  struct lull_call_options options = {0};
  struct lull_limits limits = c->policy.limits;
  struct lull_call_memo memo = {0};
  struct lull_request request;
  struct spec spec = {0};
  union weights weights;
  char *problem = NULL;
  enum lull_err err;
  lull_id id = 0;
  read_spec(L, &spec);
  read_weights(L, c, &weights);
  if (weights.all.count)
    options.weights = &weights.all;
  options.keyed = lull_bind_flag(L, 3, "keyed");
  options.unsafe = lull_bind_flag(L, 3, "unsafe");
  options.ask_always = lull_bind_flag(L, 3, "ask_always");
  options.prepares = lull_bind_flag(L, 3, "prepare");
  options.renews = lull_bind_flag(L, 3, "renews");
  options.lane = spec.lane;
  if (read_memo(L, &spec, &memo))
    options.memo = &memo;
  if (lull_bind_flag(L, 3, "limits")) {
    lull_bind_limits(L, 3, &limits);
    options.limits = &limits;
  }
  err = fill_request(L, &spec, &request, &problem);
  if (!err)
    err = lull_engine_start(e, c, &request, &options, &id);
  lull_request_clear(&request);
  if (!problem)
    return push_id(L, err, id);
  push_id(L, err, id);
  lua_pushstring(L, problem);
  lull_mem_free(problem);
  return 3;
}

/* What most targets are: a whole URL, or a path below the client's base.
   NULL for others, and when there is no memory. */
static char *plain_url(const struct lull_client *c, const char *target,
                       size_t len)
{
  size_t prefix = c->base ? strlen(c->base) : 0;
  char *url;
  if (memchr(target, 0, len))
    return NULL;
  if (strncasecmp(target, "http://", 7) == 0 ||
      strncasecmp(target, "https://", 8) == 0) {
    if (memchr(target, '@', len)) /* what may be a password is to be learned */
      return NULL;
    prefix = 0;
  } else if (!prefix || target[0] != '/' || !target[1] || target[1] == '/')
    return NULL;
  url = lull_mem_alloc(prefix + len + 1);
  if (!url)
    return NULL;
  if (prefix)
    memcpy(url, c->base, prefix);
  memcpy(url + prefix, target, len + 1);
  return url;
}

/* True when the code that calls runs in that coroutine, and may wait there.
   Before 5.3 Lua does not tell: the scheduler has to look. */
static bool may_wait(lua_State *L, int task)
{
#if LUA_VERSION_NUM >= 503
  return lua_tothread(L, task) == L && lua_isyieldable(L);
#else
  (void)L, (void)task;
  return true;
#endif
}

/* Client, method and target stand from index `at` on; 0: it is not plain, or
   cannot be started. */
static lull_id start_plain(lua_State *L, struct lull_engine *e, int at)
{
  static const struct lull_call_options none;
  struct lull_client *c = lull_bind_check_client(L, at);
  const char *method = luaL_checkstring(L, at + 1), *target;
  struct lull_request request;
  enum lull_err err = LULL_EINVAL;
  lull_id id = 0;
  size_t len;
  target = luaL_checklstring(L, at + 2, &len);
  lull_request_init(&request);
  request.url = plain_url(c, target, len);
  if (request.url)
    err = lull_request_method(&request, method);
  if (!err)
    err = lull_engine_start(e, c, &request, &none, &id);
  lull_request_clear(&request);
  return err ? 0 : id;
}

/* engine:begin(client, method, target) -> the id of a plain call; nothing when
   it is none, or cannot be started */
int lull_bind_begin(lua_State *L)
{
  lull_id id = start_plain(L, lull_bind_check_engine(L), 2);
  if (!id)
    return 0;
  lull_bind_push_id(L, id);
  return 1;
}

/* core.fetch(client, method, target, engine, task, coroutine, waiting): starts
   a plain call, and yields `waiting`, where the task now stands under the id's
   slot; gives what it is resumed with. Nothing when the call is not plain,
   cannot be started or cannot be waited for here: engine:start and its
   callers say why. */
int lull_bind_fetch(lua_State *L)
{
  lull_id id;
  if (lua_type(L, 3) != LUA_TSTRING || !lua_isuserdata(L, 4) ||
      !may_wait(L, 6))
    return 0;
  id = start_plain(L, lull_bind_engine_at(L, 4), 1);
  if (!id)
    return 0;
  lull_bind_push_id(L, id);
  lua_setfield(L, 5, "pending");
  lua_pushvalue(L, 5);
  lua_rawseti(L, 7, (int)lull_idtable_slot(id));
  return lua_yield(L, 1); /* of `waiting`, which is on top */
}
