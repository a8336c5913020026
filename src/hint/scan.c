#define _POSIX_C_SOURCE 200809L
#include "hint/scan.h"

#include <string.h>
#include <strings.h>

static bool blank(char c)
{
  return c == ' ' || c == '\t';
}

static bool digit(const struct lull_scan *s)
{
  return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

struct lull_scan lull_scan_trim(const char *at, const char *end)
{
  struct lull_scan s;
  while (at < end && blank(*at))
    at++;
  while (at < end && blank(end[-1]))
    end--;
  s.at = at;
  s.end = end;
  return s;
}

struct lull_scan lull_scan_text(const char *text)
{
  return lull_scan_trim(text, text + strlen(text));
}

bool lull_scan_done(const struct lull_scan *s)
{
  return s->at == s->end;
}

int lull_scan_peek(const struct lull_scan *s)
{
  return s->at < s->end ? (unsigned char)*s->at : -1;
}

bool lull_scan_char(struct lull_scan *s, char c)
{
  if (s->at == s->end || *s->at != c)
    return false;
  s->at++;
  return true;
}

bool lull_scan_word(struct lull_scan *s, const char *word)
{
  size_t len = strlen(word);
  if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
    return false;
  s->at += len;
  return true;
}

bool lull_scan_uint(struct lull_scan *s, uint64_t *n)
{
  if (!digit(s))
    return false;
  for (*n = 0; digit(s); s->at++) {
    uint64_t d = (uint64_t)(*s->at - '0');
    *n = *n > (UINT64_MAX - d) / 10 ? UINT64_MAX : *n * 10 + d;
  }
  return true;
}

bool lull_scan_fixed(struct lull_scan *s, int width, int *n)
{
  for (*n = 0; width > 0; width--, s->at++) {
    if (!digit(s))
      return false;
    *n = *n * 10 + (*s->at - '0');
  }
  return true;
}

/* The digits after the point. What is beyond the sixth counts as one more
   millionth: a wait may be too long by that, but not too short. */
static uint32_t fraction(struct lull_scan *s)
{
  uint32_t unit = 100000, micro = 0;
  bool rest = false;
  for (; digit(s); s->at++, unit /= 10) {
    micro += unit * (uint32_t)(*s->at - '0');
    rest = rest || (unit == 0 && *s->at != '0');
  }
  return micro + rest;
}

bool lull_scan_decimal(struct lull_scan *s, struct lull_scan_decimal *d)
{
  d->micro = 0;
  if (!lull_scan_uint(s, &d->whole))
    return false;
  if (!lull_scan_char(s, '.'))
    return true;
  if (!digit(s))
    return false;
  d->micro = fraction(s);
  return true;
}

bool lull_scan_same(struct lull_scan a, struct lull_scan b)
{
  size_t len = (size_t)(a.end - a.at);
  return len == (size_t)(b.end - b.at) && strncasecmp(a.at, b.at, len) == 0;
}

const char *lull_scan_field(const struct lull_headers *h, size_t *at,
                            const char *name)
{
  const char *key, *value;
  while (lull_headers_next(h, at, &key, &value))
    if (strcasecmp(key, name) == 0)
      return value;
  return NULL;
}

lull_usec lull_scan_times(uint64_t a, uint64_t b)
{
  if (b != 0 && a > (uint64_t)LULL_NEVER / b)
    return LULL_NEVER;
  return (lull_usec)(a * b);
}
