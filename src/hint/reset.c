#include "hint/reset.h"

#include "hint/httpdate.h"

#include <string.h>

/* The first Age that is a number; a bad one counts as none. */
static lull_usec age(const struct lull_headers *h)
{
  const char *value;
  size_t at = 0;
  uint64_t n;
  while ((value = lull_scan_field(h, &at, "Age")) != NULL) {
    struct lull_scan s = lull_scan_text(value);
    if (lull_scan_uint(&s, &n) && lull_scan_done(&s))
      return lull_scan_times(n, (uint64_t)LULL_SEC);
  }
  return 0;
}

void lull_reset_anchor(const struct lull_headers *h, lull_usec wall,
                       struct lull_reset_anchor *anchor)
{
  lull_usec old = age(h);
  const char *value;
  size_t at = 0;
  anchor->at = wall;
  anchor->known = false;
  anchor->cached = old > 0;
  while (!anchor->known && (value = lull_scan_field(h, &at, "Date")) != NULL)
    anchor->known =
        lull_httpdate_read(lull_scan_text(value), wall, &anchor->at);
  if (anchor->known)
    anchor->at = lull_usec_add(anchor->at, old);
}

/* when - from, 0 for what has passed. */
static lull_usec until(lull_usec when, lull_usec from)
{
  if (when <= from)
    return 0;
  if (when == LULL_NEVER || (from < 0 && when > LULL_NEVER + from))
    return LULL_NEVER;
  return when - from;
}

static bool moment(lull_usec when, const struct lull_reset_anchor *anchor,
                   struct lull_reset_span *span)
{
  span->wait = until(when, anchor->at);
  span->unanchored = !anchor->known;
  return true;
}

/* A moment that was cut to whole seconds by its writer may be up to one
   second later than it says. */
static bool rounded(lull_usec when, const struct lull_reset_anchor *anchor,
                    struct lull_reset_span *span)
{
  return moment(lull_usec_add(when, LULL_SEC), anchor, span);
}

static bool delay(lull_usec wait, struct lull_reset_span *span)
{
  span->wait = wait;
  span->unanchored = false;
  return true;
}

bool lull_reset_millis(struct lull_scan text,
                       const struct lull_reset_anchor *anchor,
                       struct lull_reset_span *span)
{
  uint64_t n;
  (void)anchor;
  return lull_scan_uint(&text, &n) && lull_scan_done(&text) &&
         delay(lull_scan_times(n, (uint64_t)LULL_MSEC), span);
}

/* Some servers write the moment as seconds or milliseconds since 1970. A
   number is taken for that only when the moment lies within a day of the
   answer: 1728000000 is 20,000 days all the same, and is not obeyed. */
static bool is_moment(uint64_t n, lull_usec unit,
                      const struct lull_reset_anchor *anchor)
{
  lull_usec day = 86400 * LULL_SEC;
  lull_usec t = lull_scan_times(n, (uint64_t)unit);
  return t > lull_usec_add(anchor->at, -day) &&
         t < lull_usec_add(anchor->at, day);
}

static bool whole_seconds(struct lull_scan text,
                          const struct lull_reset_anchor *anchor,
                          struct lull_reset_span *span)
{
  uint64_t n;
  if (!lull_scan_uint(&text, &n) || !lull_scan_done(&text))
    return false;
  if (n >= 1000000000 && is_moment(n, LULL_SEC, anchor))
    return rounded((lull_usec)n * LULL_SEC, anchor, span);
  if (n >= 1000000000000 && is_moment(n, LULL_MSEC, anchor))
    return rounded((lull_usec)n * LULL_MSEC, anchor, span);
  return delay(lull_scan_times(n, (uint64_t)LULL_SEC), span);
}

bool lull_reset_retry_after(struct lull_scan text,
                            const struct lull_reset_anchor *anchor,
                            struct lull_reset_span *span)
{
  lull_usec when;
  if (whole_seconds(text, anchor, span))
    return true;
  return (lull_httpdate_read(text, anchor->at, &when) ||
          lull_httpdate_iso(text, &when)) &&
         moment(when, anchor, span);
}

/* What programs write who have no number to give. */
static bool sentinel(uint64_t n)
{
  return n == INT32_MAX || n == UINT32_MAX || n >= INT64_MAX;
}

bool lull_reset_number(struct lull_scan_decimal n,
                       const struct lull_reset_anchor *anchor,
                       struct lull_reset_span *span)
{
  lull_usec t;
  if (sentinel(n.whole))
    return false;
  if (n.whole >= 1000000000000)
    return rounded(lull_scan_times(n.whole, (uint64_t)LULL_MSEC), anchor,
                   span);
  t = lull_usec_add(lull_scan_times(n.whole, (uint64_t)LULL_SEC), n.micro);
  return n.whole >= 1000000000 ? rounded(t, anchor, span) : delay(t, span);
}

/* The units of Go's time.ParseDuration, in nanoseconds. The longer name
   goes before its prefix; the two micro signs are U+00B5 and U+03BC. */
static const struct unit {
  const char *name;
  uint64_t ns;
} units[] = {
    {"ns", 1},           {"us", 1000},      {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000}, {"ms", 1000000},   {"h", 3600000000000},
    {"m", 60000000000},  {"s", 1000000000},
};

static uint64_t unit(struct lull_scan *s)
{
  size_t i;
  for (i = 0; i < sizeof units / sizeof *units; i++)
    if (lull_scan_word(s, units[i].name))
      return units[i].ns;
  return 0;
}

/* "1h2m3.5s": numbers with units, summed in nanoseconds. A sum beyond 292
   years counts as never. */
static bool duration(struct lull_scan s, struct lull_reset_span *span)
{
  lull_usec ns = 0;
  do {
    struct lull_scan_decimal d;
    uint64_t u;
    if (!lull_scan_decimal(&s, &d) || (u = unit(&s)) == 0)
      return false;
    ns = lull_usec_add(ns, lull_scan_times(d.whole, u));
    /* At most 1e6 * 3.6e12, so the product fits. */
    ns = lull_usec_add(ns, (lull_usec)((d.micro * u + 999999) / 1000000));
  } while (!lull_scan_done(&s));
  if (ns != LULL_NEVER)
    ns = ns / 1000 + (ns % 1000 != 0);
  return delay(ns, span);
}

static bool date(struct lull_scan s, lull_usec now, lull_usec *when)
{
  return lull_httpdate_iso(s, when) || lull_httpdate_read(s, now, when) ||
         lull_httpdate_script(s, when);
}

bool lull_reset_any(struct lull_scan text,
                    const struct lull_reset_anchor *anchor,
                    struct lull_reset_span *span)
{
  struct lull_scan s = text;
  struct lull_scan_decimal n;
  lull_usec when;
  if (lull_scan_decimal(&s, &n) && lull_scan_done(&s))
    return lull_reset_number(n, anchor, span);
  if (date(text, anchor->at, &when))
    return rounded(when, anchor, span);
  return duration(text, span);
}

static const char *comma(const char *at, const char *end)
{
  const char *found = memchr(at, ',', (size_t)(end - at));
  return found ? found : end;
}

/* Reads the member at the cursor. Two of the forms of HTTP-date have a comma
   inside, so if the text up to the first one is nothing, the text up to the
   second may be a date. */
static bool member(struct lull_scan *s, lull_reset_reader *reader,
                   const struct lull_reset_anchor *anchor,
                   struct lull_reset_span *span)
{
  const char *first = comma(s->at, s->end), *second;
  bool ok = reader(lull_scan_trim(s->at, first), anchor, span);
  second = ok || first == s->end ? first : comma(first + 1, s->end);
  if (second != first)
    ok = reader(lull_scan_trim(s->at, second), anchor, span);
  if (ok)
    first = second;
  s->at = first == s->end ? first : first + 1;
  return ok;
}

bool lull_reset_field(const struct lull_headers *h, const char *name,
                      lull_reset_reader *reader,
                      const struct lull_reset_anchor *anchor,
                      struct lull_reset_span *span, const char **raw)
{
  const char *value;
  size_t at = 0;
  *raw = NULL;
  while ((value = lull_scan_field(h, &at, name)) != NULL) {
    struct lull_scan s = lull_scan_text(value);
    while (!lull_scan_done(&s)) {
      struct lull_reset_span one;
      if (!member(&s, reader, anchor, &one) ||
          (*raw && one.wait <= span->wait))
        continue;
      *span = one;
      *raw = value;
    }
  }
  return *raw != NULL;
}
