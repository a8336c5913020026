/*
 * hint: response headers -> how long the server asked to wait, and why.
 *
 * Pure: it reads headers and two clocks' values that it is given, and owns
 * nothing. The engine calls it once a response; it never calls back.
 */
#ifndef LULL_HINT_HINT_H
#define LULL_HINT_HINT_H

#include "http/http.h"

/* Where a wait was read from. Names: lull_hint_source_name. */
enum lull_hint_source {
  LULL_HINT_NONE = 0,
  LULL_HINT_PUSHBACK,       /* grpc-retry-pushback-ms */
  LULL_HINT_RETRY_AFTER_MS, /* retry-after-ms */
  LULL_HINT_MS_RETRY_AFTER, /* x-ms-retry-after-ms */
  LULL_HINT_AMZ,            /* x-amz-retry-after, milliseconds */
  LULL_HINT_RETRY_AFTER,    /* Retry-After */
  LULL_HINT_RATELIMIT,      /* RateLimit and the older triples */
  LULL_HINT_X_RATELIMIT,    /* X-RateLimit-Reset and its relatives */
  LULL_HINT_BODY,           /* a script read it from the body */
  LULL_HINT_SOURCES
};

/* What a yes-no header says about retrying at all. */
enum lull_hint_advice {
  LULL_ADVICE_NONE = 0, /* nothing was said */
  LULL_ADVICE_RETRY,    /* the server says: retry */
  LULL_ADVICE_STOP      /* the server says: do not retry */
};

#define LULL_HINT_RAW 64

struct lull_hint {
  enum lull_hint_source source; /* NONE: no wait was asked for */
  lull_usec wait;               /* from the response on; >= 0, saturating */
  bool unanchored;              /* a date that had no Date to measure from */
  bool asked;                   /* told outright, and not by a quota's reset */
  enum lull_hint_advice advice;
  char raw[LULL_HINT_RAW]; /* the field's text as it came, cut to fit, with
                              all but printable ASCII as '?' */
};

/* What a response told of the quota, for pacing. */
struct lull_quota {
  bool known;
  int64_t remaining; /* requests left in the window */
  lull_usec reset;   /* from the response on, until the window renews */
};

/* `status` selects what counts (a reset field is a wait when nothing remains,
   or on 429 when it does not tell what remains); `wall` is the local wall
   clock at the arrival of the headers, microseconds since 1970, for dates
   without a Date. */
void lull_hint_read(const struct lull_headers *headers, int status,
                    lull_usec wall, struct lull_hint *hint);
void lull_hint_quota(const struct lull_headers *headers, lull_usec wall,
                     struct lull_quota *quota);

const char *lull_hint_source_name(enum lull_hint_source source);

#endif
