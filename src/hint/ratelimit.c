#include "hint/ratelimit.h"

#include "hint/sfield.h"
#include "hint/vendor.h"

#include <string.h>

/* The numbers of a member of RateLimit or RateLimit-Policy; -1: absent. */
struct member {
  int64_t remaining;
  int64_t reset;
  int64_t window; /* of a policy */
};

static const struct member nothing = {-1, -1, -1};

/* Takes a value for the number of that name. False when it is of the wrong
   type or negative, which makes the whole field malformed. */
static bool assign(int64_t *number, const struct lull_sfield_value *v)
{
  *number = v->integer;
  return v->type == LULL_SFIELD_INTEGER && v->integer >= 0;
}

/* Takes a parameter; false makes the field malformed. */
typedef bool take_param(const struct lull_sfield_key *key,
                        const struct lull_sfield_value *v, struct member *m);

/* Section 3.2 of the draft: r and t; other parameters say nothing to us. */
static bool limit_param(const struct lull_sfield_key *key,
                        const struct lull_sfield_value *v, struct member *m)
{
  if (lull_sfield_key_is(key, "r"))
    return assign(&m->remaining, v);
  if (lull_sfield_key_is(key, "t"))
    return assign(&m->reset, v);
  return true;
}

/* Section 3.1: the window's length. */
static bool policy_param(const struct lull_sfield_key *key,
                         const struct lull_sfield_value *v, struct member *m)
{
  return !lull_sfield_key_is(key, "w") || assign(&m->window, v);
}

static bool params(struct lull_scan *s, take_param *take, struct member *m)
{
  struct lull_sfield_key key;
  struct lull_sfield_value v;
  enum lull_sfield_step step;
  while ((step = lull_sfield_param(s, &key, &v)) == LULL_SFIELD_MORE)
    if (!take(&key, &v, m))
      return false;
  return step == LULL_SFIELD_END;
}

/* ---- policies ---------------------------------------------------------- */

/* What is searched for among the policies, and the longest window of those
   that fit. */
struct wanted {
  const struct lull_scan *name; /* NULL: any */
  int64_t window;
};

static bool fits(const struct wanted *w, const struct lull_sfield_value *v)
{
  size_t len;
  if (!w->name)
    return true;
  len = (size_t)(w->name->end - w->name->at);
  return v->type == LULL_SFIELD_STRING &&
         (size_t)(v->text.end - v->text.at) == len &&
         memcmp(v->text.at, w->name->at, len) == 0;
}

/* One line of RateLimit-Policy: names (the draft) or quotas (up to -07),
   with parameters. */
static bool policy_line(const char *line, struct wanted *wanted)
{
  struct lull_scan s = lull_scan_text(line);
  enum lull_sfield_step step = LULL_SFIELD_MORE;
  while (step == LULL_SFIELD_MORE) {
    struct member m = nothing;
    struct lull_sfield_value v;
    if (!lull_sfield_item(&s, &v) ||
        (v.type != LULL_SFIELD_STRING && v.type != LULL_SFIELD_INTEGER) ||
        !params(&s, policy_param, &m))
      return false;
    if (m.window > wanted->window && fits(wanted, &v))
      wanted->window = m.window;
    step = lull_sfield_next(&s);
  }
  return step == LULL_SFIELD_END;
}

/* The longest that a window of that name can last, -1 when no policy says. */
static int64_t policy(const struct lull_headers *h,
                      const struct lull_scan *name)
{
  static const char *const fields[] = {"RateLimit-Policy", "RateLimit-Limit"};
  struct wanted wanted = {name, -1};
  size_t i;
  for (i = 0; i < 2 && wanted.window < 0; i++) {
    const char *line;
    size_t at = 0;
    while ((line = lull_scan_field(h, &at, fields[i])) != NULL)
      if (*line && !policy_line(line, &wanted))
        return -1;
  }
  return wanted.window;
}

/* ---- RateLimit --------------------------------------------------------- */

/* Who is shown the windows, and of which headers. */
struct view {
  const struct lull_headers *headers;
  lull_ratelimit_see *see;
  void *context;
  unsigned searches; /* of a policy: bounded, or many members would cost the
                        square of their number */
};

#define SEARCHES 16

/* The draft makes t optional. What is used up comes back when the window of
   its policy is over, at the latest. */
static void show(struct view *view, const struct member *m,
                 const struct lull_scan *name, const char *raw)
{
  struct lull_ratelimit_window w = {.remaining = m->remaining, .raw = raw};
  int64_t reset = m->reset;
  if (reset < 0 && m->remaining == 0 && view->searches++ < SEARCHES) {
    reset = policy(view->headers, name);
    w.guessed = true;
  }
  if (m->remaining < 0 || reset < 0)
    return;
  w.reset.wait = lull_scan_times((uint64_t)reset, (uint64_t)LULL_SEC);
  view->see(view->context, &w);
}

/* One line of the list form: a policy's name, a String, with parameters. */
static bool list_line(const char *line, struct view *view)
{
  struct lull_scan s = lull_scan_text(line);
  enum lull_sfield_step step = LULL_SFIELD_MORE;
  while (step == LULL_SFIELD_MORE) {
    struct member m = nothing;
    struct lull_sfield_value v;
    if (!lull_sfield_item(&s, &v) || v.type != LULL_SFIELD_STRING ||
        !params(&s, limit_param, &m))
      return false;
    if (view)
      show(view, &m, &v.text, line);
    step = lull_sfield_next(&s);
  }
  return step == LULL_SFIELD_END;
}

/* Several lines are one list (RFC 9651 section 4.2); an empty one adds
   nothing to it. Without `view` it only tells whether all is well formed. */
static bool list(const struct lull_headers *h, struct view *view)
{
  const char *line;
  size_t at = 0;
  while ((line = lull_scan_field(h, &at, "RateLimit")) != NULL)
    if (*line && !list_line(line, view))
      return false;
  return true;
}

static bool dictionary_line(const char *line, struct member *m)
{
  struct lull_scan s = lull_scan_text(line);
  enum lull_sfield_step step = LULL_SFIELD_MORE;
  while (step == LULL_SFIELD_MORE) {
    struct member ignored = nothing;
    struct lull_sfield_key key;
    struct lull_sfield_value v;
    if (!lull_sfield_pair(&s, &key, &v) || !params(&s, limit_param, &ignored))
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
  struct view view = {h, see, context, 0};
  struct member m = nothing;
  const char *raw;
  if (anchor->cached)
    return;
  if (list(h, NULL))
    (void)list(h, &view);
  else if (dictionary(h, &m, &raw))
    show(&view, &m, NULL, raw);
}

/* ---- a field for each number ------------------------------------------- */

/* What a window's own field does not tell may stand in the one that names no
   window: "X-RateLimit-Reset-Time" is the reset of "X-RateLimit-Remaining". */
static int64_t remaining(const struct lull_vendor_windows *all,
                         const struct lull_vendor_window *w)
{
  const struct lull_vendor_window *base = all->at;
  if (w->remaining != LULL_VENDOR_UNTOLD || lull_scan_done(&w->name))
    return w->remaining;
  for (; base < all->at + all->count; base++)
    if (base->standard == w->standard && lull_scan_done(&base->name) &&
        lull_scan_same(base->owner, w->owner))
      return base->remaining;
  return LULL_VENDOR_UNTOLD;
}

/* A name that begins as nobody's is taken for a window only when both of its
   fields are there. */
static bool known(const struct lull_vendor_window *w)
{
  return lull_scan_done(&w->owner) || w->remaining != LULL_VENDOR_UNTOLD ||
         lull_scan_same(w->owner, lull_scan_text("X-"));
}

/* What is used up and tells no reset ends with its policy's window. */
static void guess(const struct lull_headers *h,
                  struct lull_ratelimit_window *w)
{
  int64_t window = policy(h, NULL);
  if (window < 0)
    return;
  w->raw = lull_headers_get(h, "RateLimit-Remaining", 0);
  w->reset.wait = lull_scan_times((uint64_t)window, (uint64_t)LULL_SEC);
  w->guessed = true;
}

static void fields(const struct lull_headers *h,
                   const struct lull_reset_anchor *anchor, bool standard,
                   lull_ratelimit_see *see, void *context)
{
  struct lull_vendor_windows all;
  const struct lull_vendor_window *w = all.at;
  lull_vendor_read(h, anchor, &all);
  for (; w < all.at + all.count; w++) {
    struct lull_ratelimit_window seen = {
        .remaining = remaining(&all, w), .reset = w->reset, .raw = w->raw};
    seen.over = seen.remaining == LULL_VENDOR_OVERDRAWN;
    seen.asked = w->raw && w->rank == LULL_VENDOR_ASKED;
    if (seen.remaining < 0)
      seen.remaining = -1;
    if (!w->raw && seen.remaining == 0 && w->standard &&
        lull_scan_done(&w->name))
      guess(h, &seen);
    if (seen.raw && w->standard == standard && known(w))
      see(context, &seen);
  }
}

void lull_ratelimit_triple(const struct lull_headers *h,
                           const struct lull_reset_anchor *anchor,
                           lull_ratelimit_see *see, void *context)
{
  if (!anchor->cached)
    fields(h, anchor, true, see, context);
}

void lull_ratelimit_vendor(const struct lull_headers *h,
                           const struct lull_reset_anchor *anchor,
                           lull_ratelimit_see *see, void *context)
{
  fields(h, anchor, false, see, context);
}
