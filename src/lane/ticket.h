/*
 * ticket: one call's place in a lane: what it waits for, and what became of
 * its attempt. Plain values, shared by the parts of a lane.
 */
#ifndef LULL_LANE_TICKET_H
#define LULL_LANE_TICKET_H

#include "base/base.h"

/* What a ticket waits for. Names: lull_ticket_cause_name. */
enum lull_lane_cause {
  LULL_CAUSE_NONE = 0,
  LULL_CAUSE_PARALLEL, /* a slot */
  LULL_CAUSE_RATE,     /* a window */
  LULL_CAUSE_PAUSE,    /* the end of a pause, or the probe after it */
  LULL_CAUSE_PACE,     /* its share of the quota */
  LULL_CAUSE_LEARNED,  /* its turn at what the lane has learned */
  LULL_CAUSE_BREAKER,  /* the breaker is open */
  LULL_CAUSE_FILES,    /* files that others have open: the engine tells */
  LULL_CAUSES
};

const char *lull_ticket_cause_name(enum lull_lane_cause cause);

/* Until when nobody starts, as far as time alone goes. */
struct lull_lane_hold {
  enum lull_lane_cause cause; /* LULL_CAUSE_NONE: it is not known */
  lull_usec until;
  bool own; /* a pause that nobody but the lane has set */
};

struct lull_lane;

/* What a request weighs in the windows of that name. */
struct lull_weight {
  const char *name; /* borrowed from its client */
  unsigned weight;
  unsigned counted; /* of the attempt that was weighed last */
};

struct lull_weights {
  unsigned count;
  struct lull_weight list[];
};

/* One call's place in a lane. Zeroed at first. */
struct lull_ticket {
  struct lull_lane *lane; /* NULL: neither queued nor holding a slot */
  struct lull_ticket *prev, *next;
  const struct lull_weights *weights; /* borrowed; NULL: none */
  unsigned char routes; /* which of the lane's windows it counts in */
  bool retry;           /* goes ahead of first tries */
  bool holding;         /* has a slot */
  bool probe;           /* the one that goes first after a pause */
  bool unsent;          /* started, and its last byte has not left yet */
  bool headed;          /* the head of its answer is there */
  bool spared;          /* more had been when it was refused again */
  bool borne;      /* when it ended, the server had granted something lately */
  unsigned flying; /* how many were in flight when it started */
  uint64_t number; /* its place in the queue; then that of its start */
  lull_usec began; /* its start */
  uint64_t granted; /* to the lane, when it was refused last */
  uint64_t last;    /* the number of its start before this one; 0: none */
  lull_usec stamp;  /* its start, as the windows count it */
};

/* What became of an attempt, in the lane's terms. */
enum lull_lane_result {
  LULL_RESULT_PASS,      /* the server answered and is well */
  LULL_RESULT_FAIL,      /* 5xx or a transport error */
  LULL_RESULT_THROTTLE,  /* 429, 503: the server has too much */
  LULL_RESULT_DROP,      /* cancelled: says nothing of the server */
  LULL_RESULT_TIMEOUT,   /* no answer in time: a failure, and a sign of load */
  LULL_RESULT_UNREACHED, /* nobody is there: what others send would not, too */
  LULL_RESULT_UNCONNECTED /* no connection in time: either of both */
};

#endif
