/*
 * front: the part of a URL before its path, "https://host:port", and the
 * URLs of which nothing but a known front needs a parser.
 *
 * Most requests of a program go to one place and differ in their path.
 * Owns nothing. Called by what remembers how a front was parsed.
 */
#ifndef LULL_FRONT_H
#define LULL_FRONT_H

#include "base.h"

/* How long the front of a URL is; 0 where only a parser can tell. */
size_t lull_front_len(const char *url);

/* What follows `front` in a URL, path and query, when it begins with it and
   a parser would leave the rest as it is; otherwise NULL. */
const char *lull_front_rest(const char *front, const char *url);

#endif
