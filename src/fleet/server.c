#include "fleet/server.h"

static enum lull_err make_each(struct lull_fleet_server *s)
{
  struct lull_window probe;
  const struct lull_rate *rate = &s->conf.limit_each;
  enum lull_err err = lull_window_init(&probe, rate->count, rate->window);
  lull_window_clear(&probe);
  if (err)
    return err;
  s->each = lull_mem_zero(s->clients * sizeof *s->each);
  return s->each ? LULL_OK : LULL_ENOMEM;
}

enum lull_err lull_fleet_server_init(struct lull_fleet_server *s,
                                     const struct lull_fleet_server_conf *conf,
                                     unsigned clients)
{
  enum lull_err err = LULL_OK;
  *s = (struct lull_fleet_server){.conf = *conf, .clients = clients};
  if (conf->limit.count)
    err = lull_window_init(&s->all, conf->limit.count, conf->limit.window);
  if (!err && conf->limit_each.count)
    err = make_each(s);
  if (err)
    lull_fleet_server_clear(s);
  return err;
}

void lull_fleet_server_clear(struct lull_fleet_server *s)
{
  lull_window_clear(&s->all);
  for (unsigned i = 0; s->each && i < s->clients; i++)
    lull_window_clear(&s->each[i]);
  lull_mem_free(s->each);
  s->each = NULL;
}

/* A client's own window, made when its first request comes. */
static enum lull_err window_of(struct lull_fleet_server *s, unsigned client,
                               struct lull_window **window)
{
  const struct lull_rate *rate = &s->conf.limit_each;
  *window = s->each ? &s->each[client] : NULL;
  if (!*window || (*window)->stamps)
    return LULL_OK;
  return lull_window_init(*window, rate->count, rate->window);
}

static void say(struct lull_fleet_reply *r, int status, lull_usec retry_after)
{
  r->status = status;
  r->retry_after = retry_after;
}

/* Told in whole seconds, as the header has it, rounded up. */
static lull_usec seconds(lull_usec t)
{
  return t > 0 ? (t + LULL_SEC - 1) / LULL_SEC * LULL_SEC : 0;
}

static lull_usec next_of(const struct lull_window *w)
{
  return w && w->stamps ? lull_window_next(w) : 0;
}

/* False: too many requests, and the reply says so. What is refused is not
   counted. */
static bool within_limits(struct lull_fleet_server *s, struct lull_window *own,
                          struct lull_fleet_reply *r)
{
  lull_usec room = next_of(&s->all);
  if (next_of(own) > room)
    room = next_of(own);
  if (room > r->seen) {
    say(r, 429,
        s->conf.retry_after_window ? seconds(room - r->seen)
                                   : s->conf.retry_after);
    return false;
  }
  if (s->all.stamps)
    lull_window_add(&s->all, r->seen);
  if (own)
    lull_window_add(own, r->seen);
  return true;
}

/* False: the server is out, and the reply says so. */
static bool is_up(const struct lull_fleet_server *s,
                  struct lull_fleet_reply *r)
{
  const struct lull_fleet_server_conf *c = &s->conf;
  if (r->seen < c->outage_from || r->seen >= c->outage_to)
    return true;
  if (c->outage == LULL_FLEET_OUTAGE_REFUSE)
    r->class = LULL_NET_REFUSED;
  else if (c->outage == LULL_FLEET_OUTAGE_STATUS)
    say(r, 503, c->retry_after);
  else
    r->seen = r->at = c->outage_to;
  return c->outage == LULL_FLEET_OUTAGE_HOLD;
}

static bool fails(const struct lull_fleet_server *s, struct lull_rng *rng,
                  struct lull_fleet_reply *r)
{
  if (!(s->conf.fail > 0) || lull_fleet_draw_unit(rng) >= s->conf.fail)
    return false;
  say(r, s->conf.fail_status, 0);
  return true;
}

/* Queues the request; false when there is no room. */
static bool queue(struct lull_fleet_server *s, struct lull_fleet_reply *r)
{
  double now = (double)r->seen;
  if (!(s->conf.capacity > 0))
    return true;
  double cost = 1e6 / s->conf.capacity;
  double start = s->free_at > now ? s->free_at : now;
  if (s->conf.bounded && start - now > cost * s->conf.queue) {
    say(r, 503, s->conf.retry_after);
    return false;
  }
  s->free_at = start + cost;
  r->at = (lull_usec)(s->free_at + 0.5);
  return true;
}

/* Optimistic locking: a write holds only when nobody wrote since the read.
   The queue keeps the order of arrival, so it can be judged here. */
static void answer(struct lull_fleet_server *s,
                   const struct lull_fleet_request *q,
                   struct lull_fleet_reply *r)
{
  say(r, 200, 0);
  r->version = s->version;
  if (!s->conf.conflicts || q->read)
    return;
  if (q->version == s->version)
    s->version++;
  else
    say(r, 409, 0);
}

enum lull_err lull_fleet_server_take(struct lull_fleet_server *s,
                                     const struct lull_fleet_request *q,
                                     lull_usec now, struct lull_rng *rng,
                                     struct lull_fleet_reply *r)
{
  struct lull_window *own;
  *r = (struct lull_fleet_reply){.seen = now, .at = now};
  if (!is_up(s, r))
    return LULL_OK;
  enum lull_err err = window_of(s, q->client, &own);
  if (err || !within_limits(s, own, r) || fails(s, rng, r) || !queue(s, r))
    return err;
  answer(s, q, r);
  r->at += lull_fleet_draw_next(&s->conf.service, rng);
  return LULL_OK;
}
