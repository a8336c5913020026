#include "hint/sfield.h"

#include <string.h>

/* Character classes by hand: those of ctype.h follow the locale. */
static bool lower(int c)
{
  return c >= 'a' && c <= 'z';
}

static bool alpha(int c)
{
  return lower(c) || (c >= 'A' && c <= 'Z');
}

static bool digit(int c)
{
  return c >= '0' && c <= '9';
}

static bool visible(int c)
{
  return c >= 0x20 && c <= 0x7e;
}

static bool among(int c, const char *set)
{
  return c > 0 && strchr(set, c) != NULL;
}

static bool token_char(int c)
{
  return alpha(c) || digit(c) || among(c, "!#$%&'*+-.^_`|~:/");
}

static bool base64_char(int c)
{
  return alpha(c) || digit(c) || among(c, "+/=");
}

static bool key_char(int c)
{
  return lower(c) || digit(c) || among(c, "_-.*");
}

/* Takes bytes as long as they are of the class. */
static size_t run(struct lull_scan *s, bool (*of)(int c))
{
  const char *from = s->at;
  while (of(lull_scan_peek(s)))
    s->at++;
  return (size_t)(s->at - from);
}

/* Section 4.2.4: at most 15 digits, or 12 before the point and 3 after. */
static bool number(struct lull_scan *s, struct lull_sfield_value *v)
{
  bool minus = lull_scan_char(s, '-');
  struct lull_scan whole = *s;
  size_t before = run(s, digit), after = 0;
  uint64_t n;
  bool point = before > 0 && lull_scan_char(s, '.');
  if (point)
    after = run(s, digit);
  if (before > (point ? 12u : 15u) || after > 3 || (point && after == 0) ||
      !lull_scan_uint(&whole, &n))
    return false;
  v->type = point ? LULL_SFIELD_DECIMAL : LULL_SFIELD_INTEGER;
  v->integer = minus ? -(int64_t)n : (int64_t)n;
  return true;
}

/* Section 4.2.5. */
static bool string(struct lull_scan *s, struct lull_sfield_value *v)
{
  v->type = LULL_SFIELD_STRING;
  if (!lull_scan_char(s, '"'))
    return false;
  v->text = *s;
  for (; visible(lull_scan_peek(s)); s->at++) {
    v->text.end = s->at;
    if (lull_scan_char(s, '"'))
      return true;
    if (lull_scan_char(s, '\\') && !among(lull_scan_peek(s), "\"\\"))
      return false;
  }
  return false;
}

/* Section 4.2.6. */
static bool token(struct lull_scan *s, struct lull_sfield_value *v)
{
  v->type = LULL_SFIELD_TOKEN;
  return run(s, token_char) > 0;
}

/* Section 4.2.7. */
static bool bytes(struct lull_scan *s, struct lull_sfield_value *v)
{
  v->type = LULL_SFIELD_BYTES;
  if (!lull_scan_char(s, ':'))
    return false;
  run(s, base64_char);
  return lull_scan_char(s, ':');
}

/* Section 4.2.8. */
static bool boolean(struct lull_scan *s, struct lull_sfield_value *v)
{
  v->type = LULL_SFIELD_BOOLEAN;
  v->integer = lull_scan_word(s, "?1");
  return v->integer || lull_scan_word(s, "?0");
}

/* Section 4.2.9. */
static bool date(struct lull_scan *s, struct lull_sfield_value *v)
{
  if (!lull_scan_char(s, '@') || !number(s, v) ||
      v->type != LULL_SFIELD_INTEGER)
    return false;
  v->type = LULL_SFIELD_DATE;
  return true;
}

static bool escape(struct lull_scan *s)
{
  int i;
  for (i = 0; i < 2; i++, s->at++)
    if (!digit(lull_scan_peek(s)) && !among(lull_scan_peek(s), "abcdef"))
      return false;
  return true;
}

/* Section 4.2.10; what the escapes spell is nobody's concern here. */
static bool display(struct lull_scan *s, struct lull_sfield_value *v)
{
  v->type = LULL_SFIELD_DISPLAY;
  if (!lull_scan_word(s, "%\""))
    return false;
  while (visible(lull_scan_peek(s))) {
    if (lull_scan_char(s, '"'))
      return true;
    if (!lull_scan_char(s, '%'))
      s->at++;
    else if (!escape(s))
      return false;
  }
  return false;
}

bool lull_sfield_item(struct lull_scan *s, struct lull_sfield_value *v)
{
  int c = lull_scan_peek(s);
  v->integer = 0;
  if (c == '-' || digit(c))
    return number(s, v);
  if (c == '*' || alpha(c))
    return token(s, v);
  return string(s, v) || bytes(s, v) || boolean(s, v) || date(s, v) ||
         display(s, v);
}

bool lull_sfield_key(struct lull_scan *s, struct lull_sfield_key *key)
{
  int c = lull_scan_peek(s);
  key->text = s->at;
  key->len = lower(c) || c == '*' ? run(s, key_char) : 0;
  return key->len > 0;
}

bool lull_sfield_key_is(const struct lull_sfield_key *key, const char *name)
{
  return key->len == strlen(name) && memcmp(key->text, name, key->len) == 0;
}

bool lull_sfield_pair(struct lull_scan *s, struct lull_sfield_key *key,
                      struct lull_sfield_value *v)
{
  v->type = LULL_SFIELD_BOOLEAN;
  v->integer = 1;
  return lull_sfield_key(s, key) &&
         (!lull_scan_char(s, '=') || lull_sfield_item(s, v));
}

enum lull_sfield_step lull_sfield_param(struct lull_scan *s,
                                        struct lull_sfield_key *key,
                                        struct lull_sfield_value *v)
{
  if (!lull_scan_char(s, ';'))
    return LULL_SFIELD_END;
  while (lull_scan_char(s, ' '))
    ;
  return lull_sfield_pair(s, key, v) ? LULL_SFIELD_MORE : LULL_SFIELD_BAD;
}

static void blanks(struct lull_scan *s)
{
  while (lull_scan_char(s, ' ') || lull_scan_char(s, '\t'))
    ;
}

enum lull_sfield_step lull_sfield_next(struct lull_scan *s)
{
  blanks(s);
  if (lull_scan_done(s))
    return LULL_SFIELD_END;
  if (!lull_scan_char(s, ','))
    return LULL_SFIELD_BAD;
  blanks(s);
  /* A comma at the end is an error, after section 4.2.1. */
  return lull_scan_done(s) ? LULL_SFIELD_BAD : LULL_SFIELD_MORE;
}
