#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#define MARGIN                                                                \
  (10 * LULL_MSEC)     /* of a call's deadline: no answer comes in less */
#define WIDTH_ANY 1000 /* of "*": wider than every other key */

/* The defaults; the manual's table is made from these. */
void lull_limits_init(struct lull_limits *limits)
{
  *limits = (struct lull_limits){
      .attempts = 5,
      .timeout_count = 1,
      .timeout = {30 * LULL_SEC},
      .deadline = LULL_NEVER,
      .max_hint = 300 * LULL_SEC,
  };
}

void lull_backoff_init(struct lull_backoff *backoff)
{
  *backoff = (struct lull_backoff){
      .kind = LULL_BACKOFF_EXPONENTIAL,
      .jitter = LULL_JITTER_FULL,
      .factor = 2,
      .base = LULL_SEC,
      .cap = 60 * LULL_SEC,
  };
}

void lull_policy_init(struct lull_policy *p)
{
  *p = (struct lull_policy){0};
  lull_limits_init(&p->limits);
  lull_backoff_init(&p->backoff);
  memset(p->by_status, 0xff, sizeof p->by_status);
  memset(p->by_class, 0xff, sizeof p->by_class);
  memset(p->status_width, 0xff, sizeof p->status_width);
  memset(p->class_width, 0xff, sizeof p->class_width);
}

void lull_policy_clear(struct lull_policy *p)
{
  lull_mem_free(p->rules);
  lull_policy_init(p);
}

/* Puts a rule where the key that brings it is at least as narrow. */
static void put(uint16_t *slot, uint16_t *slot_width, unsigned rule,
                unsigned width)
{
  if (width > *slot_width)
    return;
  *slot = (uint16_t)rule;
  *slot_width = (uint16_t)width;
}

static void put_statuses(struct lull_policy *p, unsigned rule, int lo, int hi,
                         unsigned width)
{
  int status;
  for (status = lo; status <= hi; status++)
    put(&p->by_status[status], &p->status_width[status], rule, width);
}

/* How many levels a class name has below `prefix`, or -1. */
static int levels_below(const char *name, const char *prefix, size_t len)
{
  int levels = 0;
  if (strncmp(name, prefix, len) != 0 || (name[len] && name[len] != '.'))
    return -1;
  for (name += len; *name; name++)
    levels += *name == '.';
  return levels;
}

static bool put_classes(struct lull_policy *p, unsigned rule, const char *key,
                        size_t len)
{
  bool found = false;
  int i;
  for (i = 1; i < LULL_CLASSES; i++) {
    int below = levels_below(lull_class_name((enum lull_class)i), key, len);
    if (below < 0)
      continue;
    put(&p->by_class[i], &p->class_width[i], rule, (unsigned)below);
    found = true;
  }
  return found;
}

/* Three digits of a status, or 0. */
static int status_of(const char *s)
{
  int i, status = 0;
  for (i = 0; i < 3; i++) {
    if (s[i] < '0' || s[i] > '9')
      return 0;
    status = status * 10 + (s[i] - '0');
  }
  return status >= 100 && status < LULL_STATUSES ? status : 0;
}

/* One alternative of a key: "*", "5xx", "503", "502-504" or a class. */
static bool put_key(struct lull_policy *p, unsigned rule, const char *key,
                    size_t len)
{
  int lo, hi;
  if (len == 1 && *key == '*') {
    put_statuses(p, rule, 400, LULL_STATUSES - 1, WIDTH_ANY);
    put_statuses(p, rule, 0, 0, WIDTH_ANY); /* what is beyond 599 */
    for (lo = 1; lo < LULL_CLASSES; lo++)
      put(&p->by_class[lo], &p->class_width[lo], rule, WIDTH_ANY);
    return true;
  }
  if (len == 3 && *key >= '1' && *key <= '5' &&
      strncmp(key + 1, "xx", 2) == 0) {
    lo = (*key - '0') * 100;
    put_statuses(p, rule, lo, lo + 99, 100);
    return true;
  }
  if (len == 3 && (lo = status_of(key)) != 0) {
    put_statuses(p, rule, lo, lo, 1);
    return true;
  }
  if (len == 7 && key[3] == '-') {
    lo = status_of(key);
    hi = status_of(key + 4);
    if (!lo || hi < lo)
      return false;
    put_statuses(p, rule, lo, hi, (unsigned)(hi - lo + 1));
    return true;
  }
  return len > 0 && put_classes(p, rule, key, len);
}

static enum lull_err add_rule(struct lull_policy *p, const char *key,
                              const struct lull_rule *rule)
{
  struct lull_rule *rules;
  if (p->rule_count + 1 >= LULL_NO_RULE)
    return LULL_ELIMIT;
  rules = lull_mem_grow(p->rules, (p->rule_count + 1) * sizeof *rules);
  if (!rules)
    return LULL_ENOMEM;
  p->rules = rules;
  rules[p->rule_count] = *rule;
  snprintf(rules[p->rule_count++].key, LULL_KEY_MAX, "%s", key);
  return LULL_OK;
}

enum lull_err lull_policy_rule(struct lull_policy *p, const char *key,
                               const struct lull_rule *rule)
{
  enum lull_err err = add_rule(p, key, rule);
  while (!err) {
    size_t len = strcspn(key, "|");
    if (!put_key(p, p->rule_count - 1, key, len))
      return LULL_EINVAL;
    if (key[len] == '\0')
      break;
    key += len + 1;
  }
  return err;
}

unsigned lull_policy_find(const struct lull_policy *p, enum lull_class class,
                          int status)
{
  if (class != LULL_CLASS_NONE)
    return p->by_class[class];
  return p->by_status[status >= 0 && status < LULL_STATUSES ? status : 0];
}

bool lull_policy_names(const struct lull_policy *p, int status)
{
  return status >= 0 && status < LULL_STATUSES &&
         p->status_width[status] < WIDTH_ANY;
}

static const struct lull_rule *rule_of(const struct lull_policy *p,
                                       unsigned index)
{
  return index == LULL_NO_RULE ? NULL : &p->rules[index];
}

static lull_usec timeout_of(const struct lull_limits *limits, unsigned n)
{
  if (limits->timeout_count == 0)
    return LULL_NEVER;
  if (n > limits->timeout_count)
    n = limits->timeout_count;
  return limits->timeout[n - 1];
}

struct lull_bounds lull_limits_bounds(const struct lull_limits *limits,
                                      unsigned n, bool file)
{
  lull_usec timeout = timeout_of(limits, n);
  if (limits->stall)
    return (struct lull_bounds){limits->timeout_given ? timeout : LULL_NEVER,
                                limits->stall};
  if (file && !limits->timeout_given)
    return (struct lull_bounds){LULL_NEVER, timeout};
  return (struct lull_bounds){timeout, LULL_NEVER};
}

lull_usec lull_limits_timeout(const struct lull_limits *limits, unsigned n)
{
  return lull_limits_bounds(limits, n, false).whole;
}

/* The server says by its status that it did not process the request: RFC
   9110 section 15, RFC 8470 (425), RFC 6585 (429). 503 does not: a proxy
   gives it, with a Retry-After, when its backend breaks off after the work. */
static bool not_processed(int status)
{
  return status == 408 || status == 425 || status == 429;
}

bool lull_policy_ambiguous(enum lull_class class, int status, bool sent)
{
  if (class == LULL_CLASS_NONE)
    return status >= 500 && status != 501 && status != 505 &&
           !not_processed(status);
  return sent && class != LULL_H2_REFUSED && class != LULL_TLS_CERT;
}

/* What a wait that the server asks for makes temporary: 413 (RFC 9110 section
   15.5.14), what is in use (409, 423), and the 403 by which many a limiter
   throttles. What only tells of a quota says nothing of them. */
static bool asks_to_wait(const struct lull_facts *f)
{
  return (f->status == 403 || f->status == 409 || f->status == 413 ||
          f->status == 423) &&
         f->hint && f->hint->asked && f->hint->wait > 0;
}

/* The table of defaults: what an outcome means when no rule says. */
static enum lull_action by_status(const struct lull_facts *f)
{
  enum lull_hint_advice advice = f->hint ? f->hint->advice : LULL_ADVICE_NONE;
  if (f->complete)
    return LULL_ACCEPT;
  if (f->status >= 200 && f->status < 400)
    return LULL_ACCEPT;
  if (advice != LULL_ADVICE_NONE)
    return advice == LULL_ADVICE_RETRY ? LULL_RETRY : LULL_STOP;
  if (not_processed(f->status) || f->restart || f->stale || asks_to_wait(f) ||
      f->elsewhere) /* RFC 9110, 15.5.20 */
    return LULL_RETRY;
  if (f->status >= 500 && f->status != 501 && f->status != 505)
    return LULL_RETRY;
  return LULL_STOP;
}

/* A proxy's refusal means what a server's would; only that it is none. */
static enum lull_action default_action(const struct lull_facts *f)
{
  enum lull_action action;
  if (f->class != LULL_CLASS_NONE && f->class != LULL_NET_PROXY)
    return lull_class_permanent(f->class) && !f->restart ? LULL_STOP
                                                         : LULL_RETRY;
  action = by_status(f);
  return f->class && action == LULL_ACCEPT ? LULL_STOP : action;
}

/* A hint is obeyed rather than the backoff, never earlier than asked, and
   spread upwards by at most a tenth and a second, so that those who were
   told the same moment do not come back in one. A hint of nothing leaves
   the backoff in force: no hammering. */
static void choose_wait(const struct lull_policy *p,
                        const struct lull_facts *f, struct lull_rng *rng,
                        struct lull_verdict *v)
{
  const struct lull_rule *rule = rule_of(p, f->rule);
  bool own = rule && rule->has_backoff;
  if (f->hint && f->hint->source != LULL_HINT_NONE && f->hint->wait > 0) {
    lull_usec spread = f->hint->wait / 10;
    if (spread > LULL_SEC)
      spread = LULL_SEC;
    v->source = LULL_SOURCE_HINT;
    v->wait = lull_usec_add(f->hint->wait, lull_rng_range(rng, 0, spread));
    return;
  }
  v->source = own ? LULL_SOURCE_RULE : LULL_SOURCE_BACKOFF;
  v->wait = lull_backoff_wait(own ? &rule->backoff : &p->backoff,
                              own || (rule && rule->attempts) ? f->rule_hits
                                                              : f->tries,
                              f->previous, rng);
}

static bool may_repeat(const struct lull_policy *p, const struct lull_facts *f)
{
  const struct lull_rule *rule = rule_of(p, f->rule);
  return f->repeatable || f->unsafe || p->unsafe || (rule && rule->unsafe) ||
         !(f->unproved || lull_policy_ambiguous(f->class, f->status, f->sent));
}

bool lull_policy_at_risk(const struct lull_policy *p,
                         const struct lull_facts *f)
{
  return !may_repeat(p, f);
}

struct lull_verdict lull_policy_suggest(const struct lull_policy *p,
                                        const struct lull_facts *f,
                                        struct lull_rng *rng)
{
  const struct lull_rule *rule = rule_of(p, f->rule);
  struct lull_verdict v = {0};
  v.action = rule ? rule->action : LULL_DEFAULT;
  if (v.action == LULL_DEFAULT)
    v.action = default_action(f);
  if (v.action == LULL_STOP)
    v.why = LULL_WHY_RULE;
  if (v.action == LULL_RETRY && !may_repeat(p, f)) {
    v.action = LULL_STOP;
    v.why = LULL_WHY_UNSAFE;
  }
  if (v.action == LULL_RETRY || (rule && rule->ask))
    choose_wait(p, f, rng, &v);
  return v;
}

/* A rule with attempts of its own counts its own outcomes; all others share
   the call's count. */
static bool used_up(const struct lull_policy *p, const struct lull_facts *f)
{
  const struct lull_rule *rule = rule_of(p, f->rule);
  if (rule && rule->attempts)
    return f->rule_hits >= rule->attempts;
  return f->tries >= f->limits->attempts;
}

struct lull_verdict lull_policy_stop(enum lull_why why)
{
  return (struct lull_verdict){.action = LULL_STOP, .why = why};
}

static struct lull_verdict stop(struct lull_verdict v, enum lull_why why)
{
  v.action = LULL_STOP;
  v.why = why;
  return v;
}

lull_usec lull_limits_margin(const struct lull_limits *limits)
{
  lull_usec tenth = limits->deadline / 10;
  if (limits->deadline == LULL_NEVER)
    return 0;
  return tenth < MARGIN ? tenth : MARGIN;
}

struct lull_verdict lull_policy_limit(const struct lull_policy *p,
                                      const struct lull_facts *f,
                                      struct lull_verdict v, bool free)
{
  if (v.action == LULL_STOP && f->now >= f->deadline_at &&
      v.why != LULL_WHY_UNSAFE)
    v.why = LULL_WHY_DEADLINE;
  if (v.action != LULL_RETRY)
    return v;
  if (f->drained)
    return stop(v, LULL_WHY_CANCELLED);
  if (f->total >= LULL_ATTEMPTS_CEILING || (!free && used_up(p, f)))
    return stop(v, LULL_WHY_ATTEMPTS);
  if (v.source == LULL_SOURCE_HINT && f->hint->wait > f->limits->max_hint)
    return stop(v, LULL_WHY_HINT);
  if (lull_usec_add(lull_usec_add(f->now, v.wait),
                    lull_limits_margin(f->limits)) >= f->deadline_at)
    return stop(v, v.source == LULL_SOURCE_HINT ? LULL_WHY_HINT
                                                : LULL_WHY_DEADLINE);
  return v;
}

struct lull_verdict lull_policy_follow(const struct lull_policy *p,
                                       const struct lull_facts *f,
                                       struct lull_rng *rng)
{
  struct lull_verdict v = {.action = LULL_FOLLOW};
  if (!f->hint || !f->hint->asked || f->hint->wait <= 0)
    return v;
  choose_wait(p, f, rng, &v);
  v.action = LULL_RETRY;
  v = lull_policy_limit(p, f, v, true);
  if (v.action == LULL_RETRY)
    v.action = LULL_FOLLOW;
  return v;
}
