#include "engine/stores.h"
#include "engine/memo.h"
#include "engine/peers.h"

static bool asks(const struct lull_store *s)
{
  return s && s->asks && !s->problem[0];
}

enum lull_event_kind lull_stores_tell(const struct lull_engine *e)
{
  if (lull_memo_broken(e) || lull_peers_broken(e))
    return LULL_EV_STORE;
  return asks(e->store) || asks(e->peers.store) ? LULL_EV_SCRIPT
                                                : LULL_EV_NONE;
}

bool lull_stores_told(struct lull_engine *e)
{
  enum lull_event_kind kind = lull_stores_tell(e);
  if (kind == LULL_EV_STORE)
    e->broken = true;
  if (kind == LULL_EV_SCRIPT && e->store)
    e->store->asks = false;
  if (kind == LULL_EV_SCRIPT && e->peers.store)
    e->peers.store->asks = false;
  return kind != LULL_EV_NONE;
}
