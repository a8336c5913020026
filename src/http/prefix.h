/*
 * prefix: the part of a URL before its path, "https://host:port", and the
 * URLs of which nothing but a known prefix needs a parser.
 *
 * Most requests of a program go to one place and differ in their path.
 * Owns nothing. Called by what remembers how a prefix was parsed.
 */
#ifndef LULL_HTTP_PREFIX_H
#define LULL_HTTP_PREFIX_H

#include "base/base.h"

/* How long the prefix of a URL is; 0 where only a parser can tell. */
size_t lull_prefix_len(const char *url);

/* What follows `prefix` in a URL, path and query, when it begins with it and
   a parser would leave the rest as it is; otherwise NULL. */
const char *lull_prefix_rest(const char *prefix, const char *url);

#endif
