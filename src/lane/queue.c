#include "lane/queue.h"

void lull_queue_push(struct lull_queue *q, struct lull_ticket *ticket)
{
  ticket->prev = q->last;
  ticket->next = NULL;
  if (q->last)
    q->last->next = ticket;
  else
    q->first = ticket;
  q->last = ticket;
}

void lull_queue_remove(struct lull_queue *q, struct lull_ticket *ticket)
{
  if (ticket->prev)
    ticket->prev->next = ticket->next;
  else
    q->first = ticket->next;
  if (ticket->next)
    ticket->next->prev = ticket->prev;
  else
    q->last = ticket->prev;
  ticket->prev = ticket->next = NULL;
}

bool lull_queue_ahead(const struct lull_ticket *a, const struct lull_ticket *b)
{
  return a->retry != b->retry ? a->retry : a->number < b->number;
}
