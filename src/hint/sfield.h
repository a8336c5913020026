/*
 * sfield: the parts of Structured Field Values (RFC 9651 section 4.2) that
 * rate-limit fields are made of: bare items, keys, parameters, members.
 *
 * Pure, and owns nothing; values borrow the text. Called by ratelimit. Inner
 * lists are not read: no field that lull knows has one. It must never be
 * kind: the specification wants a malformed field ignored as a whole.
 */
#ifndef LULL_HINT_SFIELD_H
#define LULL_HINT_SFIELD_H

#include "hint/scan.h"

enum lull_sfield_type {
  LULL_SFIELD_BOOLEAN, /* ?1, or a parameter without a value */
  LULL_SFIELD_INTEGER, /* at most 15 digits */
  LULL_SFIELD_DECIMAL, /* 4.5 */
  LULL_SFIELD_STRING,  /* "text" */
  LULL_SFIELD_TOKEN,   /* text */
  LULL_SFIELD_BYTES,   /* :aGVsbG8=: */
  LULL_SFIELD_DATE,    /* @1659578233 */
  LULL_SFIELD_DISPLAY  /* %"f%c3%bc" */
};

struct lull_sfield_value {
  enum lull_sfield_type type;
  int64_t integer;       /* of INTEGER, and the whole part of a DECIMAL */
  struct lull_scan text; /* of a STRING, as it stands between its quotes */
};

struct lull_sfield_key {
  const char *text; /* borrowed, not NUL-terminated */
  size_t len;
};

enum lull_sfield_step {
  LULL_SFIELD_END,  /* nothing more of this kind */
  LULL_SFIELD_MORE, /* one was read, or follows */
  LULL_SFIELD_BAD   /* malformed */
};

/* Section 4.2.3.1. */
bool lull_sfield_item(struct lull_scan *s, struct lull_sfield_value *v);

/* Section 4.2.3.3. */
bool lull_sfield_key(struct lull_scan *s, struct lull_sfield_key *key);
bool lull_sfield_key_is(const struct lull_sfield_key *key, const char *name);

/* A key with its value, if it has one; else Boolean true. */
bool lull_sfield_pair(struct lull_scan *s, struct lull_sfield_key *key,
                      struct lull_sfield_value *v);

/* The next parameter of an item (section 4.2.3.2). */
enum lull_sfield_step lull_sfield_param(struct lull_scan *s,
                                        struct lull_sfield_key *key,
                                        struct lull_sfield_value *v);

/* The comma between the members of a list or dictionary. */
enum lull_sfield_step lull_sfield_next(struct lull_scan *s);

#endif
