#include "hint/ratelimit.h"

#include "hint/sfield.h"

#include <string.h>

/* The two numbers of a RateLimit member; -1: absent. */
struct member {
  int64_t remaining;
  int64_t reset;
};

/* Takes a value for the number of that name. False when it is of the wrong
   type or negative, which makes the whole field malformed. */
static bool assign(int64_t *number, const struct lull_sfield_value *v)
{
  *number = v->integer;
  return v->type == LULL_SFIELD_INTEGER && v->integer >= 0;
}

/* Section 3.2 of the draft: r and t; other parameters say nothing to us. */
static bool param(const struct lull_sfield_key *key,
                  const struct lull_sfield_value *v, struct member *m)
{
  if (lull_sfield_key_is(key, "r"))
    return assign(&m->remaining, v);
  if (lull_sfield_key_is(key, "t"))
    return assign(&m->reset, v);
  return true;
}

static bool params(struct lull_scan *s, struct member *m)
{
  struct lull_sfield_key key;
  struct lull_sfield_value v;
  enum lull_sfield_step step;
  while ((step = lull_sfield_param(s, &key, &v)) == LULL_SFIELD_MORE)
    if (!param(&key, &v, m))
      return false;
  return step == LULL_SFIELD_END;
}

static void show(const struct member *m, const char *raw,
                 lull_ratelimit_see *see, void *context)
{
  struct lull_ratelimit_window w = {m->remaining, {0, false}, raw};
  if (m->remaining < 0 || m->reset < 0)
    return;
  w.reset.wait = lull_scan_times((uint64_t)m->reset, (uint64_t)LULL_SEC);
  see(context, &w);
}

/* One line of the list form: a policy's name, a String, with parameters. */
static bool list_line(const char *line, lull_ratelimit_see *see, void *context)
{
  struct lull_scan s = lull_scan_text(line);
  enum lull_sfield_step step = LULL_SFIELD_MORE;
  while (step == LULL_SFIELD_MORE) {
    struct member m = {-1, -1};
    struct lull_sfield_value v;
    if (!lull_sfield_item(&s, &v) || v.type != LULL_SFIELD_STRING ||
        !params(&s, &m))
      return false;
    if (see)
      show(&m, line, see, context);
    step = lull_sfield_next(&s);
  }
  return step == LULL_SFIELD_END;
}

/* Several lines are one list (RFC 9651 section 4.2); an empty one adds
   nothing to it. Without `see` it only tells whether all is well formed. */
static bool list(const struct lull_headers *h, lull_ratelimit_see *see,
                 void *context)
{
  const char *line;
  size_t at = 0;
  while ((line = lull_scan_field(h, &at, "RateLimit")) != NULL)
    if (*line && !list_line(line, see, context))
      return false;
  return true;
}

static bool dictionary_line(const char *line, struct member *m)
{
  struct lull_scan s = lull_scan_text(line);
  enum lull_sfield_step step = LULL_SFIELD_MORE;
  while (step == LULL_SFIELD_MORE) {
    struct member ignored = {-1, -1};
    struct lull_sfield_key key;
    struct lull_sfield_value v;
    if (!lull_sfield_pair(&s, &key, &v) || !params(&s, &ignored))
      return false;
    if (lull_sfield_key_is(&key, "remaining") && !assign(&m->remaining, &v))
      return false;
    if (lull_sfield_key_is(&key, "reset") && !assign(&m->reset, &v))
      return false;
    step = lull_sfield_next(&s);
  }
  return step == LULL_SFIELD_END;
}

/* limit=100, remaining=50, reset=5; `raw` becomes the first line. */
static bool dictionary(const struct lull_headers *h, struct member *m,
                       const char **raw)
{
  const char *line;
  size_t at = 0;
  *raw = NULL;
  while ((line = lull_scan_field(h, &at, "RateLimit")) != NULL) {
    if (*line && !dictionary_line(line, m))
      return false;
    if (*line && !*raw)
      *raw = line;
  }
  return *raw != NULL;
}

void lull_ratelimit_draft(const struct lull_headers *h,
                          const struct lull_reset_anchor *anchor,
                          lull_ratelimit_see *see, void *context)
{
  struct member m = {-1, -1};
  const char *raw;
  if (anchor->cached)
    return;
  if (list(h, NULL, NULL))
    (void)list(h, see, context);
  else if (dictionary(h, &m, &raw))
    show(&m, raw, see, context);
}

/* A count may have a fraction (a bucket refills in parts), but a part of a
   request is none. */
static int64_t count(const char *at, const char *end)
{
  struct lull_scan s = lull_scan_trim(at, end);
  struct lull_scan_decimal d;
  if (!lull_scan_decimal(&s, &d) || !lull_scan_done(&s))
    return -1;
  return d.whole > INT64_MAX ? INT64_MAX : (int64_t)d.whole;
}

static void least(int64_t *least_so_far, int64_t n)
{
  if (n >= 0 && (*least_so_far < 0 || n < *least_so_far))
    *least_so_far = n;
}

/* The smallest count of all fields of that name, -1 if there is none. */
static int64_t remaining(const struct lull_headers *h, const char *name)
{
  int64_t n = -1;
  const char *value;
  size_t at = 0;
  while ((value = lull_scan_field(h, &at, name)) != NULL) {
    const char *comma;
    for (; (comma = strchr(value, ',')) != NULL; value = comma + 1)
      least(&n, count(value, comma));
    least(&n, count(value, value + strlen(value)));
  }
  return n;
}

void lull_ratelimit_triple(const struct lull_headers *h,
                           const struct lull_reset_anchor *anchor,
                           lull_ratelimit_see *see, void *context)
{
  struct lull_ratelimit_window w;
  if (anchor->cached || !lull_reset_field(h, "RateLimit-Reset", lull_reset_any,
                                          anchor, &w.reset, &w.raw))
    return;
  w.remaining = remaining(h, "RateLimit-Remaining");
  see(context, &w);
}

/* What vendors send. Of the resets of a row the first that can be read
   counts: the relative one goes before the absolute one. */
static const struct row {
  const char *remaining;
  const char *reset[3];
} rows[] = {
    /* GitHub, Auth0; Discord has -After as well; Symfony -Retry-After. */
    {"X-RateLimit-Remaining",
     {"X-RateLimit-Reset-After", "X-RateLimit-Reset",
      "X-RateLimit-Retry-After"}},
    /* Twitter */
    {"X-Rate-Limit-Remaining",
     {"X-Rate-Limit-Reset-After", "X-Rate-Limit-Reset", NULL}},
    /* OpenAI, Groq, Azure */
    {"X-RateLimit-Remaining-Requests", {"X-RateLimit-Reset-Requests", NULL}},
    {"X-RateLimit-Remaining-Tokens", {"X-RateLimit-Reset-Tokens", NULL}},
    /* Anthropic */
    {"Anthropic-RateLimit-Requests-Remaining",
     {"Anthropic-RateLimit-Requests-Reset", NULL}},
    {"Anthropic-RateLimit-Tokens-Remaining",
     {"Anthropic-RateLimit-Tokens-Reset", NULL}},
    {"Anthropic-RateLimit-Input-Tokens-Remaining",
     {"Anthropic-RateLimit-Input-Tokens-Reset", NULL}},
    {"Anthropic-RateLimit-Output-Tokens-Remaining",
     {"Anthropic-RateLimit-Output-Tokens-Reset", NULL}},
};

/* Here a bare 0, as -1, is written for "not known". */
static bool vendor_reset(struct lull_scan text,
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

static bool row_reset(const struct lull_headers *h, const struct row *row,
                      const struct lull_reset_anchor *anchor,
                      struct lull_ratelimit_window *w)
{
  size_t i;
  for (i = 0; i < 3 && row->reset[i]; i++)
    if (lull_reset_field(h, row->reset[i], vendor_reset, anchor, &w->reset,
                         &w->raw))
      return true;
  return false;
}

void lull_ratelimit_vendor(const struct lull_headers *h,
                           const struct lull_reset_anchor *anchor,
                           lull_ratelimit_see *see, void *context)
{
  size_t i;
  for (i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lull_ratelimit_window w;
    if (!row_reset(h, &rows[i], anchor, &w))
      continue;
    w.remaining = remaining(h, rows[i].remaining);
    see(context, &w);
  }
}
