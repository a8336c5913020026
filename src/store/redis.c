#define _DEFAULT_SOURCE
#include "store/redis.h"
#include "store/crew.h"
#include "store/script.h"

#include <stdio.h>

#ifdef LULL_STORE_REDIS

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A reply of the server, whose entries the store's owner has not all taken. */
struct reply {
  redisReply *reply;
  size_t next; /* entry */
  bool whole;  /* it is a message: one entry */
  struct reply *after;
};

struct store_redis {
  struct lull_store store; /* first, so that the seam's pointer is ours */
  const struct lull_hiredis *api;
  struct lull_server options;
  char *text[LULL_SERVER_TEXTS];
  char who[96], fresh[40], secret[16];
  struct lull_crew crew;
  bool started;
  struct reply *first, *last;
  struct reply *taken; /* whose texts are lent out */
  struct lull_store_text *texts;
  size_t room;
  char away[256];
};

static struct store_redis *self(struct lull_store *s)
{
  return (struct store_redis *)(void *)s;
}

/* ---- replies ----------------------------------------------------------- */

static const char *text_at(const redisReply *reply, size_t i)
{
  return i < reply->elements && reply->element[i]->str ? reply->element[i]->str
                                                       : "";
}

/* The first entry says what became of the writes; true: they are kept. */
static bool were_kept(struct store_redis *r, const redisReply *reply)
{
  const redisReply *head = reply->elements ? reply->element[0] : NULL;
  const char *word =
      head && head->type == REDIS_REPLY_ARRAY ? text_at(head, 0) : "";
  if (!lull_script_kept(&r->store, r->text[LULL_SERVER_SHOWN], word) || !head)
    return false;
  lull_script_time(&r->store, text_at(head, 1), text_at(head, 2));
  return true;
}

/* A message that was heard: its parts are texts. */
static bool is_message(const redisReply *reply)
{
  return reply->elements && reply->element[0]->type == REDIS_REPLY_STRING;
}

static void append(struct store_redis *r, redisReply *reply)
{
  struct reply *node = lull_mem_zero(sizeof *node);
  if (!node) {
    r->api->free_reply(reply);
    lull_store_fail(&r->store, "out of memory");
    return;
  }
  node->reply = reply;
  node->whole = is_message(reply);
  node->next = !node->whole;
  if (r->last)
    r->last->after = node;
  else
    r->first = node;
  r->last = node;
}

static void drop(struct store_redis *r, struct reply *node)
{
  if (node) {
    r->api->free_reply(node->reply);
    lull_mem_free(node);
  }
}

static bool lend(struct store_redis *r, const redisReply *entry)
{
  size_t i;
  if (r->room < entry->elements) {
    struct lull_store_text *texts =
        lull_mem_grow(r->texts, entry->elements * sizeof *texts);
    if (!texts)
      return false;
    r->texts = texts;
    r->room = entry->elements;
  }
  for (i = 0; i < entry->elements; i++) {
    const redisReply *one = entry->element[i];
    r->texts[i] = (struct lull_store_text){one->str ? one->str : "",
                                           one->str ? (size_t)one->len : 0};
  }
  return true;
}

static size_t news(struct lull_store *s, const struct lull_store_text **texts)
{
  struct store_redis *r = self(s);
  const redisReply *entry;
  drop(r, r->taken);
  r->taken = NULL;
  while (r->first && r->first->next >= r->first->reply->elements) {
    struct reply *empty = r->first;
    r->first = empty->after;
    if (!r->first)
      r->last = NULL;
    drop(r, empty);
  }
  if (!r->first)
    return 0;
  entry = r->first->whole ? r->first->reply
                          : r->first->reply->element[r->first->next];
  r->first->next = r->first->whole ? entry->elements : r->first->next + 1;
  if (!lend(r, entry)) {
    lull_store_fail(s, "out of memory");
    return 0;
  }
  *texts = r->texts;
  return entry->elements;
}

/* ---- the seam ---------------------------------------------------------- */

/* Takes the replies that are there. */
static bool collect(struct store_redis *r, bool wait)
{
  uint64_t writes;
  bool busy;
  redisReply *reply = lull_crew_reply(&r->crew, wait, &writes, &busy);
  if (!reply)
    return busy;
  if (is_message(reply) || were_kept(r, reply)) {
    r->store.durable += writes;
    append(r, reply);
  } else {
    r->api->free_reply(reply);
  }
  return busy;
}

static void look(struct store_redis *r)
{
  char wrong[256];
  bool passing;
  lull_crew_words(&r->crew, r->away, wrong, &passing);
  r->store.lapses = lull_crew_lapses(&r->crew);
  r->store.asking = lull_crew_asking(&r->crew);
  if (wrong[0] && !r->store.problem[0])
    memcpy(r->store.problem, wrong, sizeof wrong);
}

static void flush(struct lull_store *s)
{
  lull_crew_take(&self(s)->crew, &s->pending);
}

static void poll(struct lull_store *s)
{
  struct store_redis *r = self(s);
  bool busy = collect(r, false);
  look(r);
  if (!busy)
    lull_store_flush(s);
}

static const char *away(struct lull_store *s)
{
  struct store_redis *r = self(s);
  look(r);
  return r->away;
}

/* ---- closing ----------------------------------------------------------- */

static void release(struct store_redis *r)
{
  int i;
  if (r->started)
    lull_crew_stop(&r->crew);
  drop(r, r->taken);
  while (r->first) {
    struct reply *next = r->first->after;
    drop(r, r->first);
    r->first = next;
  }
  for (i = 0; i < LULL_SERVER_TEXTS; i++)
    lull_mem_free(r->text[i]);
  lull_mem_free(r->texts);
  lull_buf_clear(&r->store.pending);
  lull_mem_free(r);
}

/* What it has taken goes back, with the last that was written. */
static void leave(struct store_redis *r)
{
  struct lull_store *s = &r->store;
  struct lull_store_write w = {
      .kind = LULL_STORE_ORDER, .order = 'X', .key = {.item = ""}};
  lull_store_write(s, &w, "");
  while (s->durable < s->written && !s->problem[0] && !r->away[0]) {
    bool busy = collect(r, true);
    look(r);
    if (!busy)
      lull_store_flush(s);
  }
}

static void close_store(struct lull_store *s)
{
  if (!s->problem[0])
    leave(self(s));
  release(self(s));
}

static const struct lull_store_ops ops = {
    .batch = lull_script_batch,
    .claim = lull_script_claim,
    .call = lull_script_call,
    .flush = flush,
    .poll = poll,
    .news = news,
    .away = away,
    .crash = lull_store_crash,
    .close = close_store,
};

/* ---- opening ----------------------------------------------------------- */

static bool copy_options(struct store_redis *r, const struct lull_server *o)
{
  int i;
  r->options = *o;
  for (i = 0; i < LULL_SERVER_TEXTS; i++) {
    if (o->text[i])
      r->text[i] = lull_mem_copy(o->text[i], strlen(o->text[i]));
    if (o->text[i] && !r->text[i])
      return false;
    r->options.text[i] = r->text[i];
  }
  return true;
}

/* Which machine, and which process. */
static void name_process(char *to, size_t size)
{
  char host[64] = "";
  if (gethostname(host, sizeof host - 1) != 0)
    host[0] = '\0';
  snprintf(to, size, "%s %ld", host, (long)getpid());
}

/* {"ok", number, epoch, secret, seconds, microseconds} */
static bool take_part(struct store_redis *r, const redisReply *reply)
{
  const redisReply *secret = reply->elements > 3 ? reply->element[3] : NULL;
  if (strcmp(text_at(reply, 0), "ok") != 0 || !secret ||
      secret->len != sizeof r->store.secret)
    return false;
  r->store.run = strtoll(text_at(reply, 1), NULL, 10);
  memcpy(r->store.secret, secret->str, sizeof r->store.secret);
  lull_script_time(&r->store, text_at(reply, 4), text_at(reply, 5));
  r->store.fd = r->crew.wake[0];
  return true;
}

static bool start(struct store_redis *r, bool *passing, char *problem,
                  size_t size)
{
  char wrong[256];
  redisReply *reply;
  bool joined;
  r->crew = (struct lull_crew){.name = r->text[LULL_SERVER_NAME],
                               .who = r->who,
                               .secret = r->secret,
                               .fresh = r->fresh,
                               .lease = r->options.lease};
  r->crew.link =
      (struct lull_link){.line = {.api = r->api, .options = &r->options}};
  r->crew.ear = (struct lull_link){.line = {.api = r->api}, .ear = true};
  if (r->text[LULL_SERVER_CHANNEL])
    r->crew.ear.line.options = &r->options;
  r->started = true;
  reply = lull_crew_start(&r->crew);
  joined = reply && take_part(r, reply);
  lull_crew_words(&r->crew, r->away, wrong, passing);
  if (!joined)
    snprintf(problem, size, "%s%s%s",
             reply ? r->text[LULL_SERVER_SHOWN] : wrong,
             reply ? ": " : r->away,
             reply ? lull_script_refusal(text_at(reply, 0)) : "");
  if (reply)
    r->api->free_reply(reply);
  return joined;
}

static struct store_redis *make(const struct lull_server *server,
                                const struct lull_hiredis *api)
{
  struct store_redis *r = lull_mem_zero(sizeof *r);
  if (!r)
    return NULL;
  r->api = api;
  lull_store_init(&r->store, &ops);
  name_process(r->who, sizeof r->who);
  memcpy(r->secret, server->draws, sizeof r->secret);
  snprintf(r->fresh, sizeof r->fresh, "%016llx%016llx",
           (unsigned long long)server->draws[2],
           (unsigned long long)server->draws[3]);
  if (copy_options(r, server))
    return r;
  release(r);
  return NULL;
}

struct lull_store *lull_redis_open(const struct lull_server *server,
                                   bool *passing, char *problem, size_t size)
{
  const struct lull_hiredis *api = lull_hiredis();
  struct store_redis *r = api ? make(server, api) : NULL;
  *passing = false;
  snprintf(problem, size, "%s",
           api ? "out of memory"
               : "a journal in Redis needs hiredis: install libhiredis "
                 "(Debian: libhiredis0.14, from Debian 13 on "
                 "libhiredis1.1.0)");
  if (!r)
    return NULL;
  if (start(r, passing, problem, size))
    return &r->store;
  release(r);
  return NULL;
}

#else

struct lull_store *lull_redis_open(const struct lull_server *server,
                                   bool *passing, char *problem, size_t size)
{
  *passing = false;
  snprintf(problem, size,
           "%s: this lull was built without hiredis: install its headers "
           "(Debian: libhiredis-dev) and build it anew",
           server->text[LULL_SERVER_SHOWN]);
  return NULL;
}

#endif
