#define _POSIX_C_SOURCE 200809L
#include "world/attempt.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

void lull_response_init(struct lull_response *r,
                        const struct lull_client *client)
{
  r->status = 0;
  lull_headers_init(&r->headers);
  lull_sink_init(&r->sink, client->max_body,
                 client->max_body_given ? client->max_body : UINT64_MAX);
}

void lull_response_clear(struct lull_response *r)
{
  lull_headers_clear(&r->headers);
  lull_sink_clear(&r->sink);
  r->status = 0;
}

void lull_attempt_init(struct lull_attempt *a,
                       const struct lull_request *request,
                       const struct lull_client *client)
{
  *a = (struct lull_attempt){.request = request, .client = client};
  lull_headers_init(&a->outgoing);
  lull_response_init(&a->response, client);
}

void lull_attempt_clear(struct lull_attempt *a)
{
  lull_response_clear(&a->response);
  lull_headers_clear(&a->outgoing);
}

void lull_attempt_head(struct lull_attempt *a, int status, lull_usec at)
{
  if (a->response.status)
    return;
  a->response.status = status;
  a->moved = at;
  if (a->head)
    a->head(a, at);
}

void lull_attempt_settle(struct lull_attempt *a)
{
  int status = a->response.status;
  bool success = status >= 200 && status < 300;
  if (!a->class || !status || success || a->class == LULL_LOCAL_MEMORY)
    return;
  a->cut = a->class;
  a->class = LULL_CLASS_NONE;
}

/* A file that is to be continued must come as it is: the bytes of a decoded
   body have no place in the encoded one. */
static enum lull_err file_headers(const struct lull_attempt *a,
                                  struct lull_headers *all)
{
  enum lull_err err = LULL_OK;
  char range[48];
  if (!a->resume_from)
    return err;
  snprintf(range, sizeof range, "bytes=%" PRIu64 "-", a->resume_from);
  err = lull_headers_copy(all, "range", range);
  if (!err && a->validator)
    err = lull_headers_copy(all, "if-range", a->validator);
  return err;
}

/* "identity" asks for none, and what a server sends all the same is still
   decoded; any other wish of the script's leaves the body as it comes. */
bool lull_attempt_decodes(const struct lull_attempt *a, const char *wish)
{
  return !a->client->transport.encoded &&
         (!wish || strcasecmp(wish, "identity") == 0);
}

enum lull_err lull_attempt_headers(const struct lull_attempt *a,
                                   struct lull_headers *all)
{
  enum lull_err err = lull_request_headers(a->request, a->client, all);
  bool range = !err && lull_headers_get(all, "range", 0);
  /* A range of an encoded body is one of the encoding, which nobody can
     decode. */
  if (!err && (a->request->output || range) &&
      !lull_headers_get(all, "accept-encoding", 0))
    err = lull_headers_copy(all, "accept-encoding", "identity");
  return err || range ? err : file_headers(a, all);
}
