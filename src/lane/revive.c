#include "lane/revive.h"

#include <string.h>

#include "lane/keep.h"
#include "lane/state.h"

#define STALE (86400 * LULL_SEC) /* then a limit is learned anew */

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
  unsigned from;         /* the first window that knows nothing yet */
  bool windows;          /* they alone are restored */
};

static lull_usec left_of(const struct restoring *r, lull_usec left)
{
  return left > r->passed ? left - r->passed : 0;
}

/* The next of what was sent: when, and how much. What was to come may have
   come just now. */
static bool next_mark(const struct restoring *r, struct line *line,
                      lull_usec *stamp, int64_t *many)
{
  struct line whole = *line;
  const char *word;
  size_t len;
  int64_t age;
  *stamp = r->now;
  if (token(line, &word, &len) && len == 1 && *word == '+')
    return number(line, many);
  *line = whole;
  if (!number(line, &age))
    return false;
  *stamp -= lull_usec_add(age, r->passed);
  return number(line, many);
}

static void add_starts(const struct restoring *r, struct lull_window *window,
                       struct line line)
{
  lull_usec stamp;
  int64_t n;
  while (next_mark(r, &line, &stamp, &n)) {
    if (r->now - stamp >= window->length)
      continue;
    for (int64_t i = 0; i < n && i < (int64_t)window->count; i++)
      lull_window_add(window, stamp);
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
      !number(line, &left) || left_of(r, left) <= 0 || r->lane->pace.known)
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
  if (!b->conf.on || b->tripped || r->passed >= STALE || !number(line, &left))
    return;
  b->tripped = true;
  b->until = lull_usec_add(r->now, left_of(r, left));
}

static void add_weights(const struct restoring *r, struct lull_weighed *w,
                        struct line line)
{
  lull_usec stamp;
  int64_t weight;
  while (next_mark(r, &line, &stamp, &weight))
    if (r->now - stamp < w->length)
      lull_weighed_add(w, stamp,
                       weight < UINT32_MAX ? (unsigned)weight : UINT32_MAX);
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
  for (unsigned i = r->from; i < rates->count; i++) {
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
  if (!may_learn(r) || cubic->rate > 0 || !number(line, &rate) ||
      !number(line, &crest) || !rate)
    return;
  lull_cubic_begin(cubic, (double)rate / LULL_KEEP_MILLION, r->now);
  cubic->crest = (double)crest / LULL_KEEP_MILLION;
}

static void restore_period(const struct restoring *r, struct line *line)
{
  int64_t count, length, harsh;
  struct lull_learn *l = &r->lane->learn;
  if (!may_learn(r) || l->period.on || !number(line, &count) ||
      !number(line, &length) || !number(line, &harsh) || !count || !length ||
      count > UINT32_MAX)
    return;
  if (lull_period_restore(&l->period, (unsigned)count, length, harsh != 0,
                          &l->seen))
    add_starts(r, &l->period.window, *line);
}

static void restore_parallel(const struct restoring *r, struct line *line)
{
  int64_t limit, confirmed;
  struct lull_slots *s = &r->lane->slots;
  if (!may_learn(r) || s->hard || !number(line, &limit) ||
      !number(line, &confirmed) || !limit || limit > LULL_SLOTS_MOST ||
      (s->parallel && limit > s->parallel))
    return;
  lull_slots_found(s, (unsigned)limit);
  s->confirmed = confirmed != 0;
}

static void restore_noise(const struct restoring *r, struct line *line)
{
  int64_t noise;
  struct lull_learn *l = &r->lane->learn;
  if (may_learn(r) && l->noise <= 0 && number(line, &noise) &&
      noise <= (int64_t)LULL_KEEP_MILLION)
    l->noise = (double)noise / LULL_KEEP_MILLION;
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
    if (strlen(facts[i].word) == len &&
        memcmp(facts[i].word, word, len) == 0 &&
        (!r->windows || facts[i].restore == restore_sent))
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

static enum lull_err restore(struct restoring *r, lull_usec wall,
                             const char *bytes, size_t len)
{
  const char *at = bytes, *end = bytes + len;
  size_t version = strlen(LULL_KEEP_VERSION " ");
  struct line line;
  int64_t saved;
  if (len < version || memcmp(bytes, LULL_KEEP_VERSION " ", version) != 0 ||
      !next_line(&at, end, &line))
    return LULL_EINVAL;
  line.at += version;
  if (!number(&line, &saved))
    return LULL_EINVAL;
  r->passed = wall > saved ? wall - saved : 0;
  while (next_line(&at, end, &line))
    restore_line(r, &line);
  return LULL_OK;
}

enum lull_err lull_revive_lane(struct lull_lane *lane, lull_usec now,
                               lull_usec wall, const char *bytes, size_t len)
{
  struct restoring r = {.lane = lane, .now = now};
  return restore(&r, wall, bytes, len);
}

unsigned lull_revive_count(const struct lull_lane *lane)
{
  return lane->rates.count;
}

void lull_revive_windows(struct lull_lane *lane, unsigned from, lull_usec now,
                         lull_usec wall, const struct lull_buf *bytes)
{
  struct restoring r = {
      .lane = lane, .now = now, .from = from, .windows = true};
  if (from < lane->rates.count)
    restore(&r, wall, bytes->data, bytes->len);
}
