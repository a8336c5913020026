/*
 * events: the queue of what the engine has to tell, one thing at a time.
 */
#include "engine/state.h"

void lull_events_tell(struct lull_engine *e, struct lull_entry *entry,
                      enum lull_tell what)
{
  entry->events |= (unsigned)what;
  if (entry->events & LULL_TELLING)
    return;
  entry->events |= LULL_TELLING;
  entry->next = NULL;
  if (e->last)
    e->last->next = entry;
  else
    e->first = entry;
  e->last = entry;
}

void lull_events_forget(struct lull_engine *e, struct lull_entry *entry)
{
  struct lull_entry **at = &e->first, *before = NULL;
  if (!(entry->events & LULL_TELLING))
    return;
  while (*at != entry) {
    before = *at;
    at = &before->next;
  }
  *at = entry->next;
  if (e->last == entry)
    e->last = before;
  entry->events = 0;
}

static const struct tellable {
  enum lull_tell bit;
  enum lull_event_kind kind;
} order[] = {{LULL_TELL_VERDICT, LULL_EV_VERDICT},
             {LULL_TELL_SEND, LULL_EV_SEND},
             {LULL_TELL_ASK, LULL_EV_ASK},
             {LULL_TELL_TIMER, LULL_EV_TIMER},
             {LULL_TELL_DONE, LULL_EV_DONE}};

static const struct tellable *tellable(const struct lull_entry *entry)
{
  const struct tellable *t = order;
  while (!(entry->events & (unsigned)t->bit))
    t++;
  return t;
}

static struct lull_leg *untold_leg(struct lull_call *call)
{
  if (call->leg.untold)
    return &call->leg;
  return call->hedge && call->hedge->untold ? call->hedge : NULL;
}

/* True when there is nothing left to say under that bit. */
static bool is_said(const struct lull_call *call, enum lull_tell bit)
{
  if (bit == LULL_TELL_VERDICT)
    return call->told >= call->record_count ||
           call->records[call->told].action == LULL_DEFAULT;
  if (bit == LULL_TELL_SEND)
    return !call->leg.untold && !(call->hedge && call->hedge->untold);
  return false;
}

/* The first entry that still has something to say. */
static struct lull_entry *first_telling(struct lull_engine *e)
{
  while (e->first) {
    struct lull_entry *entry = e->first;
    struct lull_call *call = lull_state_call(entry);
    if (entry->events == LULL_TELLING) {
      lull_events_forget(e, entry);
      continue;
    }
    if (!call || !is_said(call, tellable(entry)->bit))
      return entry;
    entry->events &= ~(unsigned)tellable(entry)->bit;
  }
  return NULL;
}

static void describe(struct lull_event *event, struct lull_call *call)
{
  event->call = call;
  event->record = lull_call_judged(call);
  if (event->kind == LULL_EV_VERDICT)
    event->record = &call->records[call->told];
  if (event->kind == LULL_EV_SEND)
    event->leg = untold_leg(call);
}

/* Looks at the first event without taking it. */
bool lull_events_peek(struct lull_engine *e, struct lull_event *event)
{
  struct lull_entry *entry;
  *event = (struct lull_event){.kind = LULL_EV_NONE};
  if (e->interrupted || e->world->interrupts) {
    e->interrupted = true;
    event->kind = LULL_EV_INTR;
    return true;
  }
  entry = first_telling(e);
  if (!entry)
    return false;
  event->kind = tellable(entry)->kind;
  event->id = entry->id;
  if (entry->kind == LULL_ENTRY_CALL)
    describe(event, lull_state_call(entry));
  return true;
}

void lull_engine_consume(struct lull_engine *e)
{
  struct lull_entry *entry;
  enum lull_tell bit;
  if (e->interrupted) {
    e->interrupted = false;
    e->world->interrupts--;
    return;
  }
  entry = first_telling(e);
  if (!entry)
    return;
  bit = tellable(entry)->bit;
  if (bit == LULL_TELL_VERDICT)
    lull_state_call(entry)->told++;
  else if (bit == LULL_TELL_SEND)
    untold_leg(lull_state_call(entry))->untold = false;
  else if (bit == LULL_TELL_ASK)
    entry->events &= ~(unsigned)bit;
  else
    lull_state_dismiss(e, entry);
}
