/*
 * reset: the many ways in which servers write "until then" -> a wait from
 * the response on.
 *
 * Pure, and owns nothing: texts and headers are borrowed. Called by hint and
 * ratelimit. It must never measure a date against the local clock when the
 * response has a Date of its own, and no number, however large, may come
 * out as a short wait.
 */
#ifndef LULL_HINT_RESET_H
#define LULL_HINT_RESET_H

#include "hint/scan.h"

/* The moment at which the response arrived, told by the server's clock if
   possible. */
struct lull_reset_anchor {
  lull_usec at;
  bool known;  /* from Date (and Age); else it is the local wall clock */
  bool cached; /* Age > 0 */
};

struct lull_reset_span {
  lull_usec wait;  /* >= 0; saturates at LULL_NEVER */
  bool unanchored; /* a date, and the anchor was not known */
};

/* Date + Age: a response that a cache kept for a minute was made a minute
   before it arrived (RFC 9110 section 6.6.1, RFC 9111 section 5.1). Without
   a valid Date, `wall`. */
void lull_reset_anchor(const struct lull_headers *h, lull_usec wall,
                       struct lull_reset_anchor *anchor);

/* A reader turns the whole text into a span, or returns false. */
typedef bool lull_reset_reader(struct lull_scan text,
                               const struct lull_reset_anchor *anchor,
                               struct lull_reset_span *span);

/* delay-seconds, with a fraction too, or HTTP-date, or an RFC 3339 date, which
   is no standard but is sent and cannot be taken for anything else. An integer
   that is plainly a Unix time (1e9..1e11 in seconds, 1e12..1e14 in
   milliseconds) is read as one: as a delay it would be 30 years, and servers
   do send it. */
lull_reset_reader lull_reset_retry_after;

/* A non-negative number of milliseconds, and the same without a fraction. */
lull_reset_reader lull_reset_millis, lull_reset_whole_millis;

/* A reset field: seconds (1.5), Unix time in seconds (from 1e9) or
   milliseconds (from 1e12), Go duration (1m30.5s), or a date of any kind.
   Unix times and dates count one second longer, as they were cut to whole
   seconds. Numbers that stand for "no limit" (-1, the largest integers) are
   refused. */
lull_reset_reader lull_reset_any;

/* The same for a number already read. */
bool lull_reset_number(struct lull_scan_decimal n,
                       const struct lull_reset_anchor *anchor,
                       struct lull_reset_span *span);

/* The longest span among the members of a value, which may be a list.
   Members that the reader refuses count as absent. */
bool lull_reset_value(const char *value, lull_reset_reader *reader,
                      const struct lull_reset_anchor *anchor,
                      struct lull_reset_span *span);

/* The same among all fields of that name, and the field's text that it came
   from. `with_suffix` takes NAME-anything, too: a server with several limits
   says so which. */
bool lull_reset_field(const struct lull_headers *h, const char *name,
                      bool with_suffix, lull_reset_reader *reader,
                      const struct lull_reset_anchor *anchor,
                      struct lull_reset_span *span, const char **raw);

#endif
