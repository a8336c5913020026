/*
 * queue: tickets that wait, first in, first out; any may leave it.
 *
 * A plain value, owned by its lane; tickets are linked, not copied.
 */
#ifndef LULL_LANE_QUEUE_H
#define LULL_LANE_QUEUE_H

#include "lane/ticket.h"

struct lull_queue {
  struct lull_ticket *first, *last;
};

void lull_queue_push(struct lull_queue *q, struct lull_ticket *ticket);
void lull_queue_remove(struct lull_queue *q, struct lull_ticket *ticket);

/* A retry goes ahead of first tries; first in, first out within each. */
bool lull_queue_ahead(const struct lull_ticket *a,
                      const struct lull_ticket *b);

#endif
