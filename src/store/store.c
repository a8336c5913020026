#include "store/store.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lull_store_init(struct lull_store *s, const struct lull_store_ops *ops)
{
  *s = (struct lull_store){.ops = ops, .fd = -1};
  lull_buf_init(&s->pending, SIZE_MAX / 2);
}

/* All of a write or nothing. */
static enum lull_err encode(struct lull_buf *to,
                            const struct lull_store_write *w,
                            const void *bytes)
{
  size_t before = to->len;
  enum lull_err err = lull_buf_add(to, w, sizeof *w);
  if (!err)
    err = lull_buf_add(to, w->key.item, w->key.len);
  if (!err)
    err = lull_buf_add(to, bytes, w->size);
  if (err)
    to->len = before;
  return err;
}

void lull_store_fail(struct lull_store *s, const char *why)
{
  if (!s->problem[0])
    snprintf(s->problem, sizeof s->problem, "%s", why);
}

void lull_store_chaos(struct lull_store *s, double share, uint64_t seed)
{
  s->crash_share = share;
  lull_rng_seed(&s->rng, seed);
}

static bool crashes(struct lull_store *s)
{
  return s->crash_share > 0 &&
         (double)(lull_rng_next(&s->rng) >> 11) * 0x1p-53 < s->crash_share;
}

void lull_store_write(struct lull_store *s, const struct lull_store_write *w,
                      const void *bytes)
{
  s->written++;
  if (!s->problem[0] && encode(&s->pending, w, bytes) != LULL_OK)
    lull_store_fail(s, "out of memory");
  if (crashes(s))
    s->ops->crash(s);
}

/* 70 is EX_SOFTWARE. */
void lull_store_crash(struct lull_store *s)
{
  fprintf(stderr, "lull: --chaos: the process ends here, at write %llu\n",
          (unsigned long long)s->written);
  _exit(70);
}

void lull_store_flush(struct lull_store *s)
{
  if (s->pending.len && !s->problem[0])
    s->ops->flush(s);
  if (!s->pending.len)
    s->handed = s->written;
}

bool lull_store_idle(struct lull_store *s)
{
  return lull_store_durable(s, s->handed);
}

bool lull_store_durable(struct lull_store *s, uint64_t number)
{
  if (s->durable < number && !s->problem[0])
    s->ops->poll(s);
  return s->durable >= number && !s->problem[0];
}

#define LOOK 50 /* ms */

bool lull_store_wait(struct lull_store *s, double seconds)
{
  struct pollfd news = {.fd = s->fd, .events = POLLIN};
  double left = seconds * 1000;
  char bytes[64];
  while (!lull_store_durable(s, s->written) && !s->problem[0] && left > 0) {
    int n = poll(&news, 1, LOOK);
    if (n == 0)
      left -= LOOK;
    while (n > 0 && read(s->fd, bytes, sizeof bytes) == sizeof bytes)
      continue;
  }
  return lull_store_durable(s, s->written);
}

bool lull_store_next(const struct lull_buf *writes, size_t *at,
                     struct lull_store_write *w, const char **bytes)
{
  if (*at >= writes->len)
    return false;
  memcpy(w, writes->data + *at, sizeof *w);
  w->key.item = writes->data + *at + sizeof *w;
  *bytes = w->key.item + w->key.len;
  *at += sizeof *w + w->key.len + w->size;
  return true;
}
