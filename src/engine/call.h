/*
 * call: one HTTP request as the script sees it, over all its attempts.
 *
 * Owns its request, its history, what is kept of its last answer, and its
 * attempts from their start until they are judged. While it waits it holds
 * nothing else: no handle, no connection, no slot. Only the engine uses it.
 */
#ifndef LULL_ENGINE_CALL_H
#define LULL_ENGINE_CALL_H

#include "base/timerq.h"
#include "engine/aside.h"
#include "world/world.h"

/* Slot and generation: exact in a double, never reused. */
typedef uint64_t lull_id;

/* One line of a call's history: one request on the wire. */
struct lull_record {
  lull_usec at;     /* when it was sent, after the call's start */
  lull_usec took;   /* until its outcome */
  lull_usec queued; /* that it had waited for its lane before */
  lull_usec wait;   /* that the verdict set before the next */
  lull_usec hint;   /* what the server asked for, or -1 */
  int16_t status;   /* 0: none */
  uint16_t n;       /* number of the attempt; hops share one */
  uint16_t rule;    /* that decided, or LULL_NO_RULE */
  uint8_t cut;      /* the class of what ended the body of that status */
  uint8_t class, action, why, source, hint_source, cause;
  uint8_t unproved; /* h2.refused, and no proof */
  uint8_t sent, maybe_applied, asked, free, hedge, resumed, chaos;
};

enum lull_call_state {
  LULL_QUEUED,    /* waits for its lane */
  LULL_PREPARING, /* its lane let it go, and the script makes its headers */
  LULL_FLYING,    /* an attempt is on the wire */
  LULL_ASKED,     /* the script decides */
  LULL_WAITING,   /* for the next attempt's time */
  LULL_DONE       /* its end is being reported */
};

/* What calls and sleeps have in common: a timer, an id, events to report. */
struct lull_entry {
  struct lull_timer timer; /* first: a timer's address is its entry's */
  enum { LULL_ENTRY_CALL, LULL_ENTRY_SLEEP, LULL_ENTRY_LANE } kind;
  unsigned events;         /* bits, see events.h */
  struct lull_entry *next; /* in the queue of events */
  lull_id id;
};

struct lull_lane_slot;
struct lull_call;

/* An attempt, and what the engine notes of it: while it flies, and after its
   end, while it is judged. */
struct lull_flight {
  struct lull_attempt attempt; /* first: its address is the flight's */
  unsigned n, nth; /* number of the attempt; of the request on the wire */
  lull_usec left_at, timeout_at;
  lull_usec stalled_at; /* when it will have stood still too long */
  lull_usec held_until; /* by a fault, before it is sent; 0: not */
  lull_usec hedge_at;   /* when a second attempt is to race it */
  bool chaos;           /* a fault was added to it */
  bool hop;             /* it follows a redirect */
  bool noted;           /* the store was told of it */
  struct lull_hint hint;
  struct lull_verdict suggestion;
};

/* What the script has to do with the headers of the next request. */
enum lull_leg_headers {
  LULL_HEADERS_READY, /* nothing, or it has made them */
  LULL_HEADERS_WANTED,
  LULL_HEADERS_ASKED /* it knows */
};

/* One place on the wire. A call has one, and a second while it is hedged. */
struct lull_leg {
  struct lull_ticket ticket; /* first: a ticket's address is its leg's */
  struct lull_call *call;
  struct lull_lane_slot *lane;
  struct lull_flight *flight; /* only while flying */
  lull_usec queued_at;
  enum lull_lane_cause cause : 8; /* what it waited for in the queue */
  enum lull_leg_headers headers : 8;
  bool untold; /* simulated: its SEND event is due */
  bool made;   /* the headers of its next request, by the script */
};

/* A million calls may wait: what only some have is behind a pointer. */
struct lull_call {
  struct lull_entry entry;
  struct lull_client *client;
  struct lull_request request;
  struct lull_aside *aside; /* what few have; NULL: nothing */
  struct lull_leg leg;
  struct lull_leg *hedge;      /* NULL: none */
  struct lull_flight *ended;   /* that came to its end last; NULL: none, or it
                                  is waiting */
  struct lull_kept *kept;      /* of the last real answer, if that is not
                                  ended's; or NULL */
  struct lull_record *records; /* NULL until an attempt is made */
  unsigned record_count, record_cap;
  unsigned judged;           /* index of the record that is being judged */
  unsigned told;             /* records whose verdicts have been reported */
  unsigned short *rule_hits; /* by rule; NULL until one is counted */
  lull_usec started, waited, previous;
  lull_usec retry_after; /* asked for and refused; -1: not */
  unsigned wire;         /* requests on the wire so far */
  uint16_t tries, total; /* at most LULL_ATTEMPTS_CEILING */
  uint16_t hops;         /* redirects of this attempt */
  uint16_t timeout_rule; /* whose timeout the next attempt has */
  enum lull_call_state state : 4;
  enum lull_action end : 4; /* once it is done, and why */
  enum lull_why end_why : 8;
  enum lull_class fault : 8; /* of an end with no attempt to blame */
  bool keyed : 1, unsafe : 1, maybe_applied : 1, ask_always : 1;
  bool fresh : 1;   /* the next attempt is to have a connection of its own */
  bool old : 1;     /* it speaks HTTP/1.1 from now on */
  bool hop : 1;     /* the next request follows a redirect */
  bool applied : 1; /* an answer sent it on to a GET, and it may not be sent
                       twice: its end is no limit's affair */
  bool remembered : 1; /* by a store */
  bool unanswered : 1; /* the next attempt was sent by a process that ended */
  bool prepares : 1;   /* the script makes headers anew for each request */
  bool renews : 1;     /* a 401 is the script's to judge: it has a token */
  bool held : 1;       /* its lane was, for too long: that ended it */
};

/* Where a call was before it went elsewhere. */
struct lull_left {
  unsigned at; /* index of the record before it did */
  const char *method, *url;
};

/* The last real answer, wherever it is. */
struct lull_last {
  int status; /* 0: there was none */
  const char *headers, *body;
  size_t headers_len, body_len;
};

struct lull_call_options {
  const struct lull_limits *limits; /* NULL: the client's */
  const char *lane;                 /* NULL: the origin's */
  bool keyed, unsafe;
  bool ask_always; /* the script makes the body anew for each attempt */
  bool prepares;   /* and headers for each request */
  bool renews;     /* it has a token, which may be renewed after a 401 */
  const struct lull_weights *weights; /* NULL: nothing of it is weighed */
  const struct lull_call_memo *memo;  /* NULL: it is not remembered */
};

/* The call of an entry, or NULL when it is none. */
struct lull_call *lull_call_of(struct lull_entry *entry);

/* Takes the request's contents, which are left empty. NULL: no memory. */
struct lull_call *lull_call_new(struct lull_client *client,
                                struct lull_request *request,
                                const struct lull_call_options *options,
                                lull_usec now);
void lull_call_free(struct lull_call *call);

/* What comes of its file may outlive the run: not in a simulated world, which
   leaves nothing behind that a real one would take up. */
void lull_call_keep_part(struct lull_call *call);

/* A fresh flight for a leg. Also makes room for its record, so that
   recording cannot fail. LULL_ENOMEM. */
enum lull_err lull_call_attempt(struct lull_call *call, struct lull_leg *leg);

/* The leg's flight was none: nothing of it was sent, and it is not counted. */
void lull_call_forget(struct lull_call *call, struct lull_leg *leg);

/* The second leg, not yet in any lane; LULL_ENOMEM. */
enum lull_err lull_call_hedge(struct lull_call *call);
void lull_call_drop_hedge(struct lull_call *call);

/* The leg's flight is over: it is the one that ended last, unless it was cut
   before anything came of it. A part that can be continued is put aside. */
void lull_call_absorb(struct lull_call *call, struct lull_leg *leg);

/* Frees what a waiting call need not hold: of an answer there stay its
   headers and the beginning of its body. */
void lull_call_shrink(struct lull_call *call);

/* Borrowed until the call goes on. */
void lull_call_last(const struct lull_call *call, struct lull_last *last);

/* Its own limits, or the client's. */
const struct lull_limits *lull_call_limits(const struct lull_call *call);

/* LULL_NEVER: none. */
lull_usec lull_call_deadline(const struct lull_call *call);

/* The name of the lane that was asked for, or else the origin. Borrowed. */
const char *lull_call_lane(const struct lull_call *call, const char *origin);

/* The transport's words on the last error; NULL: none. Borrowed. */
const char *lull_call_detail(const struct lull_call *call);

/* False when it never went elsewhere. Borrowed. */
bool lull_call_left(const struct lull_call *call, struct lull_left *left);

/* A rule's, for the next attempt; 0: none. */
lull_usec lull_call_timeout(const struct lull_call *call);

/* A whole body that was to become a file, and that nobody accepted. */
void lull_call_drop_body(struct lull_call *call);

/* Counts an outcome under its rule. Without memory the count is taken to be
   at its limit, so that a call cannot run for ever. */
void lull_call_count_rule(struct lull_call *call, unsigned rule);

/* A free retry: its outcome counts neither for the call nor for a rule with
   attempts of its own. */
void lull_call_uncount(struct lull_call *call, unsigned rule);

/* Outcomes of that rule so far. */
unsigned lull_call_rule_hits(const struct lull_call *call, unsigned rule);

/* How many attempts the call may come to, as things are after its last
   outcome: those that a rule counts by itself and the free ones included. */
unsigned lull_call_most(const struct lull_call *call);

/* Remembers where the call is about to go elsewhere from, for its report.
   Without memory the report names the target instead. */
void lull_call_note_hop(struct lull_call *call);

/* The next attempt goes there. Errors as of lull_redirect_to. */
enum lull_err lull_call_go(struct lull_call *call, const char *url);

/* The call ends, and so was nowhere else. */
void lull_call_stay(struct lull_call *call);

/* The record that is being judged, or was last; NULL before the first. */
struct lull_record *lull_call_judged(const struct lull_call *call);

#endif
