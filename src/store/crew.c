#define _DEFAULT_SOURCE
#include "store/crew.h"

#ifdef LULL_STORE_REDIS

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGAIN 200        /* ms until a server that was away is asked again */
#define CHUNK (1u << 20) /* bytes of writes that are enough for one script */

/* ---- arguments --------------------------------------------------------- */

static void argue(struct lull_crew *c, int at, const char *bytes, size_t len)
{
  c->argv[at] = bytes;
  c->lens[at] = len;
}

static void argue_text(struct lull_crew *c, int at, const char *text)
{
  argue(c, at, text, strlen(text));
}

/* The arguments of the next script, from *at on; how many writes it has. */
static int compose(struct lull_crew *c, size_t *at, int *argc, char *number,
                   size_t size, char lease[16])
{
  struct lull_store_write w;
  const char *bytes;
  size_t total = 0;
  int writes = 0, n = LULL_LINK_HEAD;
  snprintf(number, size, "%llu", (unsigned long long)++c->step);
  snprintf(lease, 16, "%d", c->lease);
  argue_text(c, n++, c->prefix);
  argue_text(c, n++, c->me);
  argue_text(c, n++, c->epoch);
  argue_text(c, n++, number);
  argue_text(c, n++, lease);
  while (writes < LULL_SCRIPT_WRITES && total < CHUNK &&
         lull_store_next(&c->handed, at, &w, &bytes)) {
    lull_script_head(c->heads[writes], &w);
    argue_text(c, n++, c->heads[writes++]);
    argue(c, n++, w.key.item, w.key.len);
    argue(c, n++, bytes, w.size);
    total += w.size + w.key.len;
  }
  *argc = n;
  return writes;
}

/* ---- the thread -------------------------------------------------------- */

static void tell_loop(struct lull_crew *c)
{
  ssize_t told = write(c->wake[1], "!", 1);
  (void)told; /* when it is full, there is one */
  pthread_cond_broadcast(&c->news);
}

static void deliver(struct lull_crew *c, redisReply *reply, int writes);

/* Passes on what has been said. One that is cut off is opened anew with the
   next script. */
static void hear(struct lull_crew *c, bool fill)
{
  redisReply *message = NULL;
  while (c->ear.line.context &&
         lull_line_hear(&c->ear.line, fill, &message) == LULL_SERVER_OK &&
         message) {
    deliver(c, message, 0);
    fill = false;
  }
}

/* Until there is work, or that time is over. */
static void nap(struct lull_crew *c, int ms)
{
  struct pollfd fds[] = {
      {.fd = c->call[0], .events = POLLIN},
      {.fd = c->ear.line.context ? c->ear.line.context->fd : -1,
       .events = POLLIN}};
  char bytes[64];
  if (poll(fds, 2, ms) <= 0)
    return;
  if (fds[0].revents)
    while (read(c->call[0], bytes, sizeof bytes) > 0)
      continue;
  if (fds[1].revents)
    hear(c, true);
}

/* Whether to ask again. */
static bool is_away(struct lull_crew *c, enum lull_server_end what)
{
  bool again, first;
  pthread_mutex_lock(&c->mutex);
  first = what == LULL_SERVER_AWAY && !c->away[0];
  c->away[0] = '\0';
  if (what == LULL_SERVER_AWAY)
    memcpy(c->away, c->link.line.problem, sizeof c->away);
  if (what == LULL_SERVER_WRONG)
    memcpy(c->wrong, c->link.line.problem, sizeof c->wrong);
  again = what == LULL_SERVER_AWAY && !c->stop && c->joined;
  if (first || what == LULL_SERVER_WRONG)
    tell_loop(c);
  pthread_mutex_unlock(&c->mutex);
  return again;
}

/* What is said on the channel is heard before anything is asked. */
static enum lull_server_end listen(struct lull_crew *c)
{
  enum lull_server_end what;
  if (!c->ear.line.options || c->ear.line.context)
    return LULL_SERVER_OK;
  what = lull_link_open(&c->ear);
  if (what != LULL_SERVER_OK) {
    memcpy(c->link.line.problem, c->ear.line.problem,
           sizeof c->link.line.problem);
    return what;
  }
  pthread_mutex_lock(&c->mutex);
  c->lapses++;
  pthread_mutex_unlock(&c->mutex);
  return what;
}

static void count(struct lull_crew *c)
{
  pthread_mutex_lock(&c->mutex);
  c->questions++;
  pthread_mutex_unlock(&c->mutex);
}

static enum lull_server_end ask(struct lull_crew *c, int script, int argc,
                                redisReply **reply)
{
  enum lull_server_end what;
  count(c);
  what = listen(c);
  *reply = NULL;
  if (what == LULL_SERVER_OK)
    what = lull_link_run(&c->link, script, argc, c->argv, c->lens, reply);
  if (what != LULL_SERVER_OK) { /* another may be the primary by now */
    lull_line_close(&c->link.line);
    lull_line_close(&c->ear.line);
  }
  count(c);
  return what;
}

static redisReply *run(struct lull_crew *c, int script, int argc)
{
  redisReply *reply;
  while (is_away(c, ask(c, script, argc, &reply)))
    nap(c, AGAIN);
  return reply;
}

/* The loop takes one reply after the other. */
static void deliver(struct lull_crew *c, redisReply *reply, int writes)
{
  pthread_mutex_lock(&c->mutex);
  while (c->reply && !c->stop)
    pthread_cond_wait(&c->news, &c->mutex);
  if (c->reply)
    c->link.line.api->free_reply(c->reply);
  c->reply = reply;
  c->answered = (uint64_t)writes;
  tell_loop(c);
  pthread_mutex_unlock(&c->mutex);
}

static const char *text_at(const redisReply *reply, size_t i)
{
  return i < reply->elements && reply->element[i]->str ? reply->element[i]->str
                                                       : "";
}

/* It says what time it is, and no more. */
static bool is_plain(const redisReply *reply)
{
  return reply->elements == 1 &&
         reply->element[0]->type == REDIS_REPLY_ARRAY &&
         strcmp(text_at(reply->element[0], 0), "now") == 0;
}

/* One script, which renews the lease though it has no writes; false when
   nothing more can be done. */
static bool step(struct lull_crew *c, size_t *at)
{
  char number[24], lease[16];
  int argc, writes = compose(c, at, &argc, number, sizeof number, lease);
  redisReply *reply = run(c, LULL_LINK_STEP, argc);
  if (!reply)
    return false;
  /* A loop that is busy must not hold up the lease. */
  if (!writes && is_plain(reply))
    c->link.line.api->free_reply(reply);
  else
    deliver(c, reply, writes);
  return true;
}

/* The reply is {"ok", number, epoch, ...}, or says why not. */
static bool join(struct lull_crew *c)
{
  char lease[16];
  int n = LULL_LINK_HEAD;
  redisReply *reply;
  snprintf(c->prefix, sizeof c->prefix, "{lull:%s}", c->name);
  snprintf(lease, sizeof lease, "%d", c->lease);
  argue_text(c, n++, c->prefix);
  argue_text(c, n++, lease);
  argue(c, n++, c->secret, 16);
  argue_text(c, n++, c->fresh);
  argue_text(c, n++, c->who);
  reply = run(c, LULL_LINK_JOIN, n);
  pthread_mutex_lock(&c->mutex);
  c->reply = reply;
  c->joined = reply && strcmp(text_at(reply, 0), "ok") == 0;
  if (c->joined) {
    snprintf(c->me, sizeof c->me, "%s", text_at(reply, 1));
    snprintf(c->epoch, sizeof c->epoch, "%s", text_at(reply, 2));
  }
  c->busy = false;
  pthread_cond_broadcast(&c->news);
  pthread_mutex_unlock(&c->mutex);
  return c->joined;
}

static bool has_work(struct lull_crew *c, bool *stop)
{
  bool busy;
  pthread_mutex_lock(&c->mutex);
  busy = c->busy;
  *stop = c->stop;
  pthread_mutex_unlock(&c->mutex);
  return busy;
}

/* All that was handed over. */
static bool work_off(struct lull_crew *c)
{
  size_t at = 0;
  bool well = true;
  while (well && at < c->handed.len)
    well = step(c, &at);
  pthread_mutex_lock(&c->mutex);
  c->handed.len = 0;
  c->busy = false;
  tell_loop(c);
  pthread_mutex_unlock(&c->mutex);
  return well;
}

static void *work(void *user)
{
  struct lull_crew *c = user;
  bool stop = false, well = join(c);
  while (well && !stop) {
    size_t none = SIZE_MAX; /* no writes */
    if (c->ear.line.options)
      nap(c, 0);
    if (has_work(c, &stop)) {
      well = work_off(c);
      continue;
    }
    if (stop)
      break;
    nap(c, c->lease / 3);
    if (!has_work(c, &stop) && !stop)
      well = step(c, &none);
  }
  lull_line_free(&c->link.line);
  lull_line_free(&c->ear.line);
  return NULL;
}

/* ---- what the store calls ---------------------------------------------- */

redisReply *lull_crew_start(struct lull_crew *c)
{
  redisReply *reply;
  c->wake[0] = c->wake[1] = c->call[0] = c->call[1] = -1;
  c->busy = true;
  lull_buf_init(&c->handed, SIZE_MAX / 2);
  pthread_mutex_init(&c->mutex, NULL);
  pthread_cond_init(&c->news, NULL);
  c->running = lull_thread_pipe(c->wake) && lull_thread_pipe(c->call) &&
               lull_thread_begin(&c->thread, work, c);
  if (!c->running)
    return NULL;
  pthread_mutex_lock(&c->mutex);
  while (c->busy)
    pthread_cond_wait(&c->news, &c->mutex);
  reply = c->reply;
  c->reply = NULL;
  pthread_mutex_unlock(&c->mutex);
  return reply;
}

static void call_thread(struct lull_crew *c)
{
  ssize_t told = write(c->call[1], "!", 1);
  (void)told; /* when it is full, there is one */
  pthread_cond_broadcast(&c->news);
}

bool lull_crew_take(struct lull_crew *c, struct lull_buf *pending)
{
  struct lull_buf empty;
  bool taken;
  pthread_mutex_lock(&c->mutex);
  taken = !c->busy && !c->stop && !c->wrong[0];
  if (taken) {
    empty = c->handed;
    c->handed = *pending;
    *pending = empty;
    c->busy = true;
    call_thread(c);
  }
  pthread_mutex_unlock(&c->mutex);
  return taken;
}

redisReply *lull_crew_reply(struct lull_crew *c, bool wait, uint64_t *writes,
                            bool *busy)
{
  redisReply *reply;
  pthread_mutex_lock(&c->mutex);
  while (wait && c->busy && !c->reply && !c->away[0] && !c->wrong[0])
    pthread_cond_wait(&c->news, &c->mutex);
  reply = c->reply;
  *writes = reply ? c->answered : 0;
  c->reply = NULL;
  *busy = c->busy;
  if (reply)
    pthread_cond_broadcast(&c->news);
  pthread_mutex_unlock(&c->mutex);
  return reply;
}

void lull_crew_words(struct lull_crew *c, char away[256], char wrong[256],
                     bool *passing)
{
  pthread_mutex_lock(&c->mutex);
  memcpy(away, c->away, sizeof c->away);
  memcpy(wrong, c->wrong, sizeof c->wrong);
  *passing = c->away[0] != '\0';
  pthread_mutex_unlock(&c->mutex);
}

uint64_t lull_crew_lapses(struct lull_crew *c)
{
  uint64_t lapses;
  pthread_mutex_lock(&c->mutex);
  lapses = c->lapses;
  pthread_mutex_unlock(&c->mutex);
  return lapses;
}

uint64_t lull_crew_asking(struct lull_crew *c)
{
  uint64_t asking;
  pthread_mutex_lock(&c->mutex);
  asking = c->questions % 2 ? c->questions : 0;
  pthread_mutex_unlock(&c->mutex);
  return asking;
}

void lull_crew_stop(struct lull_crew *c)
{
  if (c->running) {
    pthread_mutex_lock(&c->mutex);
    c->stop = true;
    call_thread(c);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
  }
  if (c->reply)
    c->link.line.api->free_reply(c->reply);
  lull_thread_close(c->wake);
  lull_thread_close(c->call);
  lull_buf_clear(&c->handed);
  pthread_cond_destroy(&c->news);
  pthread_mutex_destroy(&c->mutex);
}

#else

typedef int lull_crew_is_not_there; /* no file may be empty */

#endif
