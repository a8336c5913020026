/*
 * httpdate: the dates that servers write, to microseconds since 1970.
 *
 * Pure, and owns nothing; called by whatever reads a date from a header.
 * Strict: a text is either wholly a date or none. Leap seconds (":60") are
 * dates, "24:00:00" is none. The name of the weekday must be one, but need
 * not be the right one. It must never ask a clock or the locale.
 */
#ifndef LULL_HINT_HTTPDATE_H
#define LULL_HINT_HTTPDATE_H

#include "hint/scan.h"

/* An HTTP-date in its three forms (RFC 9110 section 5.6.7). `now` decides
   the century of the two-digit year: the latest that puts the date at most
   50 years ahead. False when it is none. */
bool lull_httpdate_read(struct lull_scan text, lull_usec now, lull_usec *at);

/* RFC 3339 section 5.6, "2023-09-29T16:26:57.25+01:00". The offset is
   required, for without it the text names no moment. A fraction is rounded
   up to microseconds. */
bool lull_httpdate_iso(struct lull_scan text, lull_usec *at);

/* What JavaScript's Date prints (ECMA-262, Date.prototype.toString):
   "Tue Feb 16 2021 09:02:42 GMT+0100 (CET)". */
bool lull_httpdate_script(struct lull_scan text, lull_usec *at);

/* What is not quite RFC 3339, and a moment all the same: without seconds,
   or with an offset that has no colon or no minutes
   ("2021-05-10T11:00Z", "...T11:00:00+0200", "...+02"); and an IMF-fixdate
   with an offset instead of GMT (RFC 5322: "... 16:26:57 +0000"). */
bool lull_httpdate_loose(struct lull_scan text, lull_usec *at);

#endif
