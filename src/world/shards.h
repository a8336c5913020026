/*
 * shards: libcurl's multi handles. There are several, because for each
 * request libcurl walks all connections of its handle to that host: with
 * thousands of transfers under way in one handle, it would do little else.
 *
 * A transfer goes into the first handle that has room, so that few at a time
 * share one handle, and its connections. Owns the handles; netloop drives
 * them, and world_real owns both.
 */
#ifndef LULL_WORLD_SHARDS_H
#define LULL_WORLD_SHARDS_H

#include "base/base.h"

#include <curl/curl.h>

struct lull_shard {
  CURLM *multi;
  struct lull_shards *all;
  unsigned index, transfers;
  lull_usec due; /* when libcurl wants to be called; LULL_NEVER */
  bool stirred;  /* it was called: transfers may have ended */
  bool dropped;  /* it gave a socket up */
};

struct lull_shards {
  struct lull_shard **list;
  unsigned count, cap;
  unsigned room; /* transfers in one of them */
  bool thrifty;  /* no connection is kept that one under way could use */
  void (*made)(struct lull_shard *shard, void *user);
  void *user;
};

/* `made` is called for each new handle. */
void lull_shards_init(struct lull_shards *s, unsigned room,
                      void (*made)(struct lull_shard *shard, void *user),
                      void *user);
void lull_shards_clear(struct lull_shards *s);

/* The first handle, made when there is none; NULL: no memory. */
struct lull_shard *lull_shards_first(struct lull_shards *s);

/* Begins a transfer, and gives where it is; NULL: no memory. */
struct lull_shard *lull_shards_add(struct lull_shards *s, CURL *easy);
void lull_shards_remove(struct lull_shard *shard, CURL *easy);

/* Whether idle connections give way to what is under way. */
void lull_shards_save(struct lull_shards *s, bool thrifty);

/* The next transfer that has ended, still to be removed. */
bool lull_shards_ended(struct lull_shards *s, CURL **easy, CURLcode *code);

/* False when none has ended that was not given yet. */
bool lull_shards_more(const struct lull_shards *s);

/* When the first of them wants to be called. */
lull_usec lull_shards_due(const struct lull_shards *s);

#endif
