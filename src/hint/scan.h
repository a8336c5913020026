/*
 * scan: a cursor over header text, and the few tokens that all header
 * values are made of.
 *
 * Owns nothing: it borrows the text. Every reader either takes what it
 * names and moves the cursor, or returns false; after false the cursor is
 * of no more use to a strict reader. Called by what reads field values. It
 * must never depend on the locale, never read past `end`, and a number
 * that does not fit becomes the largest one, never a small one.
 */
#ifndef LULL_HINT_SCAN_H
#define LULL_HINT_SCAN_H

#include "http/http.h"

struct lull_scan {
  const char *at;
  const char *end;
};

/* A decimal number. `micro` is the fraction in millionths, rounded up, so
   it may be 1000000; `whole` saturates. */
struct lull_scan_decimal {
  uint64_t whole;
  uint32_t micro;
};

/* The text from `at` to `end`, without the white space around it. */
struct lull_scan lull_scan_trim(const char *at, const char *end);
struct lull_scan lull_scan_text(const char *text);

bool lull_scan_done(const struct lull_scan *s);

/* The next byte, or -1 at the end. */
int lull_scan_peek(const struct lull_scan *s);
bool lull_scan_char(struct lull_scan *s, char c);
bool lull_scan_word(struct lull_scan *s, const char *word);

/* 1*DIGIT; saturates. */
bool lull_scan_uint(struct lull_scan *s, uint64_t *n);
/* Exactly `width` digits (at most 9). */
bool lull_scan_fixed(struct lull_scan *s, int width, int *n);
/* 1*DIGIT [ "." 1*DIGIT ] */
bool lull_scan_decimal(struct lull_scan *s, struct lull_scan_decimal *d);

/* The same text, case ignored. */
bool lull_scan_same(struct lull_scan a, struct lull_scan b);

/* The value of the next field of that name, case ignored, or NULL. Start
   with *at = 0. Linear over all fields, however often the name occurs. */
const char *lull_scan_field(const struct lull_headers *h, size_t *at,
                            const char *name);

/* a * b, at most LULL_NEVER. */
lull_usec lull_scan_times(uint64_t a, uint64_t b);

#endif
