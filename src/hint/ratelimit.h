/*
 * ratelimit: the fields by which a server tells its quota -> windows, each
 * with what remains and when it renews.
 *
 * Pure, and owns nothing: windows borrow the headers' text. Called by hint,
 * which knows what a window means for a wait or for pacing. It must never
 * show a part of a malformed structured field, nor guess what remains.
 */
#ifndef LULL_HINT_RATELIMIT_H
#define LULL_HINT_RATELIMIT_H

#include "hint/reset.h"

struct lull_ratelimit_window {
  int64_t remaining; /* -1: not known */
  struct lull_reset_span reset;
  const char *raw; /* the text of the field that told the reset */
  bool over;       /* less than nothing remains */
  bool asked;      /* the reset is a wait that the server asks for outright */
  bool guessed;    /* the reset is the latest that the window can end */
};

/* Is shown one window after the other. */
typedef void lull_ratelimit_see(void *context,
                                const struct lull_ratelimit_window *window);

/* Shows the windows of one family of fields whose reset is known. */
typedef void lull_ratelimit_family(const struct lull_headers *h,
                                   const struct lull_reset_anchor *anchor,
                                   lull_ratelimit_see *see, void *context);

/* RateLimit of draft-ietf-httpapi-ratelimit-headers-11 (a list), or -07 (a
   dictionary), with RateLimit-Policy for what is used up and does not tell
   until when. Nothing when the response comes from a cache. */
lull_ratelimit_family lull_ratelimit_draft;

/* RateLimit-Remaining and RateLimit-Reset, of the drafts up to -06. Nothing
   when the response comes from a cache. */
lull_ratelimit_family lull_ratelimit_triple;

/* X-RateLimit-Remaining and -Reset, and the names that vendors made of
   them. */
lull_ratelimit_family lull_ratelimit_vendor;

#endif
