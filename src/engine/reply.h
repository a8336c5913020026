/*
 * reply: what a simulated server answers, as far as it came.
 *
 * Owns nothing. The engine takes replies from its driver and fills the
 * attempt that waits for one.
 */
#ifndef LULL_ENGINE_REPLY_H
#define LULL_ENGINE_REPLY_H

#include "world/attempt.h"

/* A simulated server's answer to the call's nth request on the wire; one
   that comes too late is LULL_ESTALE and is ignored. With a class
   it is a fault; a cut answer has a status, headers and what came of its
   body all the same. Headers as name NUL value NUL. */
struct lull_reply {
  unsigned nth;
  enum lull_class class;
  int status;
  bool sent;
  const char *headers;
  size_t headers_len;
  const char *body;
  size_t body_len;
};

/* The beginning of an answer: its status and headers, if those are what came,
   into the attempt. */
void lull_reply_begin(struct lull_attempt *a, const struct lull_reply *reply,
                      lull_usec now, lull_usec wall);

/* The answer as far as it came: a cut one has headers and part of a body.
   LULL_EINVAL: headers that are none. */
enum lull_err lull_reply_fill(struct lull_attempt *a,
                              const struct lull_reply *reply);

#endif
