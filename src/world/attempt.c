#define _POSIX_C_SOURCE 200809L
#include "world/attempt.h"

#include "hint/httpdate.h"
#include "world/coding.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A decoded file may grow to this, and beyond it only in proportion to what
   came over the wire: what is larger is a bomb and no document. */
#define DECODED_FREE ((uint64_t)64 << 20)
#define DECODED_RATIO 200

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
  if (!lull_headers_get(all, "accept-encoding", 0))
    err = lull_headers_copy(all, "accept-encoding", "identity");
  if (err || !a->validator || lull_headers_get(all, "range", 0))
    return err;
  snprintf(range, sizeof range, "bytes=%" PRIu64 "-", a->resume_from);
  err = lull_headers_copy(all, "range", range);
  return err ? err : lull_headers_copy(all, "if-range", a->validator);
}

enum lull_err lull_attempt_headers(const struct lull_attempt *a,
                                   struct lull_headers *all)
{
  enum lull_err err = lull_request_headers(a->request, a->client, all);
  if (!err && a->request->output)
    err = file_headers(a, all);
  return err;
}

/* "bytes 1000-1999/2000" continues a part of 1000 bytes, and the whole has
   2000; *total is 0 where that is not told. */
static bool continues(const struct lull_attempt *a, uint64_t *total)
{
  const char *range =
      lull_headers_get(&a->response.headers, "content-range", 0);
  struct lull_scan s = lull_scan_text(range ? range : "");
  uint64_t first, last;
  *total = 0;
  return lull_scan_word(&s, "bytes ") && lull_scan_uint(&s, &first) &&
         lull_scan_char(&s, '-') && lull_scan_uint(&s, &last) &&
         lull_scan_char(&s, '/') &&
         (lull_scan_char(&s, '*') || lull_scan_uint(&s, total)) &&
         first == a->resume_from;
}

enum lull_err lull_attempt_body_begins(struct lull_attempt *a, int status)
{
  struct lull_sink *sink = &a->response.sink;
  uint64_t total;
  if (!a->request->output || status < 200 || status > 299)
    return LULL_OK;
  if (status != 206 || !a->validator)
    return lull_sink_open(sink, a->request->output);
  return continues(a, &total) ? lull_sink_append(sink) : LULL_EINVAL;
}

bool lull_attempt_whole(const struct lull_attempt *a, int status)
{
  uint64_t total;
  if (status != 206 || !a->validator || !a->request->output)
    return true;
  return a->response.sink.fd >= 0 && continues(a, &total) &&
         (!total || a->response.sink.size == total);
}

enum lull_err lull_attempt_body(struct lull_attempt *a, const void *bytes,
                                size_t len, uint64_t received)
{
  struct lull_sink *sink = &a->response.sink;
  uint64_t size = sink->fd >= 0 ? sink->size + len : 0;
  if (size > DECODED_FREE && size - a->resume_from > DECODED_FREE &&
      (size - a->resume_from) / DECODED_RATIO > received)
    return LULL_ELIMIT;
  return lull_sink_write(sink, bytes, len);
}

/* Last-Modified is strong when the answer is at least a second younger. */
static bool strong_date(const struct lull_headers *h, const char *modified)
{
  const char *date = lull_headers_get(h, "date", 0);
  lull_usec then, at;
  return date && lull_httpdate_read(lull_scan_text(modified), 0, &then) &&
         lull_httpdate_read(lull_scan_text(date), 0, &at) &&
         at - then >= LULL_SEC;
}

const char *lull_attempt_validator(const struct lull_attempt *a)
{
  const struct lull_headers *h = &a->response.headers;
  const char *tag = lull_headers_get(h, "etag", 0);
  const char *modified = lull_headers_get(h, "last-modified", 0);
  const char *encoding = lull_headers_get(h, "content-encoding", 0);
  if (!a->response.sink.temp || a->response.sink.size == 0 ||
      lull_request_names(a->request, a->client, "range"))
    return NULL;
  if (encoding && lull_coding_known(encoding) &&
      strcasecmp(encoding, "identity") != 0)
    return NULL; /* what we have is decoded, and a range is not */
  if (tag)
    return *tag == '"' ? tag : NULL;
  return modified && strong_date(h, modified) ? modified : NULL;
}
