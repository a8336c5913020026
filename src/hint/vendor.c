#define _POSIX_C_SOURCE 200809L
#include "hint/vendor.h"

#include <string.h>
#include <strings.h>

/* What a field tells. The resets are in the order in which they count: a
   time from now on goes before a moment, which wants a clock. */
enum kind { REMAINING, RESET_AFTER, RESET, RETRY_AFTER, KINDS };

/* A longer name stands before one that it begins with. */
static const struct keyword {
  const char *text;
  enum kind kind;
} keywords[] = {
    {"Remaining", REMAINING},
    {"Reset-After", RESET_AFTER},
    {"Retry-After", RETRY_AFTER},
    {"Reset", RESET},
};

/* The parts of a field's name. */
struct parts {
  struct lull_scan owner, name;
  enum kind kind;
  bool standard;
  bool millis; /* the name says so */
  bool joined; /* as in UserReset */
};

static size_t length(struct lull_scan s)
{
  return (size_t)(s.end - s.at);
}

static bool is(struct lull_scan s, const char *text)
{
  return lull_scan_same(s, lull_scan_text(text));
}

const char *lull_vendor_word(const char *name, size_t *len)
{
  const char *at;
  for (at = name; *at; at++) {
    if ((*at | 0x20) != 'r' || (at > name && at[-1] != '-'))
      continue;
    *len = strncasecmp(at, "ratelimit", 9) == 0 ? 9 : 10;
    if (*len == 9 || strncasecmp(at, "rate-limit", 10) == 0)
      return at;
  }
  return NULL;
}

/* "Reset-NAME" or "Reset". */
static bool begins(struct lull_scan rest, const struct keyword *k,
                   struct lull_scan *name)
{
  size_t len = strlen(k->text);
  if (length(rest) < len || strncasecmp(rest.at, k->text, len) != 0)
    return false;
  name->at = rest.at + len;
  name->end = rest.end;
  if (lull_scan_done(name))
    return true;
  return lull_scan_char(name, '-') && !lull_scan_done(name) &&
         name->end[-1] != '-';
}

/* "NAME-Reset" or "NAMEReset". */
static bool ends(struct lull_scan rest, const struct keyword *k,
                 struct parts *p)
{
  size_t len = strlen(k->text);
  if (length(rest) <= len || strncasecmp(rest.end - len, k->text, len) != 0)
    return false;
  p->name.at = rest.at;
  p->name.end = rest.end - len;
  p->joined = p->name.end[-1] != '-';
  if (!p->joined)
    p->name.end--;
  return !lull_scan_done(&p->name);
}

/* "Reset-Ms" is no window's name but the unit. */
static void take_unit(struct parts *p)
{
  p->millis = is(p->name, "ms") || is(p->name, "millis") ||
              is(p->name, "milliseconds");
  if (p->millis || is(p->name, "seconds") || is(p->name, "time") ||
      is(p->name, "at") || is(p->name, "in"))
    p->name.at = p->name.end;
}

static bool take_kind(struct lull_scan rest, struct parts *p)
{
  size_t i;
  for (i = 0; i < sizeof keywords / sizeof *keywords; i++) {
    p->kind = keywords[i].kind;
    if (begins(rest, &keywords[i], &p->name)) {
      take_unit(p);
      return true;
    }
  }
  for (i = 0; i < sizeof keywords / sizeof *keywords; i++) {
    p->kind = keywords[i].kind;
    if (ends(rest, &keywords[i], p))
      return true;
  }
  return false;
}

static bool take_apart(const char *field, struct parts *p)
{
  size_t len;
  const char *word = lull_vendor_word(field, &len);
  struct lull_scan rest;
  if (!word || word[len] != '-')
    return false;
  *p = (struct parts){.owner = {field, word}};
  p->standard = word == field && len == 9;
  rest.at = word + len + 1;
  rest.end = rest.at + strlen(rest.at);
  return take_kind(rest, p);
}

/* A count may have a fraction (a bucket refills in parts), but a part of a
   request is none; and parameters (";w=60"), which say nothing of it. Below
   0 more was taken than there was, but -1 is often written for "no limit". */
static int64_t count(struct lull_scan s, bool joined)
{
  bool minus = lull_scan_char(&s, '-');
  struct lull_scan_decimal d;
  if (!lull_scan_decimal(&s, &d))
    return LULL_VENDOR_UNTOLD;
  s = lull_scan_trim(s.at, s.end);
  if (!lull_scan_done(&s) && lull_scan_peek(&s) != ';')
    return LULL_VENDOR_UNTOLD;
  if (minus && (d.whole > 1 || (d.whole == 1 && joined)))
    return LULL_VENDOR_OVERDRAWN;
  if (minus)
    return LULL_VENDOR_UNTOLD;
  return d.whole > INT64_MAX ? INT64_MAX : (int64_t)d.whole;
}

static void least(int64_t *so_far, int64_t n)
{
  if (n != LULL_VENDOR_UNTOLD &&
      (*so_far == LULL_VENDOR_UNTOLD || n < *so_far))
    *so_far = n;
}

/* The smallest of the counts in the line. */
static void take_remaining(struct lull_vendor_window *w, const char *value,
                           bool joined)
{
  const char *comma;
  for (; (comma = strchr(value, ',')) != NULL; value = comma + 1)
    least(&w->remaining, count(lull_scan_trim(value, comma), joined));
  least(&w->remaining, count(lull_scan_text(value), joined));
}

/* Here a bare 0, as -1, is written for "not known". */
static bool reset_or_none(struct lull_scan text,
                          const struct lull_reset_anchor *anchor,
                          struct lull_reset_span *span)
{
  struct lull_scan s = text;
  struct lull_scan_decimal d;
  if (lull_scan_decimal(&s, &d) && lull_scan_done(&s) && d.whole == 0 &&
      d.micro == 0)
    return false;
  return lull_reset_any(text, anchor, span);
}

static bool millis_or_moment(struct lull_scan text,
                             const struct lull_reset_anchor *anchor,
                             struct lull_reset_span *span)
{
  struct lull_scan s = text;
  struct lull_scan_decimal d;
  if (lull_scan_decimal(&s, &d) && d.whole < 1000000000000)
    return lull_reset_millis(text, anchor, span);
  return reset_or_none(text, anchor, span);
}

/* Of several fields the first kind counts, and of one kind the longest. */
static void take_reset(struct lull_vendor_window *w, const struct parts *p,
                       const char *value,
                       const struct lull_reset_anchor *anchor)
{
  int rank = (int)p->kind - (int)RESET_AFTER;
  lull_reset_reader *reader = p->standard ? lull_reset_any : reset_or_none;
  struct lull_reset_span span;
  if (p->millis)
    reader = millis_or_moment;
  if (!lull_reset_value(value, reader, anchor, &span))
    return;
  if (w->raw &&
      (rank > w->rank || (rank == w->rank && span.wait <= w->reset.wait)))
    return;
  w->reset = span;
  w->raw = value;
  w->rank = rank;
}

static struct lull_vendor_window *find(struct lull_vendor_windows *all,
                                       const struct parts *p)
{
  struct lull_vendor_window *w = all->at;
  for (; w < all->at + all->count; w++)
    if (w->standard == p->standard && lull_scan_same(w->owner, p->owner) &&
        lull_scan_same(w->name, p->name))
      return w;
  if (all->count == LULL_VENDOR_WINDOWS)
    return NULL;
  all->count++;
  *w = (struct lull_vendor_window){.owner = p->owner,
                                   .name = p->name,
                                   .standard = p->standard,
                                   .remaining = LULL_VENDOR_UNTOLD};
  return w;
}

void lull_vendor_read(const struct lull_headers *h,
                      const struct lull_reset_anchor *anchor,
                      struct lull_vendor_windows *windows)
{
  const char *name, *value;
  size_t at = 0;
  windows->count = 0;
  while (lull_headers_next(h, &at, &name, &value)) {
    struct parts p;
    struct lull_vendor_window *w;
    if (!take_apart(name, &p) || (w = find(windows, &p)) == NULL)
      continue;
    if (p.kind == REMAINING)
      take_remaining(w, value, p.joined);
    else
      take_reset(w, &p, value, anchor);
  }
}
