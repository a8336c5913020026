#include "bind/record.h"
#include "bind/write.h"
#include "policy/reason.h"

/* The outcome of a record: status, or class and its text. */
void lull_bind_outcome(lua_State *L, const struct lull_record *r)
{
  enum lull_class class = (enum lull_class)r->class;
  if (r->status && class == LULL_CLASS_NONE)
    lull_bind_set_integer(L, "status", r->status);
  if (r->cut)
    lull_bind_set_string(L, "body_error",
                         lull_class_name((enum lull_class)r->cut));
  if (class == LULL_CLASS_NONE)
    return;
  if (r->status)
    lull_bind_set_integer(L, "proxy_status", r->status);
  lull_bind_set_string(L, "class", lull_class_name(class));
  lull_bind_set_string(L, "text", lull_class_text(class));
}

void lull_bind_record(lua_State *L, const struct lull_record *r)
{
  lull_bind_outcome(L, r);
  lull_bind_set_integer(L, "n", r->n);
  lull_bind_set_number(L, "at", lull_usec_to(r->at));
  lull_bind_set_number(L, "took", lull_usec_to(r->took));
  lull_bind_set_number(L, "wait", lull_usec_to(r->wait));
  lull_bind_set_string(L, "verdict",
                       lull_action_name((enum lull_action)r->action));
  lull_bind_set_flag(L, "sent", r->sent);
  lull_bind_set_flag(L, "maybe_applied", r->maybe_applied);
  if (r->why)
    lull_bind_set_string(L, "why", lull_why_name((enum lull_why)r->why));
  if (r->source)
    lull_bind_set_string(L, "source",
                         lull_source_name((enum lull_source)r->source));
  if (r->hint_source) {
    lull_bind_set_string(
        L, "hint",
        lull_hint_source_name((enum lull_hint_source)r->hint_source));
    lull_bind_set_number(L, "hint_seconds", lull_usec_to(r->hint));
  }
  if (r->rule != LULL_NO_RULE)
    lull_bind_set_integer(L, "rule", r->rule + 1);
  if (r->queued > 0) {
    lull_bind_set_number(L, "queued", lull_usec_to(r->queued));
    lull_bind_set_string(
        L, "cause", lull_ticket_cause_name((enum lull_lane_cause)r->cause));
  }
  if (r->asked)
    lull_bind_set_flag(L, "asked", true);
  if (r->free)
    lull_bind_set_flag(L, "free", true);
  if (r->hedge)
    lull_bind_set_flag(L, "hedge", true);
  if (r->resumed)
    lull_bind_set_flag(L, "resumed", true);
  if (r->chaos)
    lull_bind_set_flag(L, "chaos", true);
}
