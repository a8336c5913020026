/*
 * share: what this process has of a lane that others have, too: places in
 * the windows of all, each with the time from which it may be used; and what
 * the others are to be told: when a start was counted, and which places come
 * back unused.
 *
 * A plain value, owned by its lane. The lane takes places and notes what
 * becomes of them; who talks to the others (engine/shared) gives and tells.
 * It never reads a clock, and never asks anybody. Without memory a place
 * stays taken for the others: less is sent, never more.
 */
#ifndef LULL_LANE_SHARE_H
#define LULL_LANE_SHARE_H

#include "lane/ticket.h"

/* The places of requests that count in the same windows. */
struct lull_share_set {
  unsigned char windows; /* a mask, as in rates */
  lull_usec *from;       /* the first first */
  unsigned count, cap;
  unsigned used;     /* since it was asked for more */
  unsigned out;      /* taken, and neither noted nor returned */
  unsigned given_up; /* of those so many that the others have given up */
  unsigned ahead;    /* how many are asked for before they are needed */
  lull_usec ask_at;  /* not sooner */
  lull_usec asked;   /* when it was asked last */
  unsigned needed;   /* so many could have gone then */
  bool tight;        /* there were not so many */
};

enum lull_share_kind {
  LULL_SHARE_START = 's', /* counted at `stamp` */
  LULL_SHARE_MOVE = 'm',  /* it was counted, and happened at `stamp` */
  LULL_SHARE_BACK = 'r'   /* `number` places were not used */
};

struct lull_share_mark {
  enum lull_share_kind kind;
  unsigned char windows;
  uint64_t number; /* of the start */
  lull_usec stamp;
};

/* What is one for all beside the windows; see facts. */
struct lull_share_facts {
  unsigned slots;     /* so many may be in flight here */
  unsigned held;      /* so many are taken for it */
  lull_usec slots_at; /* more are asked for not sooner */
  bool called;        /* others look for slots */
  lull_usec since;    /* when something to be told was found; 0: nothing */
};

struct lull_share {
  int64_t number;   /* among this process's; 0: the others do not know it */
  unsigned rates;   /* how many windows they know */
  bool unheard;     /* what they said may not have been heard */
  bool away;        /* nobody can be asked: nothing starts */
  bool local;       /* but what falls to this process of all */
  unsigned sharers; /* processes that have it; 0: not known */
  char *machines;   /* which, in lines; NULL: not known */
  lull_usec paused; /* by the others' clock; the end that they know */
  lull_usec heard;  /* the same by ours: what is told is not told back */
  struct lull_share_facts facts;
  struct lull_share_set *sets;
  unsigned set_count;
  struct lull_share_mark *marks;
  unsigned mark_count, mark_cap;
  lull_usec marked; /* when the first of them was found; 0: not yet */
};

struct lull_share *lull_share_new(void);

/* Who has it, as was told just now. Without memory it stays unknown. */
void lull_share_tell(struct lull_share *s, unsigned sharers,
                     const char *machines, size_t len);
void lull_share_free(struct lull_share *s); /* NULL is none */

/* From when a request may start that counts in these windows; LULL_NEVER:
   when there is a place. */
lull_usec lull_share_next(const struct lull_share *s, unsigned windows);

/* It starts, in the first place there is. */
void lull_share_take(struct lull_share *s, unsigned windows);

/* It is counted now in those windows at its ticket's stamp: for the first
   time, or anew. */
void lull_share_note(struct lull_share *s, unsigned char windows,
                     const struct lull_ticket *ticket, bool first);

/* What was taken does not start. */
void lull_share_return(struct lull_share *s, unsigned windows);

/* The set of these windows, made when it is new; NULL: no memory. */
struct lull_share_set *lull_share_of(struct lull_share *s, unsigned windows);

/* One place more, later than those that there are. */
enum lull_err lull_share_give(struct lull_share_set *set, lull_usec from);

/* The places of the set that could be used before `then` come back. */
void lull_share_drop(struct lull_share *s, struct lull_share_set *set,
                     lull_usec then);

/* Nobody need be told of what was counted before. */
void lull_share_fade(struct lull_share *s, lull_usec since);

/* All that there was is void: the others have given it up. What has started,
   and is to be told, is theirs to know. */
void lull_share_forget(struct lull_share *s);

#endif
