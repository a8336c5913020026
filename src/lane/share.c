#include "lane/share.h"

#include <string.h>

struct lull_share *lull_share_new(void)
{
  return lull_mem_zero(sizeof(struct lull_share));
}

void lull_share_free(struct lull_share *s)
{
  unsigned i;
  if (!s)
    return;
  for (i = 0; i < s->set_count; i++)
    lull_mem_free(s->sets[i].from);
  lull_mem_free(s->sets);
  lull_mem_free(s->marks);
  lull_mem_free(s->machines);
  lull_mem_free(s);
}

void lull_share_tell(struct lull_share *s, unsigned sharers,
                     const char *machines, size_t len)
{
  s->sharers = sharers;
  lull_mem_free(s->machines);
  s->machines = lull_mem_copy(machines, len);
}

static struct lull_share_set *find(const struct lull_share *s,
                                   unsigned windows)
{
  unsigned i;
  for (i = 0; i < s->set_count; i++)
    if (s->sets[i].windows == windows)
      return &s->sets[i];
  return NULL;
}

lull_usec lull_share_next(const struct lull_share *s, unsigned windows)
{
  const struct lull_share_set *set;
  if (s->away && !s->local)
    return LULL_NEVER;
  if (!windows || s->local)
    return 0;
  set = find(s, windows);
  return set && set->count ? set->from[0] : LULL_NEVER;
}

static void cut(struct lull_share_set *set, unsigned count)
{
  set->count -= count;
  if (set->count)
    memmove(set->from, set->from + count, set->count * sizeof *set->from);
}

void lull_share_take(struct lull_share *s, unsigned windows)
{
  struct lull_share_set *set = find(s, windows);
  if (!set || !set->count || s->local)
    return;
  cut(set, 1);
  set->used++;
  set->out++;
}

/* One that started is counted; false: it had no place, or one that the others
   have given up. */
static bool settle(struct lull_share *s, unsigned windows)
{
  struct lull_share_set *set = find(s, windows);
  bool had = set && set->out, given_up = had && set->given_up;
  if (had)
    set->out--;
  if (given_up)
    set->given_up--;
  return had && !given_up;
}

static struct lull_share_mark *add_mark(struct lull_share *s)
{
  if (s->mark_count == s->mark_cap) {
    unsigned cap = s->mark_cap ? 2 * s->mark_cap : 16;
    struct lull_share_mark *marks =
        lull_mem_grow(s->marks, cap * sizeof *marks);
    if (!marks)
      return NULL;
    s->marks = marks;
    s->mark_cap = cap;
  }
  return &s->marks[s->mark_count++];
}

/* That of the same start which nobody was told of yet. */
static struct lull_share_mark *untold(struct lull_share *s, uint64_t number)
{
  unsigned i = s->mark_count;
  while (i > 0) {
    struct lull_share_mark *mark = &s->marks[--i];
    if (mark->kind != LULL_SHARE_BACK && mark->number == number)
      return mark;
  }
  return NULL;
}

void lull_share_note(struct lull_share *s, unsigned char windows,
                     const struct lull_ticket *ticket, bool first)
{
  struct lull_share_mark *mark = NULL;
  bool fills = first && settle(s, windows);
  if (!windows)
    return;
  if (!first)
    mark = untold(s, ticket->number);
  if (mark) {
    mark->stamp = ticket->stamp;
    return;
  }
  mark = add_mark(s);
  if (mark)
    *mark =
        (struct lull_share_mark){fills ? LULL_SHARE_START : LULL_SHARE_MOVE,
                                 windows, ticket->number, ticket->stamp};
}

/* So many places are not used. */
static void give_back(struct lull_share *s, unsigned windows, unsigned count)
{
  struct lull_share_mark *mark = windows && count ? add_mark(s) : NULL;
  if (mark)
    *mark = (struct lull_share_mark){LULL_SHARE_BACK, (unsigned char)windows,
                                     count, 0};
}

void lull_share_return(struct lull_share *s, unsigned windows)
{
  if (settle(s, windows))
    give_back(s, windows, 1);
}

struct lull_share_set *lull_share_of(struct lull_share *s, unsigned windows)
{
  struct lull_share_set *set = find(s, windows), *sets;
  if (set)
    return set;
  sets = lull_mem_grow(s->sets, (s->set_count + 1) * sizeof *sets);
  if (!sets)
    return NULL;
  s->sets = sets;
  set = &sets[s->set_count++];
  *set = (struct lull_share_set){.windows = (unsigned char)windows};
  return set;
}

enum lull_err lull_share_give(struct lull_share_set *set, lull_usec from)
{
  if (set->count == set->cap) {
    unsigned cap = set->cap ? 2 * set->cap : 8;
    lull_usec *list = lull_mem_grow(set->from, cap * sizeof *list);
    if (!list)
      return LULL_ENOMEM;
    set->from = list;
    set->cap = cap;
  }
  set->from[set->count++] = from;
  return LULL_OK;
}

void lull_share_drop(struct lull_share *s, struct lull_share_set *set,
                     lull_usec then)
{
  unsigned count = 0;
  while (count < set->count && set->from[count] < then)
    count++;
  if (!count)
    return;
  give_back(s, set->windows, count);
  cut(set, count);
  set->ahead = set->used = 0;
}

void lull_share_fade(struct lull_share *s, lull_usec since)
{
  unsigned i, kept = 0;
  for (i = 0; i < s->mark_count; i++)
    if (s->marks[i].kind == LULL_SHARE_BACK || s->marks[i].stamp >= since)
      s->marks[kept++] = s->marks[i];
  s->mark_count = kept;
}

void lull_share_forget(struct lull_share *s)
{
  unsigned i, kept = 0;
  for (i = 0; i < s->set_count; i++) {
    struct lull_share_set *set = &s->sets[i];
    set->count = set->used = set->ahead = 0;
    set->ask_at = 0;
    set->given_up = set->out;
  }
  for (i = 0; i < s->mark_count; i++)
    if (s->marks[i].kind != LULL_SHARE_BACK) {
      s->marks[kept] = s->marks[i];
      s->marks[kept++].kind = LULL_SHARE_MOVE;
    }
  s->facts = (struct lull_share_facts){0};
  s->mark_count = kept;
  s->number = s->marked = 0;
}
