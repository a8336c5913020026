/*
 * hiredis: its functions, loaded when a journal in Redis is first named: lull
 * works where hiredis is not installed.
 *
 * Only store's own files use it.
 */
#ifndef LULL_STORE_HIREDIS_H
#define LULL_STORE_HIREDIS_H

#if defined(__has_include)
#if __has_include(<hiredis/hiredis.h>)
#define LULL_STORE_REDIS 1
#include <hiredis/hiredis.h>
#endif
#endif

#ifdef LULL_STORE_REDIS

struct lull_hiredis {
  redisContext *(*connect)(const char *, int, struct timeval);
  redisContext *(*connect_unix)(const char *, struct timeval);
  int (*set_timeout)(redisContext *, struct timeval);
  void *(*command)(redisContext *, int, const char **, const size_t *);
  int (*feed)(redisReader *, const char *, size_t);
  int (*fill)(redisContext *);          /* its buffer, with what has come */
  int (*take)(redisContext *, void **); /* a reply that is in there, or none */
  void (*free)(redisContext *);
  void (*free_reply)(void *);
};

/* NULL when it cannot be loaded: the library must be the one whose header
   lull was built with, as its structs differ from version to version. */
const struct lull_hiredis *lull_hiredis(void);

#endif
#endif
