#include "lane/door.h"

/* Of a limit for all there is a part for this process. */
static lull_usec unfilled(const struct lull_lane *lane)
{
  const struct lull_slots *s = &lane->slots;
  if (lane->share && s->parallel && s->flying >= lane->share->facts.slots)
    return LULL_NEVER;
  return lull_slots_unfilled(s);
}

struct lull_door lull_door_ask(const struct lull_lane *lane, lull_usec now)
{
  struct lull_door door = {{0}};
  enum lull_lane_cause why;
  lull_usec at = lull_learn_next(&lane->learn, &lane->slots, now, &why);
  door.at[why] = at;
  door.at[LULL_CAUSE_PAUSE] = lull_usec_later(
      door.at[LULL_CAUSE_PAUSE], lull_slots_unpaused(&lane->slots, now));
  door.at[LULL_CAUSE_BREAKER] = lull_breaker_next(&lane->breaker, now);
  door.at[LULL_CAUSE_PARALLEL] = unfilled(lane);
  door.at[LULL_CAUSE_RATE] = lull_rates_next(
      &lane->rates, (struct lull_rates_start){lane->rates.common, NULL});
  if (lane->pacing)
    door.at[LULL_CAUSE_PACE] =
        lull_pace_next(&lane->pace, now, lane->slots.flying, lane->queued);
  return door;
}

lull_usec lull_door_rated(const struct lull_lane *lane,
                          const struct lull_ticket *ticket)
{
  lull_usec at = lull_rates_next(
      &lane->rates,
      (struct lull_rates_start){ticket->routes, ticket->weights});
  if (lane->share)
    at = lull_usec_later(
        at, lull_share_next(lane->share, lull_state_shared(lane, ticket)));
  return at;
}

void lull_door_narrow(struct lull_door *door, const struct lull_lane *lane,
                      const struct lull_ticket *ticket)
{
  door->at[LULL_CAUSE_RATE] = lull_usec_later(door->at[LULL_CAUSE_RATE],
                                              lull_door_rated(lane, ticket));
}

lull_usec lull_door_open(const struct lull_door *door)
{
  lull_usec at = 0;
  for (unsigned cause = 0; cause < LULL_CAUSES; cause++)
    at = lull_usec_later(at, door->at[cause]);
  return at;
}

/* A refusal by the server is worth more words than a limit of our own; of
   rate and pace the later one is what is waited for. */
enum lull_lane_cause lull_door_cause(const struct lull_door *door,
                                     lull_usec now)
{
  const lull_usec *at = door->at;
  if (at[LULL_CAUSE_BREAKER] > now)
    return LULL_CAUSE_BREAKER;
  if (at[LULL_CAUSE_PAUSE] > now)
    return LULL_CAUSE_PAUSE;
  if (at[LULL_CAUSE_LEARNED] > now)
    return LULL_CAUSE_LEARNED;
  if (lull_usec_later(at[LULL_CAUSE_PACE], at[LULL_CAUSE_RATE]) > now)
    return at[LULL_CAUSE_PACE] >= at[LULL_CAUSE_RATE] ? LULL_CAUSE_PACE
                                                      : LULL_CAUSE_RATE;
  return at[LULL_CAUSE_PARALLEL] > now ? LULL_CAUSE_PARALLEL : LULL_CAUSE_NONE;
}

/* A pause, not the patience with the one that goes first after it. */
static lull_usec pause_end(const struct lull_lane *lane, lull_usec now)
{
  return lane->slots.ramp && lane->slots.until > now ? lane->slots.until : 0;
}

struct lull_lane_hold lull_door_held(const struct lull_door *door,
                                     const struct lull_lane *lane,
                                     lull_usec now)
{
  static const enum lull_lane_cause causes[] = {
      LULL_CAUSE_LEARNED, LULL_CAUSE_PACE, LULL_CAUSE_RATE};
  struct lull_lane_hold hold = {LULL_CAUSE_NONE, pause_end(lane, now), false};
  if (hold.until) {
    hold.cause = LULL_CAUSE_PAUSE;
    hold.own = (lane->learn.hold.on && !lane->learn.hold.told) ||
               lull_reach_lost(&lane->reach);
  }
  for (unsigned i = 0; i < sizeof causes / sizeof *causes; i++) {
    lull_usec at = door->at[causes[i]];
    if (at > now && at > hold.until && at != LULL_NEVER)
      hold = (struct lull_lane_hold){causes[i], at, false};
  }
  return hold;
}
