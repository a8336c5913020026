#include "lane/keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lane/state.h"

#define VERSION "lull-lane 1"
#define GROUPS 64 /* starts of a window are told of in so many at most */
#define STALE (86400 * LULL_SEC) /* then a limit is learned anew */
#define MILLION 1e6              /* fractions are kept as whole millionths */

/* ---- writing ----------------------------------------------------------- */

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

/* How long ago, and how many started then or what they weighed. */
static void put_mark(struct writer *w, lull_usec age, uint64_t many,
                     lull_usec length)
{
  if (!many || age >= length)
    return;
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
  put_mark(w, 0, window->pending, window->length);
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
  put_mark(w, 0, window->pending, window->length);
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
    put_number(w, (int64_t)(l->cubic.rate * MILLION));
    put_number(w, (int64_t)(l->cubic.crest * MILLION));
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
    put_number(w, (int64_t)(l->noise * MILLION));
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

static void save_sent(struct writer *w, const struct lull_rates *r,
                      lull_usec now)
{
  for (unsigned i = 0; i < r->count; i++) {
    const struct lull_rates_entry *entry = &r->list[i];
    if (!is_longest(r, i))
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
                             lull_usec wall, struct lull_buf *out)
{
  struct writer w = {out, LULL_OK};
  put_text(&w, VERSION);
  put_number(&w, wall);
  put_text(&w, "\n");
  save_waits(&w, lane, now);
  save_learned(&w, lane, now);
  save_sent(&w, &lane->rates, now);
  return w.err;
}

/* ---- reading ----------------------------------------------------------- */

/* One line, after its first word. */
struct line {
  const char *at, *end;
};

/* The bytes up to the next space. */
static bool token(struct line *line, const char **from, size_t *len)
{
  while (line->at < line->end && *line->at == ' ')
    line->at++;
  *from = line->at;
  while (line->at < line->end && *line->at != ' ')
    line->at++;
  *len = (size_t)(line->at - *from);
  return *len > 0;
}

static bool number(struct line *line, int64_t *value)
{
  const char *digits;
  size_t len;
  if (!token(line, &digits, &len) || len > 18) /* it cannot overflow */
    return false;
  *value = 0;
  for (size_t i = 0; i < len; i++) {
    if (digits[i] < '0' || digits[i] > '9')
      return false;
    *value = 10 * *value + (digits[i] - '0');
  }
  return true;
}

static int hex(char c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/* Whether a name of a route is `text`. */
static bool is_name(const char *name, size_t len, const char *text)
{
  if (*name != '=' || !text)
    return *name == '-' && !text;
  for (size_t i = 1; i < len; i++, text++) {
    char c = name[i];
    if (c == '%' && i + 2 < len) {
      c = (char)(16 * hex(name[i + 1]) + hex(name[i + 2]));
      i += 2;
    }
    if (!*text || c != *text)
      return false;
  }
  return !*text;
}

/* What the lane is restored with. */
struct restoring {
  struct lull_lane *lane;
  lull_usec now, passed; /* passed: since it was saved */
};

static lull_usec left_of(const struct restoring *r, lull_usec left)
{
  return left > r->passed ? left - r->passed : 0;
}

static void add_starts(const struct restoring *r, struct lull_window *window,
                       struct line line)
{
  int64_t age, n;
  while (number(&line, &age) && number(&line, &n)) {
    lull_usec ago = lull_usec_add(age, r->passed);
    if (ago >= window->length)
      continue;
    for (int64_t i = 0; i < n && i < (int64_t)window->count; i++)
      lull_window_add(window, r->now - ago);
  }
}

static void restore_pause(const struct restoring *r, struct line *line)
{
  int64_t left;
  if (number(line, &left) && left_of(r, left) > 0)
    lull_slots_pause(&r->lane->slots, lull_usec_add(r->now, left_of(r, left)));
}

static void restore_quota(const struct restoring *r, struct line *line)
{
  int64_t remaining, crest, left;
  if (!number(line, &remaining) || !number(line, &crest) ||
      !number(line, &left) || left_of(r, left) <= 0)
    return;
  r->lane->pace = (struct lull_pace){
      .known = true,
      .remaining = remaining,
      .crest = crest > remaining ? crest : remaining,
      .reset_at = lull_usec_add(r->now, left_of(r, left)),
      .last = r->now,
  };
}

/* One whose time is over is half open: one goes first. */
static void restore_breaker(const struct restoring *r, struct line *line)
{
  int64_t left;
  struct lull_breaker *b = &r->lane->breaker;
  if (!b->conf.on || r->passed >= STALE || !number(line, &left))
    return;
  b->tripped = true;
  b->until = lull_usec_add(r->now, left_of(r, left));
}

static void add_weights(const struct restoring *r, struct lull_weighed *w,
                        struct line line)
{
  int64_t age, weight;
  while (number(&line, &age) && number(&line, &weight)) {
    lull_usec ago = lull_usec_add(age, r->passed);
    if (ago < w->length)
      lull_weighed_add(w, r->now - ago,
                       weight < UINT32_MAX ? (unsigned)weight : UINT32_MAX);
  }
}

static bool is_next(struct line *line, const char *text)
{
  const char *name;
  size_t len;
  return token(line, &name, &len) && is_name(name, len, text);
}

/* Those whose starts weigh have a name in front, the others' first is a method
   or none. */
static void restore_sent(const struct restoring *r, struct line *line)
{
  struct lull_rates *rates = &r->lane->rates;
  for (unsigned i = 0; i < rates->count; i++) {
    struct lull_rates_entry *entry = &rates->list[i];
    struct line rest = *line;
    if ((entry->weighed && !is_next(&rest, entry->weighed->name)) ||
        !is_next(&rest, entry->method) || !is_next(&rest, entry->path))
      continue;
    if (entry->weighed)
      add_weights(r, entry->weighed, rest);
    else
      add_starts(r, &entry->window, rest);
  }
}

static bool may_learn(const struct restoring *r)
{
  return r->lane->learn.on && r->passed < STALE;
}

static void restore_rate(const struct restoring *r, struct line *line)
{
  int64_t rate, crest;
  struct lull_cubic *cubic = &r->lane->learn.cubic;
  if (!may_learn(r) || !number(line, &rate) || !number(line, &crest) || !rate)
    return;
  lull_cubic_begin(cubic, (double)rate / MILLION, r->now);
  cubic->crest = (double)crest / MILLION;
}

static void restore_period(const struct restoring *r, struct line *line)
{
  int64_t count, length, harsh;
  struct lull_learn *l = &r->lane->learn;
  if (!may_learn(r) || !number(line, &count) || !number(line, &length) ||
      !number(line, &harsh) || !count || !length || count > UINT32_MAX)
    return;
  if (lull_period_restore(&l->period, (unsigned)count, length, harsh != 0,
                          &l->seen))
    add_starts(r, &l->period.window, *line);
}

static void restore_parallel(const struct restoring *r, struct line *line)
{
  int64_t limit, confirmed;
  struct lull_slots *s = &r->lane->slots;
  if (!may_learn(r) || !number(line, &limit) || !number(line, &confirmed) ||
      !limit || limit > LULL_SLOTS_MOST ||
      (s->parallel && limit > s->parallel))
    return;
  lull_slots_found(s, (unsigned)limit);
  s->confirmed = confirmed != 0;
}

static void restore_noise(const struct restoring *r, struct line *line)
{
  int64_t noise;
  if (may_learn(r) && number(line, &noise) && noise <= (int64_t)MILLION)
    r->lane->learn.noise = (double)noise / MILLION;
}

static void restore_line(const struct restoring *r, struct line *line)
{
  static const struct {
    const char *word;
    void (*restore)(const struct restoring *r, struct line *line);
  } facts[] = {
      {"pause", restore_pause},       {"quota", restore_quota},
      {"breaker", restore_breaker},   {"sent", restore_sent},
      {"rate", restore_rate},         {"period", restore_period},
      {"parallel", restore_parallel}, {"noise", restore_noise},
      {"weighed", restore_sent},
  };
  const char *word;
  size_t len;
  if (!token(line, &word, &len))
    return;
  for (unsigned i = 0; i < sizeof facts / sizeof *facts; i++)
    if (strlen(facts[i].word) == len && memcmp(facts[i].word, word, len) == 0)
      facts[i].restore(r, line);
}

/* The next whole line; one without its end was cut, and is none. */
static bool next_line(const char **at, const char *end, struct line *line)
{
  const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
  if (!stop)
    return false;
  *line = (struct line){*at, stop};
  *at = stop + 1;
  return true;
}

enum lull_err lull_keep_restore(struct lull_lane *lane, lull_usec now,
                                lull_usec wall, const char *bytes, size_t len)
{
  const char *at = bytes, *end = bytes + len;
  size_t version = strlen(VERSION " ");
  struct restoring r = {lane, now, 0};
  struct line line;
  int64_t saved;
  if (len < version || memcmp(bytes, VERSION " ", version) != 0 ||
      !next_line(&at, end, &line))
    return LULL_EINVAL;
  line.at += version;
  if (!number(&line, &saved))
    return LULL_EINVAL;
  r.passed = wall > saved ? wall - saved : 0;
  while (next_line(&at, end, &line))
    restore_line(&r, &line);
  return LULL_OK;
}
