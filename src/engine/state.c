#include "engine/state.h"

enum lull_err lull_state_enroll(struct lull_engine *e,
                                struct lull_entry *entry)
{
  if (lull_timerq_reserve(&e->timers) != LULL_OK)
    return LULL_ENOMEM;
  entry->id = lull_idtable_add(&e->ids, entry);
  if (entry->id)
    return LULL_OK;
  lull_timerq_release(&e->timers);
  return LULL_ENOMEM;
}

void lull_state_dismiss(struct lull_engine *e, struct lull_entry *entry)
{
  struct lull_call *call = lull_call_of(entry);
  lull_events_forget(&e->events, entry);
  lull_timerq_cancel(&e->timers, &entry->timer);
  lull_timerq_release(&e->timers);
  lull_idtable_remove(&e->ids, entry->id);
  if (call)
    lull_call_free(call);
  else
    lull_mem_free(entry);
}

bool lull_state_still(const struct lull_engine *e)
{
  const struct lull_store *peers = e->peers.store;
  if (peers && !peers->problem[0] && peers->durable < peers->written)
    return false;
  return !e->flying && !e->dues.count &&
         lull_timerq_first(&e->timers) == LULL_NEVER;
}
