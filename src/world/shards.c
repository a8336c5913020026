#include "world/shards.h"
#include "world/ahead.h"

/* Idle connections that are kept: in the first handle, where all is when
   little is under way, and in each of the others. */
#define CONNECTIONS 1000L
#define CONNECTIONS_MORE 128L

/* By number, since they came with libcurl 8.20. As before it a look-up waits
   for no other one, and an end for none. */
#define RESOLVE_THREADS_MAX ((CURLMoption)20)
#define QUICK_EXIT ((CURLMoption)21)
#define LOOK_UPS 1000L

#define ALWAYS 8 /* handles that stay, once made */

void lull_shards_init(struct lull_shards *s, unsigned room,
                      void (*made)(struct lull_shard *shard, void *user),
                      void *user)
{
  *s = (struct lull_shards){.room = room, .made = made, .user = user};
}

static void free_last(struct lull_shards *s)
{
  struct lull_shard *last = s->list[--s->count];
  curl_multi_cleanup(last->multi);
  lull_mem_free(last);
}

void lull_shards_clear(struct lull_shards *s)
{
  while (s->count)
    free_last(s);
  lull_mem_free(s->list);
  s->list = NULL;
  s->cap = 0;
}

static bool reserve(struct lull_shards *s)
{
  unsigned cap = s->cap ? s->cap * 2 : 8;
  struct lull_shard **list;
  if (s->count < s->cap)
    return true;
  list = lull_mem_grow(s->list, cap * sizeof(struct lull_shard *));
  if (!list)
    return false;
  s->list = list;
  s->cap = cap;
  return true;
}

/* libcurl 7.88 leaves the pair by which a handle is woken to children, too. */
static CURLM *init_multi(void)
{
  struct lull_ahead ahead;
  CURLM *multi;
  lull_ahead_look(&ahead);
  multi = curl_multi_init();
  lull_ahead_seal(&ahead);
  return multi;
}

static struct lull_shard *make(struct lull_shards *s)
{
  struct lull_shard *shard = reserve(s) ? lull_mem_zero(sizeof *shard) : NULL;
  if (!shard)
    return NULL;
  shard->multi = init_multi();
  if (!shard->multi) {
    lull_mem_free(shard);
    return NULL;
  }
  shard->all = s;
  shard->due = LULL_NEVER;
  shard->index = s->count;
  /* By default it keeps fewer the fewer transfers there are. */
  curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS,
                    s->count ? CONNECTIONS_MORE : CONNECTIONS);
  curl_multi_setopt(shard->multi, RESOLVE_THREADS_MAX, LOOK_UPS);
  curl_multi_setopt(shard->multi, QUICK_EXIT, 1L);
  s->list[s->count++] = shard;
  s->made(shard, s->user);
  return shard;
}

static struct lull_shard *with_room(struct lull_shards *s)
{
  unsigned i;
  for (i = 0; i < s->count; i++)
    if (s->list[i]->transfers < s->room)
      return s->list[i];
  return make(s);
}

struct lull_shard *lull_shards_first(struct lull_shards *s)
{
  return s->count ? s->list[0] : make(s);
}

/* libcurl closes the oldest idle connection when a new one would be more than
   it may have. As many as there are transfers are enough for all of them. */
static void limit_connections(const struct lull_shard *shard)
{
  curl_multi_setopt(shard->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                    shard->all->thrifty ? (long)shard->transfers + 1 : 0L);
}

void lull_shards_save(struct lull_shards *s, bool thrifty)
{
  unsigned i;
  s->thrifty = thrifty;
  for (i = 0; i < s->count; i++)
    limit_connections(s->list[i]);
}

struct lull_shard *lull_shards_add(struct lull_shards *s, CURL *easy)
{
  struct lull_shard *shard = with_room(s);
  if (shard && s->thrifty)
    limit_connections(shard);
  if (!shard || curl_multi_add_handle(shard->multi, easy) != CURLM_OK)
    return NULL;
  shard->transfers++;
  return shard;
}

/* The last ones go with their idle connections, when it does not look as if
   they would be needed soon again. */
static void thin_out(struct lull_shards *s)
{
  unsigned always = s->thrifty ? 1 : ALWAYS;
  while (s->count > always && s->list[s->count - 1]->transfers == 0 &&
         s->list[s->count - 2]->transfers < s->room / 2)
    free_last(s);
}

void lull_shards_remove(struct lull_shard *shard, CURL *easy)
{
  curl_multi_remove_handle(shard->multi, easy);
  shard->transfers--;
  thin_out(shard->all);
}

static bool read_message(struct lull_shard *shard, CURL **easy, CURLcode *code)
{
  CURLMsg *msg;
  int left;
  while ((msg = curl_multi_info_read(shard->multi, &left)) != NULL) {
    if (msg->msg != CURLMSG_DONE)
      continue;
    *easy = msg->easy_handle;
    *code = msg->data.result; /* gone once the handle is removed */
    shard->stirred = left > 0;
    return true;
  }
  shard->stirred = false;
  return false;
}

bool lull_shards_ended(struct lull_shards *s, CURL **easy, CURLcode *code)
{
  unsigned i;
  for (i = 0; i < s->count; i++)
    if (s->list[i]->stirred && read_message(s->list[i], easy, code))
      return true;
  return false;
}

bool lull_shards_more(const struct lull_shards *s)
{
  unsigned i;
  for (i = 0; i < s->count; i++)
    if (s->list[i]->stirred)
      return true;
  return false;
}

lull_usec lull_shards_due(const struct lull_shards *s)
{
  lull_usec first = LULL_NEVER;
  unsigned i;
  for (i = 0; i < s->count; i++)
    if (s->list[i]->due < first)
      first = s->list[i]->due;
  return first;
}
