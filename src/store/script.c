#include "store/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lull_script_head(char head[LULL_SCRIPT_HEAD],
                      const struct lull_store_write *w)
{
  static const char letters[] = {[LULL_STORE_CALL] = 'c',
                                 [LULL_STORE_SETTLE] = 'S',
                                 [LULL_STORE_DEFER] = 'L',
                                 [LULL_STORE_ORDER] = '?'};
  snprintf(
      head, LULL_SCRIPT_HEAD, "%c %lld %lld %lld",
      w->kind == LULL_STORE_ORDER ? w->order : letters[w->kind],
      (long long)w->key.batch,
      (long long)(w->kind == LULL_STORE_SETTLE ? (int)w->state : w->key.nth),
      (long long)w->due);
}

/* What a script says that keeps nothing. */
static const struct ending {
  const char *word;
  bool passes;
  const char *says;
} endings[] = {
    {"flushed", false,
     "the shared lanes are not there any more: Redis was flushed, or has lost "
     "what it had; it cannot be known what was sent"},
    {"lost", false,
     "Redis has lost the last that it had taken, as after a crash with "
     "appendfsync everysec: what was done in that time is done again when it "
     "is started again"},
    {"gone", true,
     "this process was away for longer than its lease, and what it had taken "
     "went to others: nothing more is written; start it again"},
    {"", false,
     "the journal is not there any more: Redis was flushed, or has lost what "
     "it had; it cannot be known what was done"},
};

bool lull_script_kept(struct lull_store *s, const char *shown,
                      const char *word)
{
  const struct ending *end = endings;
  if (strcmp(word, "now") == 0)
    return true;
  while (end->word[0] && strcmp(word, end->word) != 0)
    end++;
  if (!s->problem[0]) {
    snprintf(s->problem, sizeof s->problem, "%s: %s", shown, end->says);
    s->passing = end->passes;
  }
  return false;
}

const char *lull_script_refusal(const char *word)
{
  if (strcmp(word, "none") == 0)
    return "there is no journal of that name";
  return "another lull keeps that journal; use the version that began it";
}

void lull_script_time(struct lull_store *s, const char *seconds,
                      const char *more)
{
  s->told = (lull_usec)(strtoll(seconds, NULL, 10) * LULL_SEC) +
            (lull_usec)strtoll(more, NULL, 10);
}

/* The server names it by itself: each worker opens it by an order. */
enum lull_err lull_script_batch(struct lull_store *s, const char *name,
                                const char *kind, int64_t *number)
{
  (void)s, (void)name, (void)kind, (void)number;
  return LULL_EIO;
}

enum lull_err lull_script_claim(struct lull_store *s,
                                const struct lull_store_key *k,
                                struct lull_store_item *item)
{
  (void)s, (void)k, (void)item;
  return LULL_EIO;
}

enum lull_err lull_script_call(struct lull_store *s,
                               const struct lull_store_key *k,
                               const char **bytes, size_t *len)
{
  (void)s, (void)k, (void)bytes, (void)len;
  return LULL_EIO;
}
