/*
 * state: the fleet's insides: what its clients and calls are, where they are
 * kept, and what the end of a call means for its client. Shared by call (one
 * call, step by step) and fleet (clients, arrivals and the loop); nobody else
 * includes this.
 */
#ifndef LULL_FLEET_STATE_H
#define LULL_FLEET_STATE_H

#include "base/timerq.h"
#include "engine/judge.h"
#include "fleet/conf.h"
#include "fleet/stats.h"

enum lull_fleet_kind {
  LULL_FLEET_ARRIVAL, /* open: the next call begins */
  LULL_FLEET_CLIENT,  /* its lane may let go, or its next calls begin */
  LULL_FLEET_CALL,    /* the end of a wait, a deadline, a hedge */
  LULL_FLEET_LEG      /* a request or its answer arrives, or a timeout */
};

struct lull_fleet_event {
  struct lull_timer timer; /* first: a timer's address is its event's */
  enum lull_fleet_kind kind;
};

struct lull_fleet_client {
  struct lull_fleet_event event; /* first */
  unsigned index, left;          /* its number; calls still to begin */
  unsigned active;               /* calls that have begun and not ended */
  unsigned completed;            /* calls */
  bool failed;                   /* one of the fan-out was given up */
  lull_usec started;             /* the fan-out */
  struct lull_lane *lane;        /* NULL until it is needed */
  struct lull_fleet_call *first, *last; /* the active ones, as they began */
  lull_usec swept; /* who cannot wait until then has ended */
};

enum lull_fleet_phase {
  LULL_FLEET_IDLE,
  LULL_FLEET_ASKING, /* on its way to the server */
  LULL_FLEET_ANSWERED
};

/* One request on the wire, or in the lane's queue. */
struct lull_fleet_leg {
  struct lull_fleet_event event; /* first */
  struct lull_fleet_call *call;
  struct lull_ticket ticket;
  enum lull_fleet_phase phase;
  bool read; /* the first half of an optimistic write */
  lull_usec at, timeout_at;
  struct lull_fleet_reply reply;
};

enum lull_fleet_call_state {
  LULL_FLEET_QUEUED,
  LULL_FLEET_FLYING,
  LULL_FLEET_WAITING
};

struct lull_fleet_call {
  struct lull_fleet_event event; /* first */
  enum lull_fleet_call_state state;
  struct lull_fleet_client *client;
  struct lull_fleet_leg leg;
  struct lull_fleet_leg *hedge;        /* NULL: none */
  struct lull_fleet_call *prev, *next; /* its client's; or the next free one */
  lull_usec started, deadline_at, previous, next_timeout;
  unsigned short *rule_hits;
  unsigned tries, total;
  bool met; /* the outage */
};

#define LULL_FLEET_CHUNK 256

struct lull_fleet_chunk {
  struct lull_fleet_chunk *next;
  struct lull_fleet_call calls[LULL_FLEET_CHUNK];
};

struct lull_fleet {
  const struct lull_fleet_conf *conf;
  struct lull_client *policy;
  struct lull_fleet_stats *stats;
  enum lull_err err; /* the first; ends the run */
  lull_usec now;
  struct lull_rng rng;
  struct lull_timerq timers;
  struct lull_fleet_server server;
  struct lull_fleet_client *clients;
  struct lull_fleet_chunk *chunks;
  struct lull_fleet_call *free;
  struct lull_fleet_event arrival;
  struct lull_rng arrival_rng; /* so that all policies meet the same calls */
  uint64_t arrivals;
  double arrival_at; /* of a Poisson process, us */

  /* The engine's judge reads a call. This one stands for all of them, and
     its record for the outcome that is judged. */
  struct lull_flight ended; /* the pose's */
  struct lull_call pose;
  struct lull_record record;
  struct lull_hint hint; /* of `hint_after`, read once */
  lull_usec hint_after;
  int hint_status;
};

/* Keeps the first error. */
void lull_fleet_fail(struct lull_fleet *f, enum lull_err err);

/* Room for so many more timers. LULL_ENOMEM. */
enum lull_err lull_fleet_reserve(struct lull_fleet *f, unsigned n);

/* The client's next call, with room for its timers; NULL: no memory, which is
   noted. */
struct lull_fleet_call *lull_fleet_take(struct lull_fleet *f,
                                        struct lull_fleet_client *c);
void lull_fleet_give(struct lull_fleet *f, struct lull_fleet_call *call);

/* All calls that a client made at a time have ended: the next ones begin after
   its think time. One that is done needs its lane no more. */
void lull_fleet_next_fanout(struct lull_fleet *f, struct lull_fleet_client *c);

/* A call of the client has ended. */
void lull_fleet_ended(struct lull_fleet *f, struct lull_fleet_client *c,
                      enum lull_why why, lull_usec started);

#endif
