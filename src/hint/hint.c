#define _POSIX_C_SOURCE 200809L
#include "hint/hint.h"

#include "hint/ratelimit.h"
#include "hint/vendor.h"

#include <string.h>
#include <strings.h>

static const char *const source_names[LULL_HINT_SOURCES] = {
    [LULL_HINT_NONE] = "none",
    [LULL_HINT_PUSHBACK] = "grpc-retry-pushback-ms",
    [LULL_HINT_RETRY_AFTER_MS] = "retry-after-ms",
    [LULL_HINT_MS_RETRY_AFTER] = "x-ms-retry-after-ms",
    [LULL_HINT_AMZ] = "x-amz-retry-after",
    [LULL_HINT_RETRY_AFTER] = "retry-after",
    [LULL_HINT_RATELIMIT] = "ratelimit",
    [LULL_HINT_X_RATELIMIT] = "x-ratelimit-reset",
    [LULL_HINT_BODY] = "body",
};

const char *lull_hint_source_name(enum lull_hint_source source)
{
  return (unsigned)source < LULL_HINT_SOURCES ? source_names[source] : "none";
}

/* The text as it came, but safe to print anywhere: bytes beyond ASCII go
   the way of the control bytes, since a cut may fall inside a character. */
static void keep(char *raw, const char *text)
{
  size_t i;
  for (i = 0; i < LULL_HINT_RAW - 1 && text[i]; i++)
    raw[i] = (char)(text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?');
  raw[i] = '\0';
}

/* Takes what a source says, if those before it said nothing. To wait for 0
   seconds is to say nothing: servers that cut their waits to whole seconds
   write it when there is most of a second left. */
static void answer(struct lull_hint *hint, enum lull_hint_source source,
                   const struct lull_reset_span *span, const char *raw)
{
  if (hint->source != LULL_HINT_NONE && (hint->wait > 0 || span->wait == 0))
    return;
  hint->source = source;
  hint->wait = span->wait;
  hint->unanchored = span->unanchored;
  hint->asked = hint->asked || source <= LULL_HINT_RETRY_AFTER;
  keep(hint->raw, raw);
}

/* One line of grpc-retry-pushback-ms: a signed 32-bit integer (gRFC A6).
   Negative and unparsable both mean: do not retry; so this says whether
   it is a wait. */
static bool pushback_line(const char *line, struct lull_reset_span *span)
{
  struct lull_scan s = lull_scan_text(line);
  return lull_reset_whole_millis(s, NULL, span) &&
         span->wait <= INT32_MAX * LULL_MSEC;
}

/* Of several lines, one that forbids decides; else the longest. Leaves the
   advice STOP, or the wait, or nothing. */
static void pushback(const struct lull_headers *h, struct lull_hint *hint)
{
  const char *line;
  size_t at = 0;
  const char *longest = NULL;
  struct lull_reset_span most, span;
  while ((line = lull_scan_field(h, &at, "grpc-retry-pushback-ms")) != NULL) {
    if (!pushback_line(line, &span)) {
      hint->advice = LULL_ADVICE_STOP;
    } else if (!longest || span.wait > most.wait) {
      longest = line;
      most = span;
    }
  }
  if (longest)
    answer(hint, LULL_HINT_PUSHBACK, &most, longest);
  if (hint->advice == LULL_ADVICE_STOP)
    *hint = (struct lull_hint){.advice = LULL_ADVICE_STOP};
}

static enum lull_hint_advice yes_no(const char *value)
{
  if (strcasecmp(value, "true") == 0)
    return LULL_ADVICE_RETRY;
  if (strcasecmp(value, "false") == 0)
    return LULL_ADVICE_STOP;
  return LULL_ADVICE_NONE;
}

/* A no anywhere outweighs every yes: of the two mistakes, not to retry is
   the harmless one. */
static enum lull_hint_advice should_retry(const struct lull_headers *h)
{
  static const char *const names[] = {"x-should-retry", "Stripe-Should-Retry"};
  enum lull_hint_advice most = LULL_ADVICE_NONE, one;
  size_t i;
  for (i = 0; i < 2; i++) {
    const char *value;
    size_t at = 0;
    while ((value = lull_scan_field(h, &at, names[i])) != NULL)
      if ((one = yes_no(value)) > most)
        most = one;
  }
  return most;
}

/* Pushback goes before the yes-no headers: a wait that gRPC names is not
   forbidden by another header. */
static void advise(const struct lull_headers *h, struct lull_hint *hint)
{
  enum lull_hint_advice other = should_retry(h);
  pushback(h, hint);
  if (hint->advice == LULL_ADVICE_NONE &&
      !(hint->source == LULL_HINT_PUSHBACK && other == LULL_ADVICE_STOP))
    hint->advice = other;
}

/* The sources that are one field with one wait, in order of precedence. */
static const struct plain {
  const char *name;
  lull_reset_reader *reader;
  enum lull_hint_source source;
  bool with_suffix; /* one of several limits may be named after it */
} plains[] = {
    {"retry-after-ms", lull_reset_millis, LULL_HINT_RETRY_AFTER_MS, false},
    {"x-ms-retry-after-ms", lull_reset_millis, LULL_HINT_MS_RETRY_AFTER,
     false},
    {"x-amz-retry-after", lull_reset_whole_millis, LULL_HINT_AMZ, false},
    {"Retry-After", lull_reset_retry_after, LULL_HINT_RETRY_AFTER, true},
};

static void plain(const struct lull_headers *h,
                  const struct lull_reset_anchor *anchor,
                  struct lull_hint *hint)
{
  size_t i;
  for (i = 0; i < sizeof plains / sizeof *plains; i++) {
    struct lull_reset_span span;
    const char *raw;
    if (lull_reset_field(h, plains[i].name, plains[i].with_suffix,
                         plains[i].reader, anchor, &span, &raw))
      answer(hint, plains[i].source, &span, raw);
  }
}

/* The longest wait of the windows that are used up, and of those that do
   not tell. */
struct wish {
  struct lull_ratelimit_window empty, untold;
};

/* A field that says when to come back needs no count beside it. */
static void wish(void *context, const struct lull_ratelimit_window *w)
{
  struct wish *wishes = context;
  bool empty = w->remaining == 0 || w->over || (w->remaining < 0 && w->asked);
  struct lull_ratelimit_window *most =
      empty ? &wishes->empty : &wishes->untold;
  if (w->remaining <= 0 && (!most->raw || w->reset.wait > most->reset.wait))
    *most = *w;
}

/* A reset is a wait if nothing remains before it. On 429 that is likely of
   a window that does not tell; while a window with a rest was not what
   stopped us. */
static void windows(const struct lull_headers *h,
                    const struct lull_reset_anchor *anchor, int status,
                    lull_ratelimit_family *family, struct lull_hint *hint)
{
  enum lull_hint_source source = family == lull_ratelimit_vendor
                                     ? LULL_HINT_X_RATELIMIT
                                     : LULL_HINT_RATELIMIT;
  struct wish wishes = {0};
  const struct lull_ratelimit_window *w = &wishes.empty;
  if (hint->source != LULL_HINT_NONE && hint->wait > 0)
    return;
  family(h, anchor, wish, &wishes);
  if (!w->raw && status == 429)
    w = &wishes.untold;
  if (!w->raw)
    return;
  answer(hint, source, &w->reset, w->raw);
  if (hint->source == source && w->asked)
    hint->asked = true;
}

/* Most answers tell nothing of a quota: one look at the names spares the
   search for each of the fields that might. */
static bool mentions_rate(const struct lull_headers *headers)
{
  const char *name, *value;
  size_t at = 0, len;
  while (lull_headers_next(headers, &at, &name, &value))
    if (lull_vendor_word(name, &len))
      return true;
  return false;
}

struct rest {
  bool told, empty;
};

static void look_for_rest(void *context, const struct lull_ratelimit_window *w)
{
  struct rest *rest = context;
  rest->told = rest->told || w->remaining > 0;
  rest->empty = rest->empty || w->remaining == 0 || w->over;
}

/* Flask-Limiter puts a Retry-After on every answer, with what is left of the
   quota. While something is left it asks for nothing. */
static bool has_rest(const struct lull_headers *h,
                     const struct lull_reset_anchor *anchor)
{
  struct rest rest = {false, false};
  lull_ratelimit_draft(h, anchor, look_for_rest, &rest);
  lull_ratelimit_triple(h, anchor, look_for_rest, &rest);
  lull_ratelimit_vendor(h, anchor, look_for_rest, &rest);
  return rest.told && !rest.empty;
}

void lull_hint_read(const struct lull_headers *headers, int status,
                    lull_usec wall, struct lull_hint *hint)
{
  struct lull_reset_anchor anchor;
  *hint = (struct lull_hint){0};
  lull_reset_anchor(headers, wall, &anchor);
  advise(headers, hint);
  plain(headers, &anchor, hint);
  if (!mentions_rate(headers))
    return;
  windows(headers, &anchor, status, lull_ratelimit_draft, hint);
  windows(headers, &anchor, status, lull_ratelimit_triple, hint);
  windows(headers, &anchor, status, lull_ratelimit_vendor, hint);
  if (hint->asked && has_rest(headers, &anchor))
    hint->asked = false;
}

/* Is a used up sooner than b, spent evenly? Doubles will do: this ranks,
   and is not counted with. */
static bool tighter(const struct lull_quota *a, const struct lull_quota *b)
{
  double l = (double)a->remaining * (double)b->reset;
  double r = (double)b->remaining * (double)a->reset;
  return l < r || (l <= r && a->reset > b->reset);
}

static void tightest(void *context, const struct lull_ratelimit_window *w)
{
  struct lull_quota *quota = context;
  struct lull_quota one = {true, w->remaining, w->reset.wait};
  if (w->remaining >= 0 && !w->guessed &&
      (!quota->known || tighter(&one, quota)))
    *quota = one;
}

void lull_hint_quota(const struct lull_headers *headers, lull_usec wall,
                     struct lull_quota *quota)
{
  if (!mentions_rate(headers)) {
    *quota = (struct lull_quota){0};
    return;
  }
  struct lull_reset_anchor anchor;
  *quota = (struct lull_quota){0};
  lull_reset_anchor(headers, wall, &anchor);
  if (anchor.cached) /* it tells of a window long gone */
    return;
  lull_ratelimit_draft(headers, &anchor, tightest, quota);
  lull_ratelimit_triple(headers, &anchor, tightest, quota);
  lull_ratelimit_vendor(headers, &anchor, tightest, quota);
}
