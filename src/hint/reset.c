#define _POSIX_C_SOURCE 200809L
#include "hint/reset.h"

#include "hint/httpdate.h"

#include <string.h>
#include <strings.h>

#define DAY (86400 * LULL_SEC)

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

/* Three digits of a millisecond's fraction are microseconds. */
static lull_usec millis(struct lull_scan_decimal d)
{
  return lull_usec_add(lull_scan_times(d.whole, (uint64_t)LULL_MSEC),
                       (d.micro + 999) / 1000);
}

bool lull_reset_millis(struct lull_scan text,
                       const struct lull_reset_anchor *anchor,
                       struct lull_reset_span *span)
{
  struct lull_scan_decimal d;
  (void)anchor;
  return lull_scan_decimal(&text, &d) && lull_scan_done(&text) &&
         delay(millis(d), span);
}

bool lull_reset_whole_millis(struct lull_scan text,
                             const struct lull_reset_anchor *anchor,
                             struct lull_reset_span *span)
{
  struct lull_scan s = text;
  uint64_t n;
  return lull_scan_uint(&s, &n) && lull_scan_done(&s) &&
         lull_reset_millis(text, anchor, span);
}

/* Some servers write the moment as seconds or milliseconds since 1970. A
   number is taken for that only when the moment lies within a day of the
   answer: 1728000000 is 20,000 days all the same, and is not obeyed. */
static bool is_moment(uint64_t n, lull_usec unit,
                      const struct lull_reset_anchor *anchor)
{
  lull_usec t = lull_scan_times(n, (uint64_t)unit);
  return t > lull_usec_add(anchor->at, -DAY) &&
         t < lull_usec_add(anchor->at, DAY);
}

/* RFC 9110 has whole seconds; servers that count in milliseconds send
   decimals all the same, and to cut them would be to come too early. */
static bool seconds(struct lull_scan text,
                    const struct lull_reset_anchor *anchor,
                    struct lull_reset_span *span)
{
  struct lull_scan_decimal d;
  lull_usec wait;
  if (!lull_scan_decimal(&text, &d) || !lull_scan_done(&text))
    return false;
  wait = lull_usec_add(lull_scan_times(d.whole, (uint64_t)LULL_SEC), d.micro);
  if (d.whole >= 1000000000 && is_moment(d.whole, LULL_SEC, anchor))
    return rounded(wait, anchor, span);
  if (d.whole >= 1000000000000 && is_moment(d.whole, LULL_MSEC, anchor))
    return rounded(millis(d), anchor, span);
  return delay(wait, span);
}

/* A date off the grammar, such as one without seconds, counts only when it
   can be meant: within a year of the answer. */
static bool loose_date(struct lull_scan text,
                       const struct lull_reset_anchor *anchor, lull_usec *when)
{
  return lull_httpdate_loose(text, when) &&
         *when > lull_usec_add(anchor->at, -DAY) &&
         *when < lull_usec_add(anchor->at, 366 * DAY);
}

bool lull_reset_retry_after(struct lull_scan text,
                            const struct lull_reset_anchor *anchor,
                            struct lull_reset_span *span)
{
  lull_usec when;
  if (seconds(text, anchor, span))
    return true;
  return (lull_httpdate_read(text, anchor->at, &when) ||
          lull_httpdate_iso(text, &when) || loose_date(text, anchor, &when)) &&
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

static bool date(struct lull_scan s, const struct lull_reset_anchor *anchor,
                 lull_usec *when)
{
  return lull_httpdate_iso(s, when) ||
         lull_httpdate_read(s, anchor->at, when) ||
         lull_httpdate_script(s, when) || loose_date(s, anchor, when);
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
  if (date(text, anchor, &when))
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

/* Adds what a line says to what was found before, of which `raw` is the
   line. */
static void add_line(const char *line, lull_reset_reader *reader,
                     const struct lull_reset_anchor *anchor,
                     struct lull_reset_span *span, const char **raw)
{
  struct lull_scan s = lull_scan_text(line);
  while (!lull_scan_done(&s)) {
    struct lull_reset_span one;
    if (!member(&s, reader, anchor, &one) || (*raw && one.wait <= span->wait))
      continue;
    *span = one;
    *raw = line;
  }
}

bool lull_reset_value(const char *value, lull_reset_reader *reader,
                      const struct lull_reset_anchor *anchor,
                      struct lull_reset_span *span)
{
  const char *raw = NULL;
  add_line(value, reader, anchor, span, &raw);
  return raw != NULL;
}

/* "Retry-After-short" is a Retry-After, of one of several limits. "-Ms" is a
   unit, and what begins so is left alone: as seconds it would be an age. */
static bool is_named(const char *field, const char *name)
{
  size_t len = strlen(name);
  if (strncasecmp(field, name, len) != 0)
    return false;
  field += len;
  if (*field == '\0')
    return true;
  return field[0] == '-' && field[1] && field[strlen(field) - 1] != '-' &&
         strncasecmp(field, "-ms", 3) != 0 &&
         strncasecmp(field, "-milli", 6) != 0;
}

bool lull_reset_field(const struct lull_headers *h, const char *name,
                      bool with_suffix, lull_reset_reader *reader,
                      const struct lull_reset_anchor *anchor,
                      struct lull_reset_span *span, const char **raw)
{
  const char *field, *value;
  size_t at = 0;
  *raw = NULL;
  while (lull_headers_next(h, &at, &field, &value))
    if (with_suffix ? is_named(field, name) : strcasecmp(field, name) == 0)
      add_line(value, reader, anchor, span, raw);
  return *raw != NULL;
}
