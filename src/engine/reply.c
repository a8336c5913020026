#include "engine/reply.h"
#include "world/answer.h"
#include "world/decode.h"

#include <stdio.h>

struct body {
  struct lull_attempt *attempt;
  size_t len; /* as it came */
};

static enum lull_err take(void *user, const void *bytes, size_t len)
{
  const struct body *body = user;
  return lull_answer_add(body->attempt, bytes, len, body->len);
}

/* As a transfer does: what is no such coding, or ends before its end, is told
   alike. */
static enum lull_err decode(struct lull_attempt *a, struct lull_decoder *d,
                            const struct lull_reply *reply)
{
  struct body body = {a, reply->body_len};
  enum lull_err err =
      lull_decode_feed(d, reply->body, reply->body_len, take, &body);
  if (err == LULL_EINVAL)
    snprintf(a->detail, sizeof a->detail, "%s", LULL_UNDECODABLE);
  else if (!err && !a->class && !lull_decode_whole(d))
    a->class = LULL_HTTP_TRUNCATED;
  return err;
}

static enum lull_err fill_body(struct lull_attempt *a,
                               const struct lull_reply *reply)
{
  const char *wish = lull_headers_get(&a->outgoing, "accept-encoding", 0);
  struct lull_decoder *d = NULL;
  enum lull_err err;
  if (!reply->body_len)
    return LULL_OK;
  err = lull_answer_begins(a, reply->status);
  if (!err && lull_attempt_decodes(a, wish))
    err = lull_decode_new(&d, &a->response.headers);
  if (!err && d)
    err = decode(a, d, reply);
  else if (!err)
    err = lull_answer_add(a, reply->body, reply->body_len, reply->body_len);
  lull_decode_free(d);
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
