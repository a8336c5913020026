#include "engine/reply.h"
#include "world/answer.h"

static enum lull_err fill_body(struct lull_attempt *a,
                               const struct lull_reply *reply)
{
  enum lull_err err;
  if (!reply->body_len)
    return LULL_OK;
  err = lull_answer_begins(a, reply->status);
  if (!err)
    err = lull_answer_add(a, reply->body, reply->body_len, reply->body_len);
  return err;
}

void lull_reply_begin(struct lull_attempt *a, const struct lull_reply *reply,
                      lull_usec now, lull_usec wall)
{
  struct lull_response *to = &a->response;
  if (!reply->status || to->status)
    return;
  a->answered = true;
  a->arrived = wall;
  if (lull_headers_add_raw(&to->headers, a->client->max_headers,
                           reply->headers, reply->headers_len) == LULL_OK)
    lull_attempt_head(a, reply->status, now);
}

enum lull_err lull_reply_fill(struct lull_attempt *a,
                              const struct lull_reply *reply)
{
  struct lull_response *to = &a->response;
  enum lull_err err;
  bool headers;
  lull_headers_clear(&to->headers);
  err = lull_headers_add_raw(&to->headers, a->client->max_headers,
                             reply->headers, reply->headers_len);
  headers = err == LULL_OK;
  if (!err)
    err = fill_body(a, reply);
  if (headers && err == LULL_EINVAL) {
    a->class = LULL_HTTP_MALFORMED;
    return LULL_OK;
  }
  if (!err && !a->class)
    lull_answer_ends(a, to->status);
  if (err == LULL_ELIMIT)
    a->class = headers ? LULL_LIMIT_BODY : LULL_LIMIT_HEADERS;
  else if (err == LULL_ENOMEM)
    a->class = LULL_LOCAL_MEMORY;
  else if (err == LULL_EIO)
    a->class = LULL_LOCAL_FILE;
  return err == LULL_EINVAL ? err : LULL_OK;
}
