#include "fleet/fleet.h"
#include "fleet/call.h"

size_t lull_fleet_bytes(void)
{
  return sizeof(struct lull_fleet_client) + sizeof(struct lull_fleet_call);
}

/* ---- clients ----------------------------------------------------------- */

static enum lull_err make_lane(struct lull_fleet *f,
                               struct lull_fleet_client *c)
{
  if (c->lane)
    return LULL_OK;
  c->lane = lull_lane_new("");
  if (!c->lane)
    return LULL_ENOMEM;
  lull_lane_seed(c->lane, f->conf->seed + c->index);
  return lull_lane_configure(c->lane, &f->policy->lane);
}

static void begin_call(struct lull_fleet *f, struct lull_fleet_client *c)
{
  enum lull_err err = make_lane(f, c);
  if (err) {
    lull_fleet_fail(f, err);
    return;
  }
  c->active++;
  f->stats->begun++;
  lull_fleet_call_begin(f, c);
}

/* As many calls at a time as the fan-out says. The client's timer is free
   for its lane from now on. */
static void begin_fanout(struct lull_fleet *f, struct lull_fleet_client *c)
{
  unsigned n = f->conf->fanout < c->left ? f->conf->fanout : c->left;
  c->started = f->now;
  c->failed = false;
  c->left -= n;
  c->active = 1; /* so that none of these ends the fan-out before its time */
  for (unsigned i = 0; i < n && !f->err; i++)
    begin_call(f, c);
  if (--c->active == 0 && !f->err)
    lull_fleet_next_fanout(f, c);
}

static void client_due(struct lull_fleet *f, struct lull_fleet_client *c)
{
  if (c->active)
    lull_fleet_call_dispatch(f, c);
  else if (c->left)
    begin_fanout(f, c);
}

/* ---- arrivals ---------------------------------------------------------- */

/* When call number `arrivals` begins. */
static lull_usec arrival_time(struct lull_fleet *f)
{
  double gap = 1e6 / f->conf->rate;
  if (!f->conf->poisson)
    return (lull_usec)(gap * (double)f->arrivals);
  f->arrival_at += lull_fleet_draw_gap(gap, &f->arrival_rng);
  return (lull_usec)f->arrival_at;
}

static void await_arrival(struct lull_fleet *f)
{
  lull_usec at = arrival_time(f);
  lull_timerq_set(&f->timers, &f->arrival.timer,
                  at < f->conf->lasting ? at : LULL_NEVER);
}

static void arrive(struct lull_fleet *f)
{
  struct lull_fleet_client *c = &f->clients[f->arrivals % f->conf->clients];
  f->arrivals++;
  begin_call(f, c);
  await_arrival(f);
}

/* ---- the loop ---------------------------------------------------------- */

static void fire(struct lull_fleet *f, struct lull_fleet_event *event)
{
  switch (event->kind) {
  case LULL_FLEET_ARRIVAL:
    arrive(f);
    break;
  case LULL_FLEET_CLIENT:
    client_due(f, (struct lull_fleet_client *)event);
    break;
  case LULL_FLEET_CALL:
    lull_fleet_call_due(f, (struct lull_fleet_call *)event);
    break;
  case LULL_FLEET_LEG:
    lull_fleet_call_leg(f, (struct lull_fleet_leg *)event);
    break;
  }
}

/* A closed run ends when told to, an open one when all its calls have. */
static lull_usec last_moment(const struct lull_fleet *f)
{
  return f->conf->rate > 0 ? LULL_NEVER - 1 : f->conf->lasting;
}

static void loop(struct lull_fleet *f)
{
  lull_usec last = last_moment(f);
  while (!f->err) {
    struct lull_timer *timer;
    lull_usec at = lull_timerq_first(&f->timers);
    if (at == LULL_NEVER || at > last)
      break;
    f->now = at;
    lull_timerq_begin(&f->timers, at);
    while (!f->err && (timer = lull_timerq_fire(&f->timers)) != NULL)
      fire(f, (struct lull_fleet_event *)timer);
  }
}

static void start_clients(struct lull_fleet *f)
{
  for (unsigned i = 0; i < f->conf->clients; i++) {
    struct lull_fleet_client *c = &f->clients[i];
    c->event.kind = LULL_FLEET_CLIENT;
    c->index = i;
    if (f->conf->rate > 0)
      continue;
    c->left = f->conf->calls;
    lull_timerq_set(&f->timers, &c->event.timer,
                    lull_rng_range(&f->rng, 0, f->conf->spread));
  }
  f->arrival.kind = LULL_FLEET_ARRIVAL;
  if (f->conf->rate > 0)
    await_arrival(f);
}

static enum lull_err set_up(struct lull_fleet *f)
{
  unsigned n = f->conf->clients;
  enum lull_err err = lull_fleet_server_init(&f->server, &f->conf->server, n);
  if (!err)
    f->clients = lull_mem_zero(n * sizeof *f->clients);
  if (!err && !f->clients)
    err = LULL_ENOMEM;
  if (!err)
    err = lull_fleet_reserve(f, n + 1);
  lull_rng_seed(&f->rng, f->conf->seed);
  lull_rng_seed(&f->arrival_rng, lull_rng_next(&f->rng));
  f->pose.client = f->policy;
  if (!err)
    err = lull_request_method(&f->pose.request, f->conf->method);
  f->pose.keyed = f->conf->keyed;
  f->pose.records = &f->record;
  f->pose.ended = &f->ended;
  f->pose.record_count = 1;
  f->stats->outage_end = f->conf->server.outage_to;
  return err;
}

static void find_least(struct lull_fleet *f)
{
  f->stats->least = f->stats->completed;
  for (unsigned i = 0; f->clients && i < f->conf->clients; i++)
    if (f->clients[i].completed < f->stats->least)
      f->stats->least = f->clients[i].completed;
}

static void tear_down(struct lull_fleet *f)
{
  lull_request_clear(&f->pose.request);
  while (f->chunks) {
    struct lull_fleet_chunk *chunk = f->chunks;
    f->chunks = chunk->next;
    for (unsigned i = 0; i < LULL_FLEET_CHUNK; i++) {
      lull_mem_free(chunk->calls[i].rule_hits);
      lull_mem_free(chunk->calls[i].hedge);
    }
    lull_mem_free(chunk);
  }
  for (unsigned i = 0; f->clients && i < f->conf->clients; i++)
    lull_lane_free(f->clients[i].lane);
  lull_mem_free(f->clients);
  lull_fleet_server_clear(&f->server);
  lull_timerq_clear(&f->timers);
}

enum lull_err lull_fleet_run(const struct lull_fleet_conf *conf,
                             struct lull_client *policy,
                             struct lull_fleet_stats *stats)
{
  struct lull_fleet f = {.conf = conf, .policy = policy, .stats = stats};
  f.err = lull_fleet_stats_init(stats);
  if (!f.err)
    f.err = set_up(&f);
  if (!f.err)
    start_clients(&f);
  loop(&f);
  find_least(&f);
  tear_down(&f);
  return f.err;
}
