#include "lane/rates.h"

#include <string.h>

static void drop(struct lull_rates_entry *entry)
{
  lull_mem_free(entry->method);
  lull_mem_free(entry->path);
  lull_window_clear(&entry->window);
  lull_weighed_free(entry->weighed);
  *entry = (struct lull_rates_entry){0};
}

void lull_rates_cut(struct lull_rates *r, unsigned count)
{
  while (r->count > count) {
    drop(&r->list[--r->count]);
    r->common &= (unsigned char)~(1u << r->count);
    r->weighed &= (unsigned char)~(1u << r->count);
  }
  if (r->count)
    return;
  lull_mem_free(r->list);
  r->list = NULL;
}

void lull_rates_clear(struct lull_rates *r)
{
  lull_rates_cut(r, 0);
}

/* An absent text and an empty one both mean any. */
static bool any(const char *text)
{
  return !text || !*text;
}

static bool same(const char *a, const char *b)
{
  return any(a) ? any(b) : !any(b) && strcmp(a, b) == 0;
}

static struct lull_spread spread_of(const struct lull_rate *rate)
{
  struct lull_spread s;
  lull_spread_init(&s, rate->count, rate->window, rate->burst);
  return s;
}

const char *lull_rates_name(const struct lull_rates_entry *entry)
{
  return entry->weighed ? entry->weighed->name : NULL;
}

unsigned lull_rates_most(const struct lull_rates_entry *entry)
{
  return entry->weighed ? entry->weighed->most : entry->window.count;
}

lull_usec lull_rates_length(const struct lull_rates_entry *entry)
{
  return entry->weighed ? entry->weighed->length : entry->window.length;
}

static bool is_rate(const struct lull_rates_entry *entry,
                    const struct lull_rate *rate)
{
  struct lull_spread s = spread_of(rate);
  return lull_rates_most(entry) == rate->count &&
         lull_rates_length(entry) == rate->window &&
         (entry->weighed ||
          (entry->spread.gap == s.gap && entry->spread.room == s.room));
}

static bool known(const struct lull_rates *r, const struct lull_route *route)
{
  for (unsigned i = 0; i < r->count; i++) {
    const struct lull_rates_entry *entry = &r->list[i];
    if (is_rate(entry, &route->rate) &&
        same(lull_rates_name(entry), route->name) &&
        same(entry->method, route->method) && same(entry->path, route->path))
      return true;
  }
  return false;
}

static enum lull_err copy(char **to, const char *text)
{
  if (any(text))
    return LULL_OK;
  *to = lull_mem_copy(text, strlen(text));
  return *to ? LULL_OK : LULL_ENOMEM;
}

static enum lull_err fill(struct lull_rates_entry *entry,
                          const struct lull_route *route)
{
  const struct lull_rate *rate = &route->rate;
  enum lull_err err = copy(&entry->method, route->method);
  if (!err)
    err = copy(&entry->path, route->path);
  if (!err && !any(route->name))
    err = lull_weighed_new(&entry->weighed, route->name, rate->count,
                           rate->window);
  else if (!err)
    err = lull_window_init(&entry->window, rate->count, rate->window);
  if (err)
    drop(entry);
  else if (!entry->weighed)
    entry->spread = spread_of(&route->rate);
  return err;
}

static enum lull_err add(struct lull_rates *r, const struct lull_route *route)
{
  if (known(r, route))
    return LULL_OK;
  if (r->count == LULL_LANE_RATES)
    return LULL_ELIMIT;
  struct lull_rates_entry *list =
      lull_mem_grow(r->list, (r->count + 1) * sizeof *list);
  if (!list)
    return LULL_ENOMEM;
  r->list = list;
  list[r->count] = (struct lull_rates_entry){0};
  enum lull_err err = fill(&list[r->count], route);
  if (err)
    return err;
  if (!any(route->name))
    r->weighed |= (unsigned char)(1u << r->count);
  else if (any(route->method) && any(route->path))
    r->common |= (unsigned char)(1u << r->count);
  r->count++;
  return LULL_OK;
}

enum lull_err lull_rates_merge(struct lull_rates *r,
                               const struct lull_lane_conf *conf)
{
  enum lull_err err = LULL_OK;
  unsigned before = r->count;
  for (unsigned i = 0; i < conf->rate_count && !err; i++)
    err = add(r, &(struct lull_route){.rate = conf->rates[i]});
  for (unsigned i = 0; i < conf->route_count && !err; i++)
    err = add(r, &conf->routes[i]);
  if (err)
    lull_rates_cut(r, before);
  return err;
}

/* '*' is any run of bytes. Only the last star ever needs to be tried anew,
   so this takes at most pattern times text steps. */
static bool glob(const char *pattern, const char *text)
{
  const char *star = NULL;
  const char *mark = text;
  while (*text) {
    if (*pattern == '*') {
      star = pattern++;
      mark = text;
    } else if (*pattern == *text) {
      pattern++;
      text++;
    } else if (star) {
      pattern = star + 1;
      text = ++mark;
    } else {
      return false;
    }
  }
  while (*pattern == '*')
    pattern++;
  return !*pattern;
}

/* "POST|PUT" is either. */
static bool is_among(const char *method, const char *list)
{
  size_t len = strlen(method), part;
  for (;; list += part + 1) {
    part = strcspn(list, "|");
    if (part == len && strncmp(list, method, len) == 0)
      return true;
    if (!list[part])
      return false;
  }
}

static bool falls_under(const struct lull_rates_entry *entry,
                        const char *method, const char *path)
{
  if (entry->method && !is_among(method ? method : "", entry->method))
    return false;
  return !entry->path || glob(entry->path, path ? path : "");
}

/* Where another client has a smaller window of that name, the start waits
   until it is empty, and not for ever. */
static unsigned weight_in(const struct lull_rates_entry *entry,
                          const struct lull_weights *weights)
{
  unsigned most = entry->weighed->most;
  for (unsigned i = 0; weights && i < weights->count; i++) {
    const struct lull_weight *w = &weights->list[i];
    if (strcmp(w->name, entry->weighed->name) == 0)
      return w->weight < most ? w->weight : most;
  }
  return 0;
}

unsigned char lull_rates_match(const struct lull_rates *r, const char *method,
                               const char *path,
                               const struct lull_weights *weights)
{
  unsigned set = 0;
  for (unsigned i = 0; i < r->count; i++) {
    const struct lull_rates_entry *entry = &r->list[i];
    if (falls_under(entry, method, path) &&
        (!entry->weighed || weight_in(entry, weights)))
      set |= 1u << i;
  }
  return (unsigned char)(set & ~(unsigned)r->common);
}

static bool within(const struct lull_rates *r, unsigned i, unsigned set)
{
  return i < r->count && (set >> i & 1u);
}

static lull_usec next_of(const struct lull_rates_entry *entry,
                         const struct lull_weights *weights)
{
  if (entry->weighed)
    return lull_weighed_next(entry->weighed, weight_in(entry, weights));
  return lull_usec_later(lull_window_next(&entry->window),
                         lull_spread_next(&entry->spread));
}

lull_usec lull_rates_next(const struct lull_rates *r,
                          struct lull_rates_start start)
{
  lull_usec latest = 0;
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, start.set))
      latest = lull_usec_later(latest, next_of(&r->list[i], start.weights));
  return latest;
}

void lull_rates_take(struct lull_rates *r, unsigned char set, lull_usec now)
{
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      lull_spread_take(&r->list[i].spread, now);
}

void lull_rates_back(struct lull_rates *r, unsigned char set)
{
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      lull_spread_back(&r->list[i].spread);
}

/* What is done to a window; the times are those that it takes. */
enum operation { ADD, MOVE, HOLD, SETTLE, RELEASE };

static void count(struct lull_window *w, enum operation op, lull_usec from,
                  lull_usec to)
{
  switch (op) {
  case ADD:
    lull_window_add(w, to);
    break;
  case MOVE:
    lull_window_move(w, from, to);
    break;
  case HOLD:
    lull_window_hold(w);
    break;
  case SETTLE:
    lull_window_settle(w, to);
    break;
  case RELEASE:
    lull_window_release(w);
    break;
  }
}

static void weigh(struct lull_weighed *w, unsigned weight, enum operation op,
                  lull_usec from, lull_usec to)
{
  if (op == HOLD)
    lull_weighed_hold(w, weight);
  if (op == SETTLE || op == RELEASE)
    lull_weighed_release(w, weight);
  if (op == ADD || op == SETTLE ||
      (op == MOVE && (lull_weighed_take(w, from, weight) || to > from)))
    lull_weighed_add(w, to, weight);
}

static void operate(struct lull_rates *r, struct lull_rates_start start,
                    enum operation op, lull_usec from, lull_usec to)
{
  for (unsigned i = 0; i < r->count; i++) {
    struct lull_rates_entry *entry = &r->list[i];
    if (!within(r, i, start.set))
      continue;
    if (entry->weighed)
      weigh(entry->weighed, weight_in(entry, start.weights), op, from, to);
    else
      count(&entry->window, op, from, to);
  }
}

void lull_rates_add(struct lull_rates *r, struct lull_rates_start start,
                    lull_usec stamp)
{
  operate(r, start, ADD, stamp, stamp);
}

void lull_rates_move(struct lull_rates *r, struct lull_rates_start start,
                     lull_usec from, lull_usec to)
{
  operate(r, start, MOVE, from, to);
}

void lull_rates_hold(struct lull_rates *r, struct lull_rates_start start)
{
  operate(r, start, HOLD, 0, 0);
}

void lull_rates_settle(struct lull_rates *r, struct lull_rates_start start,
                       lull_usec stamp)
{
  operate(r, start, SETTLE, stamp, stamp);
}

void lull_rates_release(struct lull_rates *r, struct lull_rates_start start)
{
  operate(r, start, RELEASE, 0, 0);
}

/* What was counted may be less than was said: see weight_in. */
void lull_rates_weigh(struct lull_rates *r, unsigned char set, lull_usec stamp,
                      const struct lull_weight *counted, unsigned to)
{
  for (unsigned i = 0; i < r->count; i++) {
    struct lull_rates_entry *entry = &r->list[i];
    if (!within(r, i, set & r->weighed) ||
        strcmp(entry->weighed->name, counted->name) != 0)
      continue;
    if (to > counted->counted)
      lull_weighed_add(entry->weighed, stamp, to - counted->counted);
    else
      lull_weighed_take(entry->weighed, stamp, counted->counted - to);
  }
}
