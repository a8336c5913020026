#include "lane/lane.h"

#include <string.h>

#include "lane/door.h"

/* Makes queues for all sets of the windows there are. */
static enum lull_err widen(struct lull_lane *lane)
{
  unsigned sets = 1u << lane->rates.count;
  if (sets <= lane->sets)
    return LULL_OK;
  struct lull_queue *queues =
      lull_mem_grow(lane->queues, (size_t)2 * sets * sizeof *queues);
  if (!queues)
    return LULL_ENOMEM;
  memset(queues + 2 * (size_t)lane->sets, 0,
         2 * (size_t)(sets - lane->sets) * sizeof *queues);
  lane->queues = queues;
  lane->sets = sets;
  return LULL_OK;
}

struct lull_lane *lull_lane_new(const char *name)
{
  struct lull_lane *lane = lull_mem_zero(sizeof *lane);
  if (!lane)
    return NULL;
  lane->name = lull_mem_copy(name, strlen(name));
  if (!lane->name || widen(lane) != LULL_OK) {
    lull_lane_free(lane);
    return NULL;
  }
  return lane;
}

void lull_lane_free(struct lull_lane *lane)
{
  if (!lane)
    return;
  lull_rates_clear(&lane->rates);
  lull_share_free(lane->share);
  lull_learn_clear(&lane->learn);
  lull_mem_free(lane->queues);
  lull_mem_free(lane->name);
  lull_mem_free(lane);
}

const char *lull_lane_name(const struct lull_lane *lane)
{
  return lane->name;
}

enum lull_err lull_lane_configure(struct lull_lane *lane,
                                  const struct lull_lane_conf *conf)
{
  unsigned before = lane->rates.count;
  enum lull_err err = lull_rates_merge(&lane->rates, conf);
  if (err)
    return err;
  err = widen(lane);
  if (err) {
    lull_rates_cut(&lane->rates, before);
    return err;
  }
  lane->pacing = conf->pace;
  lull_slots_configure(&lane->slots, conf->parallel, conf->adaptive,
                       conf->slow_start);
  lull_learn_configure(&lane->learn, conf->adaptive);
  lull_budget_configure(&lane->budget, &conf->budget);
  lull_breaker_configure(&lane->breaker, &conf->breaker);
  return LULL_OK;
}

static struct lull_rates_start counted(const struct lull_ticket *ticket)
{
  return (struct lull_rates_start){ticket->routes, ticket->weights};
}

static struct lull_queue *queue_of(struct lull_lane *lane,
                                   const struct lull_ticket *ticket)
{
  return &lane->queues[2 * ticket->routes + !ticket->retry];
}

void lull_lane_enqueue(struct lull_lane *lane, struct lull_ticket *ticket,
                       const char *method, const char *path, bool retry)
{
  if (ticket->lane)
    return;
  ticket->lane = lane;
  ticket->routes =
      lull_rates_match(&lane->rates, method, path, ticket->weights);
  ticket->retry = retry;
  ticket->holding = ticket->probe = ticket->unsent = false;
  ticket->number = ++lane->number;
  lull_queue_push(queue_of(lane, ticket), ticket);
  lane->queued++;
}

static void unlink(struct lull_lane *lane, struct lull_ticket *ticket)
{
  lull_queue_remove(queue_of(lane, ticket), ticket);
  lane->queued--;
}

void lull_lane_leave(struct lull_ticket *ticket, lull_usec now)
{
  if (!ticket->lane)
    return;
  if (ticket->holding) {
    lull_lane_finish(ticket, now,
                     &(struct lull_lane_end){.result = LULL_RESULT_DROP});
    return;
  }
  unlink(ticket->lane, ticket);
  ticket->lane = NULL;
}

void lull_lane_return(struct lull_ticket *ticket, lull_usec now)
{
  if (ticket->lane && ticket->holding && ticket->unsent) {
    struct lull_lane *lane = ticket->lane;
    lull_rates_release(&lane->rates, counted(ticket));
    lull_rates_back(&lane->rates, ticket->routes);
    if (lane->share)
      lull_share_return(lane->share, lull_state_shared(lane, ticket));
    ticket->unsent = false;
  }
  lull_lane_leave(ticket, now);
}

static struct lull_ticket *head(const struct lull_lane *lane, unsigned set)
{
  const struct lull_queue *queue = &lane->queues[2 * (size_t)set];
  return queue[0].first ? queue[0].first : queue[1].first;
}

/* The first of all heads that may start; else *when tells when one may, as
   far as time alone goes. */
static struct lull_ticket *choose(const struct lull_lane *lane, lull_usec open,
                                  lull_usec now, lull_usec *when)
{
  struct lull_ticket *best = NULL;
  for (unsigned set = 0; set < lane->sets; set++) {
    struct lull_ticket *ticket = head(lane, set);
    if (!ticket)
      continue;
    lull_usec at = lull_usec_later(open, lull_door_rated(lane, ticket));
    if (at > now)
      *when = at < *when ? at : *when;
    else if (!best || lull_queue_ahead(ticket, best))
      best = ticket;
  }
  return best;
}

static void start(struct lull_lane *lane, struct lull_ticket *ticket,
                  lull_usec now)
{
  ticket->holding = true;
  ticket->probe = lull_slots_probing(&lane->slots);
  ticket->unsent = lane->expect_sent;
  ticket->routes |= lane->rates.common;
  ticket->stamp = now;
  lull_rates_take(&lane->rates, ticket->routes, now);
  if (ticket->unsent)
    lull_rates_hold(&lane->rates, counted(ticket));
  else
    lull_rates_add(&lane->rates, counted(ticket), now);
  if (lane->share)
    lull_share_take(lane->share, lull_state_shared(lane, ticket));
  lull_pace_start(&lane->pace, now, lane->slots.starts);
  ticket->number = lull_slots_take(&lane->slots, now);
  lull_learn_start(&lane->learn, ticket->number, now);
  ticket->flying = lane->slots.flying;
  ticket->began = now;
  lull_breaker_start(&lane->breaker, ticket->number, now);
}

struct lull_ticket *lull_lane_next(struct lull_lane *lane, lull_usec now,
                                   lull_usec *when)
{
  *when = LULL_NEVER;
  if (!lane->queued)
    return NULL;
  lull_learn_turn(&lane->learn, &lane->slots, now);
  struct lull_door door = lull_door_ask(lane, now);
  struct lull_ticket *ticket = choose(lane, lull_door_open(&door), now, when);
  if (!ticket && door.at[LULL_CAUSE_LEARNED] > now)
    lull_learn_press(&lane->learn);
  if (!ticket)
    return NULL;
  unlink(lane, ticket);
  start(lane, ticket, now);
  return ticket;
}

void lull_lane_expect_sent(struct lull_lane *lane, bool on)
{
  lane->expect_sent = on;
}

void lull_lane_sent(struct lull_ticket *ticket, lull_usec sent)
{
  struct lull_lane *lane = ticket->lane;
  if (!lane || !ticket->holding)
    return;
  lull_usec from = ticket->stamp;
  ticket->stamp = lull_usec_later(from, sent);
  if (ticket->unsent)
    lull_rates_settle(&lane->rates, counted(ticket), ticket->stamp);
  else
    lull_rates_move(&lane->rates, counted(ticket), from, ticket->stamp);
  if (lane->share)
    lull_share_note(lane->share, lull_state_shared(lane, ticket), ticket,
                    ticket->unsent);
  ticket->unsent = false;
}

void lull_lane_arrived(struct lull_ticket *ticket, lull_usec at)
{
  struct lull_lane *lane = ticket->lane;
  if (!lane || !ticket->holding || ticket->unsent || ticket->stamp <= at)
    return;
  lull_rates_move(&lane->rates, counted(ticket), ticket->stamp, at);
  ticket->stamp = at;
  if (lane->share)
    lull_share_note(lane->share, lull_state_shared(lane, ticket), ticket,
                    false);
}

lull_usec lull_lane_slack(const struct lull_lane *lane)
{
  lull_usec slack = 100 * LULL_MSEC;
  for (unsigned i = 0; i < lane->rates.count; i++)
    if (lull_rates_length(&lane->rates.list[i]) / 4 < slack)
      slack = lull_rates_length(&lane->rates.list[i]) / 4;
  return slack < 20 * LULL_MSEC ? 20 * LULL_MSEC : slack;
}

static bool alone(const struct lull_lane *lane,
                  const struct lull_ticket *ticket)
{
  return ticket->flying <= 1 && !lane->queued &&
         lane->slots.starts == ticket->number && !lane->share;
}

/* Nor did another start between two of its attempts: those that wait by
   themselves are in no queue. */
static bool single(const struct lull_lane *lane,
                   const struct lull_ticket *ticket)
{
  return alone(lane, ticket) &&
         (!ticket->last || ticket->number == ticket->last + 1);
}

/* What the lane learns from it. */
static void learn(struct lull_lane *lane, const struct lull_ticket *ticket,
                  lull_usec now, const struct lull_lane_end *end)
{
  lull_learn_finish(&lane->learn, &lane->slots,
                    &(struct lull_learn_end){.number = ticket->number,
                                             .began = ticket->began,
                                             .now = now,
                                             .flying = ticket->flying,
                                             .alone = alone(lane, ticket),
                                             .result = end->result,
                                             .hint = end->hint,
                                             .quota = end->told,
                                             .base = end->base});
  /* What a server dates is for all who share the lane: they are not there to
     be compared with. */
  if (lane->share && end->result == LULL_RESULT_THROTTLE && end->told &&
      end->hint > 0)
    lull_slots_pause(&lane->slots, lull_usec_add(now, end->hint));
}

void lull_lane_head(struct lull_ticket *ticket, lull_usec now,
                    const struct lull_lane_end *end)
{
  struct lull_lane *lane = ticket->lane;
  if (!lane || !ticket->holding || ticket->headed)
    return;
  ticket->headed = true;
  lull_slots_head(&lane->slots, ticket->number, end->result);
  if (lull_breaker_tries(&lane->breaker, ticket->number))
    lull_breaker_finish(&lane->breaker, now, ticket->number,
                        lane->slots.starts, end->result);
  learn(lane, ticket, now, end);
}

/* What was granted since the call was refused before says that the refusal is
   the lane's affair, and a 429 says so itself, though others may have had all
   that was granted. An outage does neither. */
static void spare(const struct lull_lane *lane, struct lull_ticket *ticket,
                  lull_usec now, bool told)
{
  uint64_t granted = lane->learn.seen.granted;
  bool ours = ticket->borne && (told || granted > ticket->granted);
  ticket->spared =
      (!single(lane, ticket) || lull_learn_probes(&lane->learn)) &&
      (ours || (told && lull_learn_begins(&lane->learn, now)));
  ticket->granted = granted;
}

/* A request whose last byte never left may have been counted all the same,
   at the latest by now. */
void lull_lane_finish(struct lull_ticket *ticket, lull_usec now,
                      const struct lull_lane_end *end)
{
  struct lull_lane *lane = ticket->lane;
  if (!lane || !ticket->holding)
    return;
  if (ticket->unsent)
    lull_lane_sent(ticket, now);
  uint64_t starts = lane->slots.starts;
  lull_pace_finish(&lane->pace, now, ticket->number, starts, end->quota);
  lull_breaker_finish(&lane->breaker, now, ticket->number, starts,
                      end->result);
  lull_slots_give(&lane->slots, ticket->number, ticket->headed, end->result);
  if (!ticket->headed)
    learn(lane, ticket, now, end);
  if (lane->learn.on)
    lull_reach_finish(&lane->reach, &lane->slots, &lane->learn.rng, now,
                      ticket->number, end->result, single(lane, ticket),
                      end->base);
  bool throttled = end->result == LULL_RESULT_THROTTLE;
  ticket->borne = lull_learn_bears(&lane->learn, now, throttled && end->told);
  if (throttled)
    spare(lane, ticket, now, end->told);
  ticket->last = ticket->number;
  ticket->holding = ticket->probe = ticket->headed = false;
  ticket->lane = NULL;
}

void lull_lane_weigh(struct lull_lane *lane, const struct lull_ticket *ticket,
                     const struct lull_weight *counted, unsigned weight)
{
  lull_rates_weigh(&lane->rates, ticket->routes, ticket->stamp, counted,
                   weight);
}

bool lull_lane_weighed(const struct lull_lane *lane, unsigned *i,
                       lull_usec now, struct lull_lane_weighed *window)
{
  const struct lull_rates *r = &lane->rates;
  while (*i < r->count && !r->list[*i].weighed)
    ++*i;
  if (*i == r->count)
    return false;
  const struct lull_rates_entry *entry = &r->list[(*i)++];
  *window = (struct lull_lane_weighed){
      .name = lull_rates_name(entry),
      .most = lull_rates_most(entry),
      .length = lull_rates_length(entry),
      .held = lull_weighed_sum(entry->weighed, now)};
  return true;
}

void lull_lane_seed(struct lull_lane *lane, uint64_t seed)
{
  lull_learn_seed(&lane->learn, seed);
}

void lull_lane_pause(struct lull_lane *lane, lull_usec until)
{
  lull_slots_pause(&lane->slots, until);
}

bool lull_lane_pay(struct lull_lane *lane)
{
  return lull_budget_pay(&lane->budget);
}

void lull_lane_refund(struct lull_lane *lane, bool retried)
{
  lull_budget_refund(&lane->budget, retried);
}

bool lull_lane_closed(struct lull_lane *lane, lull_usec now, lull_usec *until)
{
  const struct lull_breaker *b = &lane->breaker;
  lull_usec shut = lull_breaker_shut(b, now);
  *until = shut ? shut : lull_usec_add(now, b->conf.open);
  return lull_breaker_next(b, now) <= now || lull_breaker_untried(b, now);
}

lull_usec lull_lane_open_until(const struct lull_lane *lane, lull_usec now)
{
  return lull_breaker_shut(&lane->breaker, now);
}

struct lull_ticket *lull_lane_first(const struct lull_lane *lane)
{
  struct lull_ticket *best = NULL;
  for (unsigned set = 0; set < lane->sets; set++) {
    struct lull_ticket *ticket = head(lane, set);
    if (ticket && (!best || lull_queue_ahead(ticket, best)))
      best = ticket;
  }
  return best;
}

enum lull_lane_cause lull_lane_cause(const struct lull_lane *lane,
                                     lull_usec now)
{
  const struct lull_ticket *ticket = lull_lane_first(lane);
  if (!ticket)
    return LULL_CAUSE_NONE;
  struct lull_door door = lull_door_ask(lane, now);
  lull_door_narrow(&door, lane, ticket);
  return lull_door_cause(&door, now);
}

struct lull_lane_hold lull_lane_held(const struct lull_lane *lane,
                                     const struct lull_ticket *ticket,
                                     lull_usec now)
{
  struct lull_door door = lull_door_ask(lane, now);
  if (ticket)
    lull_door_narrow(&door, lane, ticket);
  return lull_door_held(&door, lane, now);
}

void lull_lane_inspect(const struct lull_lane *lane, lull_usec now,
                       struct lull_lane_state *state)
{
  const struct lull_slots *slots = &lane->slots;
  const struct lull_budget *b = &lane->budget;
  struct lull_pace p = lull_pace_now(&lane->pace, now, 0);
  *state = (struct lull_lane_state){
      .queued = lane->queued,
      .flying = slots->flying,
      .parallel = lull_slots_limit(slots),
      .paused_until = slots->ramp && now < slots->until ? slots->until : 0,
      .budget = b->conf.on ? b->level / 1000.0 : 0,
      .budget_capacity = b->conf.on ? b->conf.capacity / 1000.0 : 0,
      .breaker = lull_breaker_name(&lane->breaker, now),
      .quota_remaining = p.known && !p.guess ? p.remaining : -1,
      .sharers = lane->share ? lane->share->sharers : 0,
      .machines = lane->share ? lane->share->machines : NULL,
      .learned = lull_learn_told(&lane->learn, slots),
  };
}
