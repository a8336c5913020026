/*
 * crew: the thread that talks to a Redis for the store, a script a tick for
 * all that has gathered meanwhile. It joins the journal, keeps the lease, and
 * asks again when the server was away; a script that ran, and whose answer
 * was lost, is known by its number and does not run twice.
 *
 * It allocates nothing by lull's allocator: the buffers that it reads are
 * swapped, not freed. Used by redis only.
 */
#ifndef LULL_STORE_CREW_H
#define LULL_STORE_CREW_H

#include "store/link.h"
#include "store/script.h"

#ifdef LULL_STORE_REDIS

#include "store/thread.h"

struct lull_crew {
  struct lull_link link;
  struct lull_link ear;       /* without options: nothing is heard */
  const char *name, *who;     /* the journal, and this process */
  const char *secret, *fresh; /* 16 bytes; the epoch of a new journal */
  int lease;                  /* ms */
  pthread_t thread;
  bool running;
  int wake[2]; /* the thread writes a byte when it has news */
  int call[2]; /* the loop writes a byte when it has work */
  /* The thread's own. */
  char me[24], epoch[40], prefix[160];
  uint64_t step; /* scripts that were run */
  char heads[LULL_SCRIPT_WRITES][LULL_SCRIPT_HEAD];
  const char *argv[LULL_LINK_HEAD + 5 + 3 * LULL_SCRIPT_WRITES];
  size_t lens[LULL_LINK_HEAD + 5 + 3 * LULL_SCRIPT_WRITES];
  /* Shared, under the mutex. */
  pthread_mutex_t mutex;
  pthread_cond_t news;
  struct lull_buf handed;
  bool busy, stop, joined;
  redisReply *reply; /* of `answered` writes, to be taken by the loop */
  uint64_t answered;
  uint64_t lapses;    /* how often something may have been said unheard */
  bool passing;       /* what is wrong may pass */
  uint64_t questions; /* odd: the last has no answer yet */
  char away[256];     /* why the server is not there now; "": it is */
  char wrong[256];
};

/* Starts the thread, which joins; waits for that. `c->link`, `name`, `who`,
   `secret`, `fresh` and `lease` are set. The reply is the join's; NULL: see
   `away` and `wrong`. */
redisReply *lull_crew_start(struct lull_crew *c);

/* Takes what is pending, which is empty then; false when it is busy. */
bool lull_crew_take(struct lull_crew *c, struct lull_buf *pending);

/* A reply, for its taker to free, and how many writes it is for; NULL when
   there is none; or a message that was heard, for none. With `wait` until
   there is one, or nothing under way, or the server is away. True in *busy
   while there is more to come. */
redisReply *lull_crew_reply(struct lull_crew *c, bool wait, uint64_t *writes,
                            bool *busy);

/* Copies why the server is away or what is wrong. */
void lull_crew_words(struct lull_crew *c, char away[256], char wrong[256],
                     bool *passing);

/* The number of the question that has no answer yet; 0: there is none. */
uint64_t lull_crew_asking(struct lull_crew *c);

/* How often something may have been said that was not heard. */
uint64_t lull_crew_lapses(struct lull_crew *c);

/* Ends the thread and frees what is the crew's. */
void lull_crew_stop(struct lull_crew *c);

#endif
#endif
