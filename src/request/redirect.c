#define _POSIX_C_SOURCE 200809L
#include "request/redirect.h"
#include "http/url.h"

#include <string.h>
#include <strings.h>

bool lull_redirect_status(int status)
{
  return status == 301 || status == 302 || status == 303 || status == 307 ||
         status == 308;
}

static bool becomes_get(int status, const char *method)
{
  if (status == 303)
    return strcmp(method, "HEAD") != 0 && strcmp(method, "GET") != 0;
  return (status == 301 || status == 302) && strcmp(method, "POST") == 0;
}

/* Without a body, the fields that describe one would lie. */
static enum lull_err drop_body_headers(struct lull_headers *headers)
{
  struct lull_headers kept;
  const char *name, *value;
  size_t at = 0;
  enum lull_err err = LULL_OK;
  lull_headers_init(&kept);
  while (!err && lull_headers_next(headers, &at, &name, &value))
    if (strncasecmp(name, "content-", 8) != 0)
      err = lull_headers_copy(&kept, name, value);
  lull_headers_clear(err ? &kept : headers);
  if (!err)
    *headers = kept;
  return err;
}

static enum lull_err to_get(struct lull_request *r)
{
  lull_mem_free(r->body);
  r->body = NULL;
  lull_request_method(r, "GET");
  return drop_body_headers(&r->headers);
}

/* Compares origins; `down` tells of a step from https to http. */
static enum lull_err compare(const char *from, const char *to, bool *same,
                             bool *down)
{
  struct lull_url a, b;
  enum lull_err err = lull_url_parse(from, &a);
  if (err)
    return err;
  err = lull_url_parse(to, &b);
  if (!err) {
    *same = strcasecmp(a.origin, b.origin) == 0;
    *down = strncmp(a.origin, "https:", 6) == 0 &&
            strncmp(b.origin, "http:", 5) == 0;
  }
  lull_url_clear(&a);
  lull_url_clear(&b);
  return err;
}

/* Goes to `target`, which is taken. What is for one origin stays there. */
static enum lull_err go_to(struct lull_request *r, char *target, bool same)
{
  static const char no_host[] = "host\0";
  enum lull_err err = LULL_OK;
  if (!same && lull_headers_get(&r->headers, "host", 0))
    err = lull_request_override(&r->headers, no_host, sizeof no_host);
  if (err) {
    lull_mem_free(target);
    return err;
  }
  lull_mem_free(r->url);
  r->url = target;
  if (same)
    return LULL_OK;
  lull_headers_clear(&r->secrets);
  r->foreign = true;
  return LULL_OK;
}

enum lull_err lull_redirect_to(struct lull_request *r, const char *url,
                               bool cross_origin)
{
  char *target = NULL;
  bool same = false, down = false;
  enum lull_err err = lull_url_resolve(r->url, url, &target);
  if (!err)
    err = compare(r->url, target, &same, &down);
  if (err) {
    lull_mem_free(target);
    return err;
  }
  return go_to(r, target, same || cross_origin);
}

enum lull_err lull_redirect_apply(struct lull_request *r, int status,
                                  const char *location)
{
  char *target = NULL;
  bool same = false, down = false;
  enum lull_err err = lull_url_resolve(r->url, location, &target);
  if (!err)
    err = compare(r->url, target, &same, &down);
  if (!err && down)
    err = LULL_EINVAL;
  if (!err && becomes_get(status, r->method))
    err = to_get(r);
  if (err) {
    lull_mem_free(target);
    return err;
  }
  return go_to(r, target, same);
}
