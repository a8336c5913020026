/*
 * url: a URL's origin and path, and what a Location means from there.
 *
 * Parsing is libcurl's own, so that lull never reads a URL differently from
 * the library that sends to it.
 */
#ifndef LULL_HTTP_URL_H
#define LULL_HTTP_URL_H

#include "base/base.h"

struct lull_url {
  char *origin; /* "https://host:port", the port left out when usual */
  char *path;   /* with the query; "/" at least */
};

/* LULL_EINVAL for a text that is no http or https URL; LULL_ENOMEM. */
enum lull_err lull_url_parse(const char *text, struct lull_url *url);
void lull_url_clear(struct lull_url *url);

/* The absolute URL that `location` means when it came from `base`, without
   a fragment. Freed by lull_mem_free. Errors as above. */
enum lull_err lull_url_resolve(const char *base, const char *location,
                               char **result);

/* Puts the user and password of `from` into *url, if it names no user. The
   URL that was there is freed. LULL_EINVAL, LULL_ENOMEM: it is unchanged. */
enum lull_err lull_url_lend_user(const char *from, char **url);

/* True for an https URL, in whatever letters. */
bool lull_url_is_tls(const char *url);

/* The same URL without user and password, for people to read; NULL when
   there is no memory. Freed by lull_mem_free. */
char *lull_url_redact(const char *text);

#endif
