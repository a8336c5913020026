#include "store/relay.h"
#include "store/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 5, MOST = FIRST + 3 * LULL_SCRIPT_WRITES };

enum state {
  IDLE,
  WAITS, /* somebody is to run a script */
  RUNS   /* and does */
};

struct relay {
  struct lull_store store; /* first, so that the seam's pointer is ours */
  enum state state;
  bool joined, due; /* due: though there is nothing to be written */
  char *shown;
  char prefix[160], me[24], epoch[40], fresh[40], number[24], lease[16];
  char secret[16];
  uint64_t step;          /* scripts that were run */
  struct lull_buf handed; /* writes, */
  size_t at;              /* of which the script has those before */
  unsigned writes;        /* so many */
  char heads[LULL_SCRIPT_WRITES][LULL_SCRIPT_HEAD];
  struct lull_store_text argv[MOST];
  size_t argc;
  unsigned lists; /* that it has said */
  struct lull_buf heard;
  size_t next; /* of what was heard */
  struct lull_store_text *texts;
  size_t room;
};

static const struct lull_store_ops ops;

bool lull_relay_is(const struct lull_store *s)
{
  return s->ops == &ops;
}

static struct relay *self(struct lull_store *s)
{
  return (struct relay *)(void *)s;
}

/* ---- what a script is given -------------------------------------------- */

static void argue(struct relay *r, const char *bytes, size_t len)
{
  r->argv[r->argc++] = (struct lull_store_text){bytes, len};
}

static void argue_text(struct relay *r, const char *text)
{
  argue(r, text, strlen(text));
}

static void compose_join(struct relay *r)
{
  argue_text(r, r->prefix);
  argue_text(r, r->lease);
  argue(r, r->secret, sizeof r->secret);
  argue_text(r, r->fresh);
}

static void compose(struct relay *r)
{
  struct lull_store_write w;
  const char *bytes;
  snprintf(r->number, sizeof r->number, "%llu", (unsigned long long)++r->step);
  argue_text(r, r->prefix);
  argue_text(r, r->me);
  argue_text(r, r->epoch);
  argue_text(r, r->number);
  argue_text(r, r->lease);
  while (r->writes < LULL_SCRIPT_WRITES &&
         lull_store_next(&r->handed, &r->at, &w, &bytes)) {
    lull_script_head(r->heads[r->writes], &w);
    argue_text(r, r->heads[r->writes++]);
    argue(r, w.key.item, w.key.len);
    argue(r, bytes, w.size);
  }
}

size_t lull_relay_script(struct lull_store *s,
                         const struct lull_store_text **argv, bool *join)
{
  struct relay *r = self(s);
  if (r->state != WAITS || s->problem[0])
    return 0;
  r->state = RUNS;
  r->argc = r->writes = r->lists = 0;
  r->due = false;
  if (r->joined)
    compose(r);
  else
    compose_join(r);
  *join = !r->joined;
  *argv = r->argv;
  return r->argc;
}

void lull_relay_renew(struct lull_store *s)
{
  self(s)->due = true;
}

/* ---- what it says ------------------------------------------------------ */

static bool add(struct relay *r, const void *bytes, size_t len)
{
  if (lull_buf_add(&r->heard, bytes, len) == LULL_OK)
    return true;
  lull_store_fail(&r->store, "out of memory");
  return false;
}

static void keep(struct relay *r, const struct lull_store_text *texts,
                 size_t count)
{
  size_t i;
  bool well = add(r, &count, sizeof count);
  for (i = 0; i < count && well; i++)
    well = add(r, &texts[i].len, sizeof texts[i].len) &&
           add(r, texts[i].bytes, texts[i].len) && add(r, "", 1);
}

/* "ok", number, epoch, secret, seconds, microseconds, one a list */
static void take_part(struct relay *r, const char *text, size_t len)
{
  struct lull_store *s = &r->store;
  unsigned i = r->lists;
  if (i == 0 && strcmp(text, "ok") != 0)
    lull_store_fail(s, lull_script_refusal(text));
  else if (i == 1)
    snprintf(r->me, sizeof r->me, "%s", text);
  else if (i == 2)
    snprintf(r->epoch, sizeof r->epoch, "%s", text);
  else if (i == 3 && len == sizeof s->secret)
    memcpy(s->secret, text, len);
  s->run = strtoll(r->me, NULL, 10);
}

static const char *text_at(const struct lull_store_text *texts, size_t count,
                           size_t i)
{
  return i < count ? texts[i].bytes : "";
}

void lull_relay_hear(struct lull_store *s, const struct lull_store_text *texts,
                     size_t count)
{
  struct relay *r = self(s);
  bool first = r->state == RUNS && r->lists == 0;
  if (!r->joined && count)
    take_part(r, texts[0].bytes, texts[0].len);
  else if (!first || strcmp(text_at(texts, count, 0), "message") == 0)
    keep(r, texts, count);
  else if (lull_script_kept(s, r->shown, text_at(texts, count, 0)))
    lull_script_time(s, text_at(texts, count, 1), text_at(texts, count, 2));
  r->lists++;
}

void lull_relay_answered(struct lull_store *s)
{
  struct relay *r = self(s);
  if (r->state != RUNS)
    return;
  r->state = IDLE;
  r->joined = true;
  if (!s->problem[0])
    s->durable += r->writes;
  if (r->at >= r->handed.len)
    r->handed.len = r->at = 0;
}

/* The list at `next`, whose texts are lent out. */
static const char *lend(struct relay *r, const char *from, size_t count)
{
  size_t i;
  for (i = 0; i < count; i++) {
    memcpy(&r->texts[i].len, from, sizeof r->texts[i].len);
    r->texts[i].bytes = from + sizeof r->texts[i].len;
    from = r->texts[i].bytes + r->texts[i].len + 1;
  }
  return from;
}

static size_t news(struct lull_store *s, const struct lull_store_text **texts)
{
  struct relay *r = self(s);
  const char *from = r->heard.data + r->next;
  struct lull_store_text *more = r->texts;
  size_t count;
  if (r->next >= r->heard.len || s->problem[0]) {
    r->heard.len = r->next = 0;
    return 0;
  }
  memcpy(&count, from, sizeof count);
  if (count > r->room)
    more = lull_mem_grow(r->texts, count * sizeof *more);
  if (count && !more) {
    lull_store_fail(s, "out of memory");
    return 0;
  }
  r->texts = more;
  r->room = count > r->room ? count : r->room;
  from = lend(r, from + sizeof count, count);
  r->next = (size_t)(from - r->heard.data);
  *texts = r->texts;
  return count;
}

/* ---- the seam ---------------------------------------------------------- */

static void flush(struct lull_store *s)
{
  struct relay *r = self(s);
  struct lull_buf empty = r->handed;
  if (r->state != IDLE || r->handed.len)
    return;
  r->handed = s->pending;
  s->pending = empty;
}

static void poll(struct lull_store *s)
{
  (void)s;
}

static bool land(struct lull_store *s)
{
  struct relay *r = self(s);
  if (r->state != IDLE || s->problem[0])
    return false;
  if (r->joined && !r->due && !r->handed.len)
    return false;
  r->state = WAITS;
  s->asks = true;
  return true;
}

static const char *away(struct lull_store *s)
{
  (void)s;
  return "";
}

/* As by a kill: what was not taken is lost. */
static void crash(struct lull_store *s)
{
  char why[64];
  snprintf(why, sizeof why, "the process ended here (write %llu)",
           (unsigned long long)s->written);
  lull_store_fail(s, why);
}

static void close_store(struct lull_store *s)
{
  struct relay *r = self(s);
  lull_mem_free(r->shown);
  lull_mem_free(r->texts);
  lull_buf_clear(&r->handed);
  lull_buf_clear(&r->heard);
  lull_buf_clear(&s->pending);
  lull_mem_free(r);
}

static const struct lull_store_ops ops = {
    .batch = lull_script_batch,
    .claim = lull_script_claim,
    .call = lull_script_call,
    .flush = flush,
    .poll = poll,
    .land = land,
    .news = news,
    .away = away,
    .crash = crash,
    .close = close_store,
};

struct lull_store *lull_relay_open(const struct lull_server *server)
{
  struct relay *r = lull_mem_zero(sizeof *r);
  const char *shown = server->text[LULL_SERVER_SHOWN];
  if (!r)
    return NULL;
  lull_store_init(&r->store, &ops);
  lull_buf_init(&r->handed, SIZE_MAX / 2);
  lull_buf_init(&r->heard, SIZE_MAX / 2);
  r->shown = lull_mem_copy(shown, strlen(shown));
  snprintf(r->prefix, sizeof r->prefix, "{lull:%s}",
           server->text[LULL_SERVER_NAME]);
  snprintf(r->lease, sizeof r->lease, "%d", server->lease);
  snprintf(r->fresh, sizeof r->fresh, "%016llx%016llx",
           (unsigned long long)server->draws[2],
           (unsigned long long)server->draws[3]);
  memcpy(r->secret, server->draws, sizeof r->secret);
  land(&r->store);
  r->store.asks = false; /* who opens it knows */
  if (r->shown)
    return &r->store;
  close_store(&r->store);
  return NULL;
}
