#include "fleet/pose.h"

#include <stdio.h>

/* The hint as the engine would read it from the answer's headers. */
static void read_hint(struct lull_fleet *f, int status, lull_usec after)
{
  char text[32];
  struct lull_headers headers;
  enum lull_err err;
  if (after == f->hint_after && status == f->hint_status)
    return;
  snprintf(text, sizeof text, "%lld", (long long)(after / LULL_SEC));
  lull_headers_init(&headers);
  err = lull_headers_copy(&headers, "retry-after", text);
  lull_hint_read(&headers, status, 0, &f->hint);
  lull_headers_clear(&headers);
  lull_fleet_fail(f, err);
  f->hint_after = after;
  f->hint_status = status;
}

static void pose_hint(struct lull_fleet *f, const struct lull_fleet_reply *r)
{
  f->ended.hint.source = LULL_HINT_NONE;
  if (r->class != LULL_CLASS_NONE || r->retry_after <= 0)
    return;
  read_hint(f, r->status, r->retry_after);
  f->ended.hint = f->hint;
}

void lull_fleet_pose(struct lull_fleet *f, struct lull_fleet_leg *leg)
{
  struct lull_fleet_call *call = leg->call;
  const struct lull_fleet_reply *r = &leg->reply;
  struct lull_call *as = &f->pose;
  unsigned rule = lull_policy_find(&f->policy->policy, r->class, r->status);
  as->started = call->started;
  as->previous = call->previous;
  as->total = (uint16_t)call->total;
  as->rule_hits = call->rule_hits;
  lull_call_count_rule(as, rule);
  call->rule_hits = as->rule_hits;
  if (rule != LULL_NO_RULE && f->policy->policy.rules[rule].attempts)
    call->tries--; /* the rule counts it, and the call does not */
  as->tries = (uint16_t)call->tries;
  f->record = (struct lull_record){.class = (uint8_t)r->class,
                                   .status = (int16_t)r->status,
                                   .rule = (uint16_t)rule,
                                   .sent = r->class != LULL_NET_REFUSED};
  pose_hint(f, r);
}
