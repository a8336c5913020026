#include "engine/events.h"

void lull_events_tell(struct lull_events *q, struct lull_entry *entry,
                      enum lull_tell what)
{
  entry->events |= (unsigned)what;
  if (entry->events & LULL_TELLING)
    return;
  entry->events |= LULL_TELLING;
  entry->next = NULL;
  if (q->last)
    q->last->next = entry;
  else
    q->first = entry;
  q->last = entry;
}

void lull_events_forget(struct lull_events *q, struct lull_entry *entry)
{
  struct lull_entry **at = &q->first, *before = NULL;
  if (!(entry->events & LULL_TELLING))
    return;
  while (*at != entry) {
    before = *at;
    at = &before->next;
  }
  *at = entry->next;
  if (q->last == entry)
    q->last = before;
  entry->events = 0;
}

static const struct tellable {
  enum lull_tell bit;
  enum lull_event_kind kind;
} order[] = {
    {LULL_TELL_VERDICT, LULL_EV_VERDICT}, {LULL_TELL_HEADERS, LULL_EV_HEADERS},
    {LULL_TELL_SEND, LULL_EV_SEND},       {LULL_TELL_ASK, LULL_EV_ASK},
    {LULL_TELL_TIMER, LULL_EV_TIMER},     {LULL_TELL_DONE, LULL_EV_DONE}};

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

/* The leg whose headers are to be made, and of which nobody knows yet. */
static struct lull_leg *bare_leg(struct lull_call *call)
{
  if (call->leg.headers == LULL_HEADERS_WANTED)
    return &call->leg;
  return call->hedge && call->hedge->headers == LULL_HEADERS_WANTED
             ? call->hedge
             : NULL;
}

/* True when there is nothing left to say under that bit. */
static bool is_said(struct lull_call *call, enum lull_tell bit)
{
  if (bit == LULL_TELL_HEADERS)
    return call->state == LULL_DONE || !bare_leg(call);
  if (bit == LULL_TELL_VERDICT)
    return call->told >= call->record_count ||
           call->records[call->told].action == LULL_DEFAULT;
  if (bit == LULL_TELL_SEND)
    return !call->leg.untold && !(call->hedge && call->hedge->untold);
  return false;
}

/* The first entry that still has something to say. */
static struct lull_entry *first_telling(struct lull_events *q)
{
  while (q->first) {
    struct lull_entry *entry = q->first;
    struct lull_call *call = lull_call_of(entry);
    if (entry->events == LULL_TELLING) {
      lull_events_forget(q, entry);
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
  if (event->kind == LULL_EV_HEADERS)
    event->leg = bare_leg(call);
}

bool lull_events_peek(struct lull_events *q, struct lull_event *event)
{
  struct lull_entry *entry = first_telling(q);
  *event = (struct lull_event){.kind = LULL_EV_NONE};
  if (!entry)
    return false;
  event->kind = tellable(entry)->kind;
  event->id = entry->id;
  if (entry->kind == LULL_ENTRY_CALL)
    describe(event, lull_call_of(entry));
  return true;
}

struct lull_entry *lull_events_take(struct lull_events *q)
{
  struct lull_entry *entry = first_telling(q);
  enum lull_tell bit = entry ? tellable(entry)->bit : LULL_TELL_DONE;
  if (bit == LULL_TELL_VERDICT)
    lull_call_of(entry)->told++;
  else if (bit == LULL_TELL_SEND)
    untold_leg(lull_call_of(entry))->untold = false;
  else if (bit == LULL_TELL_HEADERS)
    bare_leg(lull_call_of(entry))->headers = LULL_HEADERS_ASKED;
  else if (bit == LULL_TELL_ASK)
    entry->events &= ~(unsigned)bit;
  else
    return entry;
  return NULL;
}
