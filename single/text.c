/*
 * text: libcurl's work with texts, for the one file.
 *
 * libcurl writes a formatted text a byte at a time, each with a look at the
 * room that is left: 75 to 125 instructions a byte. The linker leads its calls
 * here: the lines `wrap` of the recipe. What asks for more than the few
 * conversions that a request needs goes on to libcurl's own. text_check.c
 * holds both against each other before a file is made.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OURS(name) __asm__("__wrap_" #name)
#define THEIRS(name) __asm__("__real_" #name)

struct dynbuf; /* libcurl's text that grows */

union space { /* for one of them; text_check.c says whether it is enough */
  max_align_t aligned;
  char bytes[64];
};

enum { DONE, NO_MEMORY, TOO_LARGE }; /* libcurl's MERR_... */

#define LONGEST 8000000 /* that libcurl would make of a format */

void curlx_dyn_init(struct dynbuf *text, size_t most);
char *curlx_dyn_ptr(const struct dynbuf *text);
/* Frees the text when it cannot grow. */
CURLcode curlx_dyn_addn(struct dynbuf *text, const void *bytes, size_t len);

int add_theirs(struct dynbuf *text, const char *format, va_list args)
    THEIRS(curlx_dyn_vprintf);
int equal_theirs(const char *a, const char *b) THEIRS(curl_strequal);

int lull_text_add(struct dynbuf *text, const char *format, va_list args)
    OURS(curlx_dyn_vprintf);
char *lull_text_new(const char *format, ...) OURS(curl_maprintf);
int lull_text_fill(char *to, size_t size, const char *format, ...)
    OURS(curl_msnprintf);
int lull_text_equal(const char *a, const char *b) OURS(curl_strequal);

/* ---- what a format asks for --------------------------------------------- */

/* A conversion without flags and width. */
struct piece {
  char type;    /* s, d or u */
  char size;    /* of a number: 0, l, q (long long) */
  bool limited; /* .*s */
};

/* What follows a '%'. Its end; NULL: it is none of ours. */
static const char *read_piece(const char *at, struct piece *p)
{
  p->size = 0;
  p->type = *at;
  p->limited = false;
  if (p->type == 's')
    return at + 1;
  p->limited = at[0] == '.' && at[1] == '*' && at[2] == 's';
  if (p->limited) {
    at += 2;
  } else if (*at == 'l' || *at == 'z') {
    p->size = *at == 'l' && at[1] == 'l' ? 'q' : 'l';
    at += p->size == 'q' ? 2 : 1;
  }
  p->type = *at;
  if (*at == 'd' || *at == 'u' || (*at == 's' && !p->size))
    return at + 1;
  return NULL;
}

static bool is_ours(const char *format)
{
  struct piece p;
  while ((format = strchr(format, '%')) != NULL)
    if ((format = read_piece(format + 1, &p)) == NULL)
      return false;
  return true;
}

/* ---- where it is written --------------------------------------------------
 */

/* Into a text, by way of a buffer; or into that alone, and the rest is left
   out. */
struct out {
  struct dynbuf *text;
  char *start, *at, *end;
  CURLcode bad;
};

static void flush(struct out *o)
{
  if (!o->bad && o->at > o->start)
    o->bad = curlx_dyn_addn(o->text, o->start, (size_t)(o->at - o->start));
  o->at = o->start;
}

static void put(struct out *o, const char *bytes, size_t len)
{
  size_t room = (size_t)(o->end - o->at);
  if (len > room && o->text) {
    flush(o);
    room = (size_t)(o->end - o->at);
    if (len > room && !o->bad)
      o->bad = curlx_dyn_addn(o->text, bytes, len);
    if (len > room)
      return;
  }
  len = len < room ? len : room;
  memcpy(o->at, bytes, len);
  o->at += len;
}

static void put_number(struct out *o, bool minus, uint64_t n)
{
  char digits[24], *end = digits + sizeof digits, *at = end;
  n = minus ? 0 - n : n;
  do
    *--at = (char)('0' + n % 10);
  while ((n /= 10) != 0);
  if (minus)
    *--at = '-';
  put(o, at, (size_t)(end - at));
}

/* libcurl writes a missing text as a word, whole or not at all. */
static void put_text(struct out *o, const char *s, int most)
{
  static const char missing[] = "(nil)";
  if (!s)
    s = most >= 0 && most < (int)sizeof missing - 1 ? "" : missing;
  put(o, s, most < 0 ? strlen(s) : strnlen(s, (size_t)most));
}

static void print(struct out *o, const char *format, va_list args)
{
  struct piece p;
  for (;;) {
    const char *end = strchrnul(format, '%');
    put(o, format, (size_t)(end - format));
    if (!*end)
      return;
    format = read_piece(end + 1, &p);
    if (p.type == 's') {
      int most = p.limited ? va_arg(args, int) : -1;
      put_text(o, va_arg(args, const char *), most);
    } else if (p.type == 'd') {
      long long n = p.size == 'q'   ? va_arg(args, long long)
                    : p.size == 'l' ? va_arg(args, long)
                                    : va_arg(args, int);
      put_number(o, n < 0, (uint64_t)n);
    } else {
      unsigned long long n = p.size == 'q'   ? va_arg(args, unsigned long long)
                             : p.size == 'l' ? va_arg(args, unsigned long)
                                             : va_arg(args, unsigned);
      put_number(o, false, n);
    }
  }
}

static CURLcode print_into(struct dynbuf *text, const char *format,
                           va_list args)
{
  char buffer[512];
  struct out o = {text, buffer, buffer, buffer + sizeof buffer, CURLE_OK};
  print(&o, format, args);
  flush(&o);
  return o.bad;
}

/* ---- what libcurl calls ---------------------------------------------------
 */

/* Its curlx_dyn_vprintf: adds to a text. */
int lull_text_add(struct dynbuf *text, const char *format, va_list args)
{
  CURLcode bad;
  if (!is_ours(format))
    return add_theirs(text, format, args);
  bad = print_into(text, format, args);
  return bad == CURLE_TOO_LARGE ? TOO_LARGE : bad ? NO_MEMORY : DONE;
}

/* Its curl_maprintf: a new text, or NULL. */
char *lull_text_new(const char *format, ...)
{
  union space space;
  struct dynbuf *text = (struct dynbuf *)&space;
  CURLcode bad = CURLE_OK;
  char *made;
  va_list args;
  curlx_dyn_init(text, LONGEST);
  va_start(args, format);
  if (is_ours(format))
    bad = print_into(text, format, args);
  va_end(args);
  made = curlx_dyn_ptr(text);
  if (bad || made)
    return made;
  va_start(args, format); /* not ours, or empty */
  made = curl_mvaprintf(format, args);
  va_end(args);
  return made;
}

/* Its curl_msnprintf: as much as there is room for; how much that was. */
int lull_text_fill(char *to, size_t size, const char *format, ...)
{
  struct out o = {NULL, to, to, size ? to + size - 1 : to, CURLE_OK};
  int len;
  va_list args;
  va_start(args, format);
  if (!size || !is_ours(format)) {
    len = curl_mvsnprintf(to, size, format, args);
  } else {
    print(&o, format, args);
    *o.at = '\0';
    len = (int)(o.at - to);
  }
  va_end(args);
  return len;
}

/* Its curl_strequal: in any case. It looks at the host of each connection that
   is there, and most are written alike. */
int lull_text_equal(const char *a, const char *b)
{
  return a == b || (a && b && (strcmp(a, b) == 0 || equal_theirs(a, b)));
}
