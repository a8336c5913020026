#include "lane/budget.h"

void lull_budget_configure(struct lull_budget *b,
                           const struct lull_budget_conf *conf)
{
  unsigned spent = b->conf.capacity - b->level;
  b->conf.on = conf->on;
  if (!conf->on)
    return;
  b->conf = *conf;
  b->level = conf->capacity > spent ? conf->capacity - spent : 0;
}

bool lull_budget_pay(struct lull_budget *b)
{
  if (!b->conf.on)
    return true;
  if (b->level < b->conf.cost)
    return false;
  b->level -= b->conf.cost;
  b->spent += b->conf.cost;
  return true;
}

void lull_budget_refund(struct lull_budget *b, bool retried)
{
  unsigned room = b->conf.capacity - b->level;
  unsigned back = retried && b->conf.payback ? b->conf.cost : b->conf.refund;
  back = back < room ? back : room;
  b->level += back;
  b->refunded += back;
}

void lull_budget_set(struct lull_budget *b, int64_t level)
{
  level += (int64_t)b->refunded - (int64_t)b->spent - b->told;
  if (level > (int64_t)b->conf.capacity)
    level = b->conf.capacity;
  b->level = level > 0 ? (unsigned)level : 0;
}

void lull_budget_tell(struct lull_budget *b)
{
  b->told += (int64_t)b->spent - (int64_t)b->refunded;
  b->spent = b->refunded = 0;
}
