#include "binary/strip.h"

#include <string.h>

struct dump {
  const unsigned char *at, *end;
  unsigned char *to;
  bool keep, broken;
};

static void bytes(struct dump *s, size_t n)
{
  if (n > (size_t)(s->end - s->at)) {
    s->broken = true;
    n = (size_t)(s->end - s->at);
  }
  if (s->keep) {
    memmove(s->to, s->at, n);
    s->to += n;
  }
  s->at += n;
}

static unsigned char byte(struct dump *s)
{
  unsigned char c = s->at < s->end ? *s->at : 0;
  bytes(s, 1);
  return c;
}

/* Seven bits a byte, the greatest first; the last has the eighth bit. */
static size_t number(struct dump *s)
{
  size_t n = 0;
  unsigned char c;
  do {
    c = byte(s);
    n = n << 7 | (c & 0x7f);
  } while (!(c & 0x80) && !s->broken);
  return n;
}

/* Its length and one; none is 0. */
static void text(struct dump *s)
{
  size_t n = number(s);
  bytes(s, n ? n - 1 : 0);
}

enum { NUMBER = 0x13, INTEGER = 0x03, SHORT = 0x04, LONG = 0x14 };

static void constants(struct dump *s)
{
  size_t n = number(s);
  while (n-- && !s->broken) {
    unsigned char type = byte(s);
    if (type == SHORT || type == LONG)
      text(s);
    else if (type == NUMBER || type == INTEGER)
      bytes(s, 8);
  }
}

/* A list of which only the length, 0, is kept. */
static void names(struct dump *s, bool with_range)
{
  static const unsigned char none = 0x80;
  size_t n;
  s->keep = false;
  n = number(s);
  while (n-- && !s->broken) {
    text(s);
    if (with_range) {
      number(s);
      number(s);
    }
  }
  s->keep = true;
  *s->to++ = none;
}

static void function(struct dump *s)
{
  size_t n;
  text(s); /* the source */
  number(s);
  number(s);               /* its first and last line */
  bytes(s, 3);             /* parameters, varargs, stack */
  bytes(s, 4 * number(s)); /* code */
  constants(s);
  bytes(s, 3 * number(s)); /* upvalues */
  for (n = number(s); n && !s->broken; n--)
    function(s);
  bytes(s, number(s)); /* lines, by their distance */
  for (n = number(s); n && !s->broken; n--) {
    number(s);
    number(s);
  }
  names(s, true);
  names(s, false);
}

bool lull_strip(unsigned char *chunk, size_t *len)
{
  /* Signature, version, format; what text conversion would spoil; the sizes
     of an instruction, an integer and a number. */
  static const unsigned char begins[] =
      "\x1bLua\x54\0\x19\x93\r\n\x1a\n\4\x8\x8";
  enum { HEADER = sizeof begins - 1, SAMPLES = 16, UPVALUES = 1 };
  struct dump s = {chunk, chunk + *len, chunk, true, false};
  if (*len < HEADER || memcmp(chunk, begins, HEADER) != 0)
    return false;
  bytes(&s, HEADER + SAMPLES + UPVALUES);
  function(&s);
  *len = (size_t)(s.to - chunk);
  return !s.broken && s.at == s.end;
}
