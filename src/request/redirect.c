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

/* Fields that tell of a body and of how it is sent: RFC 9110 section 15.4. */
static bool of_body(const char *name)
{
  static const char *const more[] = {
      "transfer-encoding", "trailer",      "expect", "digest",
      "repr-digest",       "last-modified"};
  size_t i;
  for (i = 0; i < sizeof more / sizeof *more; i++)
    if (strcasecmp(name, more[i]) == 0)
      return true;
  return strncasecmp(name, "content-", 8) == 0;
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
    if (!of_body(name))
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

/* Keeps the way back to where the request is. */
static enum lull_err remember_home(struct lull_request *r)
{
  size_t size = strlen(r->url) + 1;
  struct lull_home *home;
  if (r->home)
    return LULL_OK;
  home = lull_mem_alloc(sizeof *home + size);
  if (!home)
    return LULL_ENOMEM;
  *home = (struct lull_home){.foreign = r->foreign};
  memcpy(home->url, r->url, size);
  r->home = home;
  return LULL_OK;
}

/* What is for one origin stays there, for the way back. */
static enum lull_err leave_home(struct lull_request *r)
{
  const char *host = lull_headers_get(&r->headers, "host", 0);
  if (!r->home || r->home->left)
    return LULL_OK;
  r->home->left = true;
  r->home->secrets = r->secrets;
  lull_headers_init(&r->secrets);
  return host && *host ? lull_headers_copy(&r->home->secrets, "host", host)
                       : LULL_OK;
}

/* Goes to `target`, which is taken. What is for one origin stays there. */
static enum lull_err go_to(struct lull_request *r, char *target, bool same)
{
  static const char no_host[] = "host\0";
  enum lull_err err = same ? LULL_OK : leave_home(r);
  if (!err && !same && lull_headers_get(&r->headers, "host", 0))
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

/* The absolute target; within the origin the URL's user goes along. */
static enum lull_err find_target(const struct lull_request *r,
                                 const char *location, char **target,
                                 bool *same, bool *down)
{
  enum lull_err err = lull_url_resolve(r->url, location, target);
  if (!err)
    err = compare(r->url, *target, same, down);
  if (!err && *same)
    err = lull_url_lend_user(r->url, target);
  return err;
}

enum lull_err lull_redirect_to(struct lull_request *r, const char *url,
                               bool cross_origin)
{
  char *target = NULL;
  bool same = false, down = false;
  enum lull_err err = find_target(r, url, &target, &same, &down);
  if (err) {
    lull_mem_free(target);
    return err;
  }
  lull_request_settle(r);
  return go_to(r, target, same || cross_origin);
}

enum lull_err lull_redirect_apply(struct lull_request *r, int status,
                                  const char *location)
{
  char *target = NULL;
  bool same = false, down = false;
  enum lull_err err = find_target(r, location, &target, &same, &down);
  if (!err && down)
    err = LULL_EINVAL;
  if (!err && becomes_get(status, r->method)) {
    lull_request_settle(r); /* the way back would be to do it twice */
    err = to_get(r);
  } else if (!err) {
    err = remember_home(r);
  }
  if (err) {
    lull_mem_free(target);
    return err;
  }
  return go_to(r, target, same);
}

bool lull_redirect_to_itself(const struct lull_request *r, int status,
                             const char *location)
{
  char *target = NULL;
  bool same = false, down = false;
  bool itself = find_target(r, location, &target, &same, &down) == LULL_OK &&
                strcmp(target, r->url) == 0 && !becomes_get(status, r->method);
  lull_mem_free(target);
  return itself;
}

/* Secrets that the script has set since go before those of old. */
static enum lull_err take_up_secrets(struct lull_request *r)
{
  const char *name, *value;
  size_t at = 0;
  enum lull_err err = LULL_OK;
  while (!err && lull_headers_next(&r->home->secrets, &at, &name, &value))
    if (!lull_headers_get(&r->secrets, name, 0))
      err = lull_headers_copy(&r->secrets, name, value);
  return err;
}

enum lull_err lull_redirect_back(struct lull_request *r)
{
  char *url;
  enum lull_err err = LULL_OK;
  if (!r->home)
    return LULL_OK;
  url = lull_mem_copy(r->home->url, strlen(r->home->url));
  if (!url)
    return LULL_ENOMEM;
  err = take_up_secrets(r);
  if (err) {
    lull_mem_free(url);
    return err;
  }
  lull_mem_free(r->url);
  r->url = url;
  r->foreign = r->home->foreign;
  lull_request_settle(r);
  return LULL_OK;
}
