/*
 * curlcode: libcurl's codes as classes of transport error: one table, for all
 * versions from 7.88 on.
 *
 * Pure. Only transfer_end reads it, and it alone knows what else an attempt
 * showed: a code that means different things is AMBIGUOUS here.
 */
#ifndef LULL_WORLD_CURLCODE_H
#define LULL_WORLD_CURLCODE_H

#include "policy/reason.h"

/* No class by itself: what was sent and received decides. */
#define LULL_CURLCODE_AMBIGUOUS LULL_CLASSES

/* LULL_NET_OTHER for a code that is newer than the table, or that no transfer
   of HTTP gives. */
enum lull_class lull_curlcode_class(int code);

/* libcurl tells some faults by their words alone, under codes that mean a
   reset, or a request that was not sent whole. LULL_CLASS_NONE: none of these.
   `headers_ended`: of the answer. */
enum lull_class lull_curlcode_words(const char *error, bool headers_ended);

#endif
