/*
 * text_check: whether text.c does what libcurl does, in the libcurl that the
 * one file is made of. Ends with 1, and a line for each difference, when it
 * does not. Linked as that file is: what is not said to be theirs is ours.
 */
#include <curl/curl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define THEIRS(name) __asm__("__real_" #name)

struct dynbuf;
void curlx_dyn_init(struct dynbuf *text, size_t most);
void curlx_dyn_free(struct dynbuf *text);
char *curlx_dyn_ptr(const struct dynbuf *text);
size_t curlx_dyn_len(const struct dynbuf *text);
int curlx_dyn_vprintf(struct dynbuf *text, const char *format, va_list args);

int add_to(struct dynbuf *text, const char *format, va_list args)
    THEIRS(curlx_dyn_vprintf);
char *make(const char *format, ...) THEIRS(curl_maprintf);
int fill(char *to, size_t size, const char *format, ...)
    THEIRS(curl_msnprintf);
int equal(const char *a, const char *b) THEIRS(curl_strequal);

#define ENOUGH 64 /* for a text that grows, as text.c has it */
#define UNTOUCHED '\xa5'

union space {
  max_align_t aligned;
  char bytes[4 * ENOUGH];
};

static bool bad;

static void differ(const char *what, const char *format, const char *ours,
                   const char *theirs)
{
  printf("%s '%s': '%s', and libcurl has '%s'\n", what, format,
         ours ? ours : "no text", theirs ? theirs : "no text");
  bad = true;
}

/* ---- a text that grows ----------------------------------------------------
 */

static void check_space(const union space *space)
{
  for (size_t i = ENOUGH; i < sizeof space->bytes; i++)
    if (space->bytes[i] != UNTOUCHED) {
      differ("the size of", "struct dynbuf", "64 bytes", "more");
      return;
    }
}

static bool same(const struct dynbuf *a, const struct dynbuf *b)
{
  const char *left = curlx_dyn_ptr(a), *right = curlx_dyn_ptr(b);
  return curlx_dyn_len(a) == curlx_dyn_len(b) && !left == !right &&
         (!left || memcmp(left, right, curlx_dyn_len(a) + 1) == 0);
}

/* Twice into one text, of at most so many bytes. */
static void compare_added(size_t most, const char *format, va_list args)
{
  union space spaces[2];
  struct dynbuf *ours = (struct dynbuf *)&spaces[0];
  struct dynbuf *theirs = (struct dynbuf *)&spaces[1];
  memset(spaces, UNTOUCHED, sizeof spaces);
  curlx_dyn_init(ours, most);
  curlx_dyn_init(theirs, most);
  for (int n = 0; n < 2; n++) {
    int one, other;
    va_list mine, its;
    va_copy(mine, args);
    va_copy(its, args);
    one = curlx_dyn_vprintf(ours, format, mine);
    other = add_to(theirs, format, its);
    va_end(mine);
    va_end(its);
    if (one != other || !same(ours, theirs))
      differ("added", format, curlx_dyn_ptr(ours), curlx_dyn_ptr(theirs));
  }
  curlx_dyn_free(ours);
  curlx_dyn_free(theirs);
  check_space(&spaces[0]);
}

static void check_added(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  for (size_t most = 1; most < 120; most++)
    compare_added(most, format, args);
  compare_added(100000, format, args);
  va_end(args);
}

/* ---- a new one, and one in a place of its own -----------------------------
 */

static void compare_new(const char *format, char *ours, char *theirs)
{
  if (!ours != !theirs || (ours && strcmp(ours, theirs) != 0))
    differ("new", format, ours, theirs);
  curl_free(ours);
  curl_free(theirs);
}

static void compare_filled(const char *format, int one, const char *ours,
                           int other, const char *theirs)
{
  if (one != other || strcmp(ours, theirs) != 0)
    differ("filled", format, ours, theirs);
}

/* Each way that there is. */
#define CHECK(...)                                                            \
  do {                                                                        \
    check_added(__VA_ARGS__);                                                 \
    compare_new(FIRST(__VA_ARGS__, 0), curl_maprintf(__VA_ARGS__),            \
                make(__VA_ARGS__));                                           \
    for (size_t size = 0; size < 120; size++) {                               \
      char ours[120] = "as it was", theirs[120] = "as it was";                \
      int one = curl_msnprintf(ours, size, __VA_ARGS__);                      \
      int other = fill(theirs, size, __VA_ARGS__);                            \
      compare_filled(FIRST(__VA_ARGS__, 0), one, ours, other, theirs);        \
    }                                                                         \
  } while (0)
#define FIRST(first, ...) first

/* What a request and its like are made of, and the ends of what is ours. */
static void check_ours(void)
{
  const char *none = NULL;
  char empty[] = "", large[3000];
  memset(large, 'x', sizeof large - 1);
  large[sizeof large - 1] = '\0';
  CHECK("plain words");
  CHECK("%s", empty);
  CHECK("%s", none);
  CHECK("%s and %s", large, large);
  CHECK("%s\r\n", "Accept: */*");
  CHECK("%s %s%s%s%s HTTP/1.%d\r\n", "GET", "", "", "/a?b=%41", "", 1);
  CHECK("%.*s: %.*s\r\n", 4, "namesake", 5, "value of it");
  CHECK("[%.*s]", 0, "nothing");
  CHECK("[%.*s]", -1, "all of it");
  CHECK("[%.*s]", 4, none);
  CHECK("[%.*s]", 5, none);
  CHECK("[%.*s]", 9, "short");
  CHECK("%d %d %d", 0, INT_MIN, INT_MAX);
  CHECK("%u %u", 0u, UINT_MAX);
  CHECK("%ld %ld %lu", LONG_MIN, LONG_MAX, ULONG_MAX);
  CHECK("%lld %lld %llu", LLONG_MIN, LLONG_MAX, ULLONG_MAX);
  CHECK("%zu", SIZE_MAX);
  CHECK("%zd", (ptrdiff_t)-7);
  CHECK("Length: %" CURL_FORMAT_CURL_OFF_T "\r\n", (curl_off_t)1 << 40);
}

/* What is left to libcurl. */
static void check_others(void)
{
  CHECK("100 %%, %s", "done");
  CHECK("%c%c", 'a', 'b');
  CHECK("%5d|%-5d|%05d|%+d|% d", 1, 2, 3, 4, 5);
  CHECK("%8s|%-8s|%.3s", "right", "left", "cut off");
  CHECK("%*d", 7, 42);
  CHECK("%x %X %#x %o", 255u, 255u, 255u, 8u);
  CHECK("%02x%02x", 10u, 200u);
  CHECK("%.3f %g", 1.5, 0.25);
  CHECK("%p", (void *)&bad);
  CHECK("%S", "quoted");
  CHECK("%2$s %1$s", "second", "first");
  CHECK("%hd", 7);
  CHECK("%k %s", "unknown");
  CHECK("ends in %");
}

/* ---- texts in any case -----------------------------------------------------
 */

static void check_equal(void)
{
  static const char *const texts[] = {NULL,   "",     "host",   "HOST",
                                      "hosT", "hos",  "hostx",  "h\xe4st",
                                      "[ho]", "{ho}", "h\xc4st"};
  enum { COUNT = sizeof texts / sizeof *texts };
  for (size_t i = 0; i < COUNT; i++)
    for (size_t j = 0; j < COUNT; j++) {
      char copy[16] = "",
           *other = texts[j] ? strncpy(copy, texts[j], sizeof copy - 1) : NULL;
      if (!curl_strequal(texts[i], other) != !equal(texts[i], other))
        differ("equal", texts[i] ? texts[i] : "none", other, "the other");
    }
}

int main(void)
{
  check_ours();
  check_others();
  check_equal();
  return bad;
}
