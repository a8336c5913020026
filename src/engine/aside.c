#include "engine/aside.h"

struct lull_aside *lull_aside_of(struct lull_aside **place)
{
  if (!*place)
    *place = lull_mem_zero(sizeof **place);
  return *place;
}

void lull_aside_keep_hint(struct lull_aside **place,
                          const struct lull_hint *hint, lull_usec now)
{
  lull_usec until = lull_usec_add(now, hint->wait);
  struct lull_aside *aside;
  if (hint->source == LULL_HINT_NONE || hint->wait <= 0)
    return;
  aside = lull_aside_of(place);
  if (!aside || until <= aside->hint_until)
    return;
  aside->hint = *hint;
  aside->hint_until = until;
}

bool lull_aside_kept_hint(const struct lull_aside *aside, lull_usec now,
                          struct lull_hint *hint)
{
  if (!aside || aside->hint_until <= now)
    return false;
  *hint = aside->hint;
  hint->wait = aside->hint_until - now;
  return true;
}
