/*
 * target: where an easy handle sends to.
 *
 * libcurl takes a URL as a text, which it parses, puts together and parses
 * again for each request, or as a handle of URLs. A target owns such a handle;
 * while requests go to one place, only its path and query are set anew, which
 * spares a sixth of a request's instructions. Owned by a transfer.
 */
#ifndef LULL_WORLD_TARGET_H
#define LULL_WORLD_TARGET_H

#include "base/base.h"

#include <curl/curl.h>

struct lull_target {
  CURLU *url;
  char *prefix; /* of the URL that is in it; NULL: none is */
  bool has_query;
};

/* False when there is no memory. */
bool lull_target_init(struct lull_target *t);
void lull_target_clear(struct lull_target *t);

/* The handle sends to that URL next. LULL_EINVAL, LULL_ENOMEM. */
enum lull_err lull_target_set(struct lull_target *t, CURL *easy,
                              const char *url);

#endif
