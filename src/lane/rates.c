#include "lane/rates.h"

#include <string.h>

static void drop(struct lull_rates_entry *entry)
{
  lull_mem_free(entry->method);
  lull_mem_free(entry->path);
  lull_window_clear(&entry->window);
  *entry = (struct lull_rates_entry){0};
}

void lull_rates_cut(struct lull_rates *r, unsigned count)
{
  while (r->count > count) {
    drop(&r->list[--r->count]);
    r->common &= (unsigned char)~(1u << r->count);
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

static bool is_rate(const struct lull_rates_entry *entry,
                    const struct lull_rate *rate)
{
  struct lull_spread s = spread_of(rate);
  return entry->window.count == rate->count &&
         entry->window.length == rate->window && entry->spread.gap == s.gap &&
         entry->spread.room == s.room;
}

static bool known(const struct lull_rates *r, const struct lull_route *route)
{
  for (unsigned i = 0; i < r->count; i++) {
    const struct lull_rates_entry *entry = &r->list[i];
    if (is_rate(entry, &route->rate) && same(entry->method, route->method) &&
        same(entry->path, route->path))
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
  enum lull_err err = copy(&entry->method, route->method);
  if (!err)
    err = copy(&entry->path, route->path);
  if (!err)
    err = lull_window_init(&entry->window, route->rate.count,
                           route->rate.window);
  if (err)
    drop(entry);
  else
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
  if (any(route->method) && any(route->path))
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

unsigned char lull_rates_match(const struct lull_rates *r, const char *method,
                               const char *path)
{
  unsigned set = 0;
  for (unsigned i = 0; i < r->count; i++)
    if (falls_under(&r->list[i], method, path))
      set |= 1u << i;
  return (unsigned char)(set & ~(unsigned)r->common);
}

static bool within(const struct lull_rates *r, unsigned i, unsigned set)
{
  return i < r->count && (set >> i & 1u);
}

static lull_usec later(lull_usec a, lull_usec b)
{
  return a > b ? a : b;
}

static lull_usec next_of(const struct lull_rates_entry *entry)
{
  return later(lull_window_next(&entry->window),
               lull_spread_next(&entry->spread));
}

lull_usec lull_rates_next(const struct lull_rates *r, unsigned char set)
{
  lull_usec latest = 0;
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      latest = later(latest, next_of(&r->list[i]));
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

void lull_rates_add(struct lull_rates *r, unsigned char set, lull_usec stamp)
{
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      lull_window_add(&r->list[i].window, stamp);
}

void lull_rates_move(struct lull_rates *r, unsigned char set, lull_usec from,
                     lull_usec to)
{
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      lull_window_move(&r->list[i].window, from, to);
}

void lull_rates_hold(struct lull_rates *r, unsigned char set)
{
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      lull_window_hold(&r->list[i].window);
}

void lull_rates_settle(struct lull_rates *r, unsigned char set,
                       lull_usec stamp)
{
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      lull_window_settle(&r->list[i].window, stamp);
}

void lull_rates_release(struct lull_rates *r, unsigned char set)
{
  for (unsigned i = 0; i < r->count; i++)
    if (within(r, i, set))
      lull_window_release(&r->list[i].window);
}
