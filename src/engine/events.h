/*
 * events: the queue of what the engine has to tell, one thing at a time.
 *
 * Owns nothing: it links the entries that have something to tell. Only the
 * engine's own files use it.
 */
#ifndef LULL_ENGINE_EVENTS_H
#define LULL_ENGINE_EVENTS_H

#include "engine/event.h"

/* What an entry has to tell, told in this order. */
enum lull_tell {
  LULL_TELL_VERDICT = 1,
  LULL_TELL_SEND = 2,
  LULL_TELL_ASK = 4,
  LULL_TELL_TIMER = 8,
  LULL_TELL_DONE = 16,
  LULL_TELL_HEADERS = 32,
  LULL_TELLING = 64 /* is in the queue */
};

struct lull_events {
  struct lull_entry *first, *last;
};

/* The entry has something to report; or no more. */
void lull_events_tell(struct lull_events *q, struct lull_entry *entry,
                      enum lull_tell what);
void lull_events_forget(struct lull_events *q, struct lull_entry *entry);

/* Looks at the first event without taking it. */
bool lull_events_peek(struct lull_events *q, struct lull_event *event);

/* Takes the first event off the queue. The entry that it was the last word
   of, for the caller to dismiss; or NULL. */
struct lull_entry *lull_events_take(struct lull_events *q);

#endif
