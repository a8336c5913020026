/*
 * call: one HTTP request as the script sees it, over all its attempts.
 *
 * Owns its request, its history and its last response, and an attempt while
 * one flies. While it waits it holds nothing else: no handle, no connection,
 * no slot. Only the engine uses it.
 */
#ifndef LULL_CALL_H
#define LULL_CALL_H

#include "timerq.h"
#include "world.h"

/* Slot and generation: exact in a double, never reused. */
typedef uint64_t lull_id;

/* One line of a call's history: one request on the wire. */
struct lull_record {
  lull_usec at;   /* when it was sent, after the call's start */
  lull_usec took; /* until its outcome */
  lull_usec wait; /* that the verdict set before the next */
  lull_usec hint; /* what the server asked for, or -1 */
  int16_t status; /* 0: none */
  uint16_t n;     /* number of the attempt; hops share one */
  uint16_t rule;  /* that decided, or LULL_NO_RULE */
  uint8_t class, action, why, source, hint_source;
  uint8_t sent, maybe_applied, asked, free;
};

enum lull_call_state {
  LULL_QUEUED,  /* waits for its lane */
  LULL_FLYING,  /* an attempt is on the wire */
  LULL_ASKED,   /* the script decides */
  LULL_WAITING, /* for the next attempt's time */
  LULL_DONE     /* its end is being reported */
};

/* What calls and sleeps have in common: a timer, an id, events to report. */
struct lull_entry {
  struct lull_timer timer; /* first: a timer's address is its entry's */
  enum { LULL_ENTRY_CALL, LULL_ENTRY_SLEEP, LULL_ENTRY_LANE } kind;
  unsigned events;         /* bits, see engine.c */
  struct lull_entry *next; /* in the queue of events */
  lull_id id;
};

struct lull_lane_slot;

struct lull_call {
  struct lull_entry entry;
  enum lull_call_state state;
  struct lull_client *client;
  struct lull_limits *limits; /* the client's, or its own */
  struct lull_request request;
  char *lane_name; /* NULL: the origin's lane */
  struct lull_ticket ticket;
  struct lull_lane_slot *lane;
  struct lull_attempt *attempt; /* only while flying or being judged */
  struct lull_response last;    /* the last real one */
  struct lull_record *records;
  unsigned record_count, record_cap;
  unsigned short *rule_hits; /* by rule; NULL until one is counted */
  lull_usec started, deadline_at, waited, previous, left_at;
  lull_usec next_timeout; /* a rule's, for one attempt; 0: none */
  unsigned tries, total, hops;
  bool keyed, unsafe, maybe_applied, ask_always;
  bool hop;                       /* the next request follows a redirect */
  struct lull_hint hint;          /* of the last attempt */
  struct lull_verdict suggestion; /* while it is being judged */
  struct lull_verdict end;        /* once it is done */
  lull_usec retry_after;          /* asked for and refused; -1: not */
  enum lull_class fault;          /* of an end with no attempt to blame */
  char *detail;                   /* the transport's words on the last error */
};

struct lull_call_options {
  const struct lull_limits *limits; /* NULL: the client's */
  const char *lane;                 /* NULL: the origin's */
  bool keyed, unsafe;
  bool ask_always; /* the script makes the body anew for each attempt */
};

/* Takes the request's contents, which are left empty. NULL: no memory. */
struct lull_call *lull_call_new(struct lull_client *client,
                                struct lull_request *request,
                                const struct lull_call_options *options,
                                lull_usec now);
void lull_call_free(struct lull_call *call);

/* A fresh attempt, owned by the call; NULL: no memory. Also makes room for
   its record, so that recording cannot fail. */
struct lull_attempt *lull_call_attempt(struct lull_call *call);

/* The attempt is over: what it brought becomes the last response. */
void lull_call_absorb(struct lull_call *call);

/* Frees what a waiting call need not hold; a long body of an answer that is
   not the final one is cut. */
void lull_call_shrink(struct lull_call *call);

/* Counts an outcome under its rule; the number so far. Without memory the
   count is taken to be at its limit, so that a call cannot run for ever. */
unsigned lull_call_count_rule(struct lull_call *call, unsigned rule);

/* How many attempts the call may come to, as things are after its last
   outcome: those that a rule counts by itself and the free ones included. */
unsigned lull_call_limit(const struct lull_call *call);

#endif
