/*
 * policy: all that decides a verdict: limits, backoff and rules.
 *
 * Owns its rules. Built once a client and then read only. Judging is pure
 * but for the generator: it sees facts and gives a verdict with its reason;
 * it never waits, sends or calls a script.
 */
#ifndef LULL_POLICY_POLICY_H
#define LULL_POLICY_POLICY_H

#include "base/backoff.h"
#include "hint/hint.h"
#include "policy/reason.h"

#define LULL_TIMEOUTS 8

/* No call ever makes more attempts than this, free ones included. */
#define LULL_ATTEMPTS_CEILING 1000

struct lull_limits {
  unsigned attempts;  /* tries of one call, the first included */
  bool timeout_given; /* by the script, so that it holds for downloads */
  lull_usec stall;    /* an attempt may stand still so long; 0: not given */
  unsigned timeout_count;           /* 0: no limit for one attempt */
  lull_usec timeout[LULL_TIMEOUTS]; /* of attempt 1, 2, ...; the last stays */
  lull_usec deadline;               /* the whole call, waits included */
  lull_usec max_hint;               /* the longest wait a server may ask */
  bool max_hint_given; /* by the script, so that it holds for its own rates */
};

/* An attempt that could only begin so shortly before the deadline is not made:
   it would be cut before its answer, and may have been applied. */
lull_usec lull_limits_margin(const struct lull_limits *limits);

/* The one initializer of the defaults. */
void lull_limits_init(struct lull_limits *limits);
void lull_backoff_init(struct lull_backoff *backoff);

#define LULL_KEY_MAX 32 /* what is kept of a rule's key, for people */

struct lull_rule {
  char key[LULL_KEY_MAX];
  enum lull_action action; /* DEFAULT: only limits are changed */
  bool ask;                /* the script has a function for it */
  bool unsafe;             /* "retry" holds for unsafe methods too */
  signed char pause;       /* pause the lane: 1 yes, 0 no, -1 by default */
  bool has_backoff;
  unsigned attempts; /* outcomes of this rule; 0: the call's limit */
  lull_usec timeout; /* of the attempt after it; 0: the call's */
  struct lull_backoff backoff;
};

#define LULL_STATUSES 600
#define LULL_NO_RULE UINT16_MAX

struct lull_policy {
  struct lull_limits limits;
  struct lull_backoff backoff;
  bool unsafe; /* retry what might be done twice */
  struct lull_rule *rules;
  unsigned rule_count;
  /* The rule for a status or a class, and how wide the key was that put it
     there: the narrowest key wins. */
  uint16_t by_status[LULL_STATUSES], status_width[LULL_STATUSES];
  uint16_t by_class[LULL_CLASSES], class_width[LULL_CLASSES];
};

void lull_policy_init(struct lull_policy *p);
void lull_policy_clear(struct lull_policy *p);

/* Sets the rule for a key: a status ("503"), "5xx", "502-504", "429|503", a
   class at any level ("net", "net.timeout") or "*", which is every failure:
   4xx, 5xx and all classes. The most specific key
   wins, whatever the order; of two equally specific ones, the later.
   LULL_EINVAL for a key that means nothing, LULL_ENOMEM. */
enum lull_err lull_policy_rule(struct lull_policy *p, const char *key,
                               const struct lull_rule *rule);

/* The index of the rule for an outcome, or LULL_NO_RULE. */
unsigned lull_policy_find(const struct lull_policy *p, enum lull_class class,
                          int status);

/* True when a rule names this status more closely than "*" does. */
bool lull_policy_names(const struct lull_policy *p, int status);

/* What is known of a call when an attempt has ended. */
struct lull_facts {
  const struct lull_limits *limits;
  enum lull_class class;
  int status;         /* of the answer; of the proxy's, with net.proxy */
  bool repeatable;    /* the method is idempotent, or the call has a key */
  bool unsafe;        /* the call says that it may be done twice */
  bool sent;          /* a byte of the request may have reached the server */
  bool unproved;      /* refused, when it may have been processed already */
  bool elsewhere;     /* a 421, and no other connection was tried yet */
  bool drained;       /* no more retries: the process is being ended */
  bool restart;       /* what there is of a file is of no use: begin anew */
  bool complete;      /* a 416: there is no rest, the file is whole */
  bool stale;         /* a redirect of an earlier attempt led nowhere now */
  unsigned rule;      /* of lull_policy_find */
  unsigned tries;     /* counted attempts so far, this one included */
  unsigned total;     /* all attempts, free ones included */
  unsigned rule_hits; /* outcomes of this rule, this one included */
  lull_usec now, deadline_at; /* LULL_NEVER: none */
  lull_usec previous;         /* the wait before this attempt, or -1 */
  const struct lull_hint *hint;
};

struct lull_verdict {
  enum lull_action action;
  enum lull_why why;       /* of a stop */
  enum lull_source source; /* of a wait */
  lull_usec wait;          /* before the next attempt */
};

/* A stop, for that reason. */
struct lull_verdict lull_policy_stop(enum lull_why why);

/* Whether an outcome leaves it open if the request took effect: sent, and
   then no answer, half of one, or a 5xx that does not say. Who misses a
   client's certificate has not taken its request, sent or not. */
bool lull_policy_ambiguous(enum lull_class class, int status, bool sent);

/* Whether the outcome leaves it open if the request took effect, and it may
   not be sent again, whatever the limits. */
bool lull_policy_at_risk(const struct lull_policy *p,
                         const struct lull_facts *f);

/* The suggestion: what the rules and defaults say of this outcome, with the
   wait that they would choose. Limits are not applied yet. */
struct lull_verdict lull_policy_suggest(const struct lull_policy *p,
                                        const struct lull_facts *facts,
                                        struct lull_rng *rng);

/* Whether and when a redirect is followed: LULL_FOLLOW after the wait that it
   asks for (RFC 9110 section 10.2.3), or LULL_STOP when that is too long. */
struct lull_verdict lull_policy_follow(const struct lull_policy *p,
                                       const struct lull_facts *facts,
                                       struct lull_rng *rng);

/* Applies the limits to a wish (a suggestion, or what a script's function
   said): attempts, ceiling, max_hint, deadline. `free` retries do not count
   against attempts. */
struct lull_verdict lull_policy_limit(const struct lull_policy *p,
                                      const struct lull_facts *facts,
                                      struct lull_verdict wish, bool free);

/* How long an attempt may take, and how long it may stand still; LULL_NEVER:
   as long as it likes. */
struct lull_bounds {
  lull_usec whole, still;
};

/* Those of attempt `n` (from 1). What the script says holds, and what it does
   not say is no limit; when it says neither, the default is one for standing
   still where the body comes from or goes to a file, and else for the whole.
 */
struct lull_bounds lull_limits_bounds(const struct lull_limits *limits,
                                      unsigned n, bool file);

/* The time limit of an attempt to no file. */
lull_usec lull_limits_timeout(const struct lull_limits *limits, unsigned n);

#endif
