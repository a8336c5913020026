#include "lane/keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lane/state.h"

#define GROUPS 64 /* starts of a window are told of in so many at most */

struct writer {
  struct lull_buf *out;
  enum lull_err err; /* the first */
};

static void put(struct writer *w, const char *bytes, size_t len)
{
  if (!w->err)
    w->err = lull_buf_add(w->out, bytes, len);
}

static void put_text(struct writer *w, const char *text)
{
  put(w, text, strlen(text));
}

static void put_number(struct writer *w, int64_t number)
{
  char text[24];
  snprintf(text, sizeof text, " %" PRId64, number > 0 ? number : 0);
  put_text(w, text);
}

/* Of a route: no byte that would end it; "-" is none. */
static void put_name(struct writer *w, const char *name)
{
  char code[4];
  put_text(w, name ? " =" : " -");
  for (; name && *name; name++) {
    unsigned char c = (unsigned char)*name;
    if (c > ' ' && c != '%')
      put(w, name, 1);
    else if (snprintf(code, sizeof code, "%%%02X", c) > 0)
      put_text(w, code);
  }
}

/* How long ago, and how many started then or what they weighed. What is still
   to come has no time. */
static void put_mark(struct writer *w, lull_usec age, uint64_t many,
                     lull_usec length)
{
  if (!many || age >= length)
    return;
  if (age < 0)
    put_text(w, " +");
  else
    put_number(w, age);
  put_number(w, (int64_t)many);
}

/* What was sent in a window, the oldest first. Where they are many a group is
   as late as its latest. */
static void put_starts(struct writer *w, const struct lull_window *window,
                       lull_usec now)
{
  unsigned each = window->held / GROUPS + 1;
  for (unsigned i = 0; i < window->held; i += each) {
    unsigned n = window->held - i < each ? window->held - i : each;
    unsigned last = (window->first + i + n - 1) % window->count;
    put_mark(w, now - window->stamps[last], n, window->length);
  }
  put_mark(w, -1, window->pending, window->length);
}

static void put_weights(struct writer *w, const struct lull_weighed *window,
                        lull_usec now)
{
  const struct lull_weighed_mark *mark = window->marks + window->first;
  unsigned each = window->held / GROUPS + 1;
  uint64_t weight = 0;
  for (unsigned i = 0; i < window->held; i++, mark++) {
    weight += mark->weight;
    if ((i + 1) % each && i + 1 < window->held)
      continue;
    put_mark(w, now - mark->stamp, weight, window->length);
    weight = 0;
  }
  put_mark(w, -1, window->pending, window->length);
}

static void save_waits(struct writer *w, const struct lull_lane *lane,
                       lull_usec now)
{
  const struct lull_pace *pace = &lane->pace;
  if (lane->slots.ramp && lane->slots.until > now) {
    put_text(w, "pause");
    put_number(w, lane->slots.until - now);
    put_text(w, "\n");
  }
  if (pace->known && !pace->guess && pace->reset_at > now) {
    put_text(w, "quota");
    put_number(w, pace->remaining - (int64_t)lane->slots.flying);
    put_number(w, pace->crest);
    put_number(w, pace->reset_at - now);
    put_text(w, "\n");
  }
  if (lane->breaker.conf.on && lane->breaker.tripped) {
    put_text(w, "breaker");
    put_number(w, lane->breaker.until - now);
    put_text(w, "\n");
  }
}

static void save_learned(struct writer *w, const struct lull_lane *lane,
                         lull_usec now)
{
  const struct lull_learn *l = &lane->learn;
  if (l->cubic.rate > 0) {
    put_text(w, "rate");
    put_number(w, (int64_t)(l->cubic.rate * LULL_KEEP_MILLION));
    put_number(w, (int64_t)(l->cubic.crest * LULL_KEEP_MILLION));
    put_text(w, "\n");
  }
  if (l->period.on && !l->period.guessed) {
    put_text(w, "period");
    put_number(w, l->period.count);
    put_number(w, l->period.length);
    put_number(w, l->period.harsh);
    put_starts(w, &l->period.window, now);
    put_text(w, "\n");
  }
  if (lane->slots.threshold && lane->slots.hard) {
    put_text(w, "parallel");
    put_number(w, lane->slots.limit);
    put_number(w, lane->slots.confirmed);
    put_text(w, "\n");
  }
  if (l->noise > 0) {
    put_text(w, "noise");
    put_number(w, (int64_t)(l->noise * LULL_KEEP_MILLION));
    put_text(w, "\n");
  }
}

static bool same(const char *a, const char *b)
{
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The longest window of a route knows of all that the others count. */
static bool is_longest(const struct lull_rates *r, unsigned i)
{
  const struct lull_rates_entry *one = &r->list[i];
  for (unsigned k = 0; k < r->count; k++) {
    const struct lull_rates_entry *other = &r->list[k];
    lull_usec more = lull_rates_length(other) - lull_rates_length(one);
    if (k != i && same(lull_rates_name(one), lull_rates_name(other)) &&
        same(one->method, other->method) && same(one->path, other->path) &&
        (more > 0 || (more == 0 && k < i)))
      return false;
  }
  return true;
}

static bool is_used(const struct lull_rates_entry *entry)
{
  if (entry->weighed)
    return entry->weighed->held || entry->weighed->pending;
  return entry->window.held || entry->window.pending;
}

static void save_sent(struct writer *w, const struct lull_rates *r,
                      lull_usec now)
{
  for (unsigned i = 0; i < r->count; i++) {
    const struct lull_rates_entry *entry = &r->list[i];
    if (!is_longest(r, i) || !is_used(entry))
      continue;
    put_text(w, entry->weighed ? "weighed" : "sent");
    if (entry->weighed)
      put_name(w, entry->weighed->name);
    put_name(w, entry->method);
    put_name(w, entry->path);
    if (entry->weighed)
      put_weights(w, entry->weighed, now);
    else
      put_starts(w, &entry->window, now);
    put_text(w, "\n");
  }
}

enum lull_err lull_keep_save(const struct lull_lane *lane, lull_usec now,
                             lull_usec wall, struct lull_buf *out, bool *knows)
{
  struct writer w = {out, LULL_OK};
  size_t before;
  put_text(&w, LULL_KEEP_VERSION);
  put_number(&w, wall);
  put_text(&w, "\n");
  before = out->len;
  save_waits(&w, lane, now);
  save_learned(&w, lane, now);
  if (!lane->share)
    save_sent(&w, &lane->rates, now);
  *knows = out->len > before;
  return w.err;
}
