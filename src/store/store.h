/*
 * store: the one seam to what is kept over the end of the process: the items
 * of a batch that have come to an end, and the calls of those that have not.
 *
 * Four stores fill it: file (SQLite), memory (for simulated worlds), redis,
 * which several processes share, and relay (the same in a simulated world). A
 * write is only taken in here, and numbered; `flush` hands over what has
 * gathered, and `poll` tells up to which number all is kept for good. Nothing
 * here waits for a disk or a network but opening and closing.
 */
#ifndef LULL_STORE_STORE_H
#define LULL_STORE_STORE_H

#include "base/buf.h"
#include "base/rng.h"

/* Whose call it is: the nth of an item, of a batch. */
struct lull_store;

#define LULL_STORE_LANES 0 /* the batch whose items are lanes: see known.h */

struct lull_store_key {
  int64_t batch;
  const char *item;
  size_t len;
  int nth; /* from 1; below 0: of another task, which is only noted */
};

enum lull_store_state {
  LULL_STORE_OPEN, /* not known, or begun and not ended */
  LULL_STORE_DONE,
  LULL_STORE_FAILED,
  LULL_STORE_LATER
};

/* What became of an item, borrowed until the next read. */
struct lull_store_item {
  enum lull_store_state state;
  int64_t run;   /* in which it ended */
  lull_usec due; /* wall clock; of one for later */
  const char *bytes;
  size_t len;
};

/* What is to be kept. */
struct lull_store_write {
  enum lull_store_kind {
    LULL_STORE_CALL,   /* the call's bytes, new or instead of the old */
    LULL_STORE_SETTLE, /* the item's end; its calls are forgotten */
    LULL_STORE_DEFER,  /* the item is for later; its calls stay */
    LULL_STORE_REOPEN, /* the item is open again, and has made no call */
    LULL_STORE_ORDER   /* what only a shared store knows: `order` says what */
  } kind;
  char order;
  bool rests; /* a file's own, as `row`: see active.h */
  struct lull_store_key key;
  enum lull_store_state state;
  uint32_t row;
  lull_usec due;
  size_t size;
};

struct lull_store_text {
  const char *bytes;
  size_t len;
};

struct lull_store_ops {
  /* The number of the batch of that name, made when it is new. LULL_ECHANGED:
     its items are of another kind. LULL_EIO. */
  enum lull_err (*batch)(struct lull_store *s, const char *name,
                         const char *kind, int64_t *number);
  /* What was kept of an item, when what was written is flushed and durable. */
  enum lull_err (*claim)(struct lull_store *s, const struct lull_store_key *k,
                         struct lull_store_item *item);
  /* What was kept of a call, borrowed until the next read; *bytes is NULL for
     nothing. With nth below 0: of any such call. */
  enum lull_err (*call)(struct lull_store *s, const struct lull_store_key *k,
                        const char **bytes, size_t *len);
  /* Begins to keep what is in `pending`. */
  void (*flush)(struct lull_store *s);
  /* Renews `durable` and `problem`. */
  void (*poll)(struct lull_store *s);
  /* Simulated: what was handed over is kept now, or asks for its server;
     false: there is nothing. NULL: it takes its own time. */
  bool (*land)(struct lull_store *s);
  /* From now on what is kept outlives the process, and not a power failure.
     NULL: it makes no difference. */
  enum lull_err (*relax)(struct lull_store *s);
  /* The process ends at the last write, for who tries what that does. */
  void (*crash)(struct lull_store *s);
  /* What a shared store has to tell next, in texts, borrowed until the next
     call; how many, 0: nothing. NULL: it is not shared. */
  size_t (*news)(struct lull_store *s, const struct lull_store_text **texts);
  /* Why its server is not there now, "" when it is; renews `asking`. NULL: it
     is not shared. */
  const char *(*away)(struct lull_store *s);
  /* Keeps all that was written, and frees the store. */
  void (*close)(struct lull_store *s);
};

struct lull_store {
  const struct lull_store_ops *ops;
  uint64_t written, durable; /* numbers of writes */
  uint64_t handed;           /* up to which they were handed over */
  int64_t run;               /* of this opening, from 1 */
  uint64_t secret[2];        /* of the journal, for what it derives */
  int fd;                    /* readable when `poll` has news; -1 */
  char problem[256];         /* why nothing more is kept; "": all is well */
  bool asks;                 /* simulated: its server has a script to run */
  bool gathers;   /* a commit of many costs little more than one of few */
  bool passing;   /* the problem may pass: another run may do */
  lull_usec told; /* what a shared store's clock showed just now; 0: nothing */
  uint64_t lapses;         /* how often something may have been said unheard */
  uint64_t asking;         /* question to its server without answer; 0: none */
  bool timed;              /* `skew` is known */
  lull_usec skew;          /* to be added to our own, to have the store's */
  struct lull_buf pending; /* encoded writes that were not handed over */
  double crash_share;      /* of the writes at which the process ends */
  struct lull_rng rng;     /* for it */
};

/* For the stores. */
void lull_store_init(struct lull_store *s, const struct lull_store_ops *ops);

/* Takes a write in. Without memory the store has a problem from then on. */
void lull_store_write(struct lull_store *s, const struct lull_store_write *w,
                      const void *bytes);

/* From now on the process ends at each write with that probability. */
void lull_store_chaos(struct lull_store *s, double share, uint64_t seed);

/* Nothing more is kept, for that reason. */
void lull_store_fail(struct lull_store *s, const char *why);

/* For the stores' `crash`: as by a kill, nothing is flushed or closed. */
void lull_store_crash(struct lull_store *s);

/* Hands over what has gathered, if there is any. */
void lull_store_flush(struct lull_store *s);

/* True when what gathers would be taken at once. */
bool lull_store_idle(struct lull_store *s);

/* All up to that write is kept; never true of a store with a problem. */
bool lull_store_durable(struct lull_store *s, uint64_t number);

/* Waits until all that was written is kept, for that many seconds at most and
   no longer than there is no problem; true: it is. Blocks: for who has no
   loop.
 */
bool lull_store_wait(struct lull_store *s, double seconds);

/* The write at *at of encoded ones, which moves on; false at the end. */
bool lull_store_next(const struct lull_buf *writes, size_t *at,
                     struct lull_store_write *w, const char **bytes);

#endif
