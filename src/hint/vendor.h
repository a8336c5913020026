/*
 * vendor: the fields in which servers tell a quota by names of their own ->
 * windows. "X-RateLimit-Remaining-Tokens", "Anthropic-RateLimit-Tokens-Reset"
 * and "X-RateLimit-UserReset" are read by the parts of their names, so that
 * no server need be known.
 *
 * Pure, and owns nothing: names and values are borrowed from the headers.
 * Called by ratelimit. It must never make a window of a name that only looks
 * like one, and reads any number of fields in linear time.
 */
#ifndef LULL_HINT_VENDOR_H
#define LULL_HINT_VENDOR_H

#include "hint/reset.h"

/* What is looked at: a server that tells of more windows is not to be had. */
#define LULL_VENDOR_WINDOWS 16

struct lull_vendor_window {
  struct lull_scan owner; /* what stands before RateLimit: "X-", "" */
  struct lull_scan name;  /* which of several windows: "Tokens", "User", "" */
  bool standard;          /* no owner, and RateLimit written in one word */
  int64_t remaining;      /* LULL_VENDOR_UNTOLD, or LULL_VENDOR_OVERDRAWN */
  struct lull_reset_span reset;
  const char *raw; /* the text that told the reset, or NULL */
  int rank;        /* which of the fields for it told the reset */
};

#define LULL_VENDOR_UNTOLD (-1)
#define LULL_VENDOR_OVERDRAWN (-2)

/* The rank of a field that says outright when to come back. */
#define LULL_VENDOR_ASKED 2

struct lull_vendor_windows {
  struct lull_vendor_window at[LULL_VENDOR_WINDOWS];
  unsigned count;
};

void lull_vendor_read(const struct lull_headers *h,
                      const struct lull_reset_anchor *anchor,
                      struct lull_vendor_windows *windows);

/* Where "RateLimit" or "Rate-Limit" begins in a field's name, or NULL; it is
   a part of the name by itself. *len is how long it is. */
const char *lull_vendor_word(const char *name, size_t *len);

#endif
