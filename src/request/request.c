#define _POSIX_C_SOURCE 200809L
#include "request/request.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const common[] = {
    "", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", NULL};

void lull_request_init(struct lull_request *r)
{
  *r = (struct lull_request){.method = common[0]};
  lull_headers_init(&r->headers);
  lull_headers_init(&r->secrets);
}

static void drop_method(struct lull_request *r)
{
  const char *const *at = common;
  while (*at && *at != r->method)
    at++;
  if (!*at)
    lull_mem_free((void *)r->method);
  r->method = common[0];
}

void lull_request_settle(struct lull_request *r)
{
  if (r->home)
    lull_headers_clear(&r->home->secrets);
  lull_mem_free(r->home);
  r->home = NULL;
}

void lull_request_clear(struct lull_request *r)
{
  drop_method(r);
  lull_request_settle(r);
  lull_mem_free(r->url);
  lull_output_free(r->output);
  lull_headers_clear(&r->headers);
  lull_headers_clear(&r->secrets);
  lull_mem_free(r->body);
  lull_request_init(r);
}

enum lull_err lull_request_method(struct lull_request *r, const char *method)
{
  const char *const *at = common;
  if (!lull_method_valid(method))
    return LULL_EINVAL;
  while (*at && strcmp(*at, method) != 0)
    at++;
  drop_method(r);
  r->method = *at ? *at : lull_mem_copy(method, strlen(method));
  if (r->method)
    return LULL_OK;
  r->method = common[0];
  return LULL_ENOMEM;
}

/* Size and time of a readable regular file. */
static enum lull_err look(const char *path, int64_t *len, int64_t *modified)
{
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || access(path, R_OK) != 0)
    return LULL_EIO;
  *len = (int64_t)st.st_size;
  *modified = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
  return LULL_OK;
}

enum lull_err lull_body_bytes(struct lull_body **body, const char *bytes,
                              size_t len)
{
  struct lull_body *b = lull_mem_alloc(sizeof *b + len);
  *body = b;
  if (!b)
    return LULL_ENOMEM;
  *b = (struct lull_body){.len = (int64_t)len};
  memcpy(b->text, bytes, len);
  return LULL_OK;
}

enum lull_err lull_body_file(struct lull_body **body, const char *path)
{
  int64_t len, modified;
  enum lull_err err = look(path, &len, &modified);
  *body = NULL;
  if (!err)
    err = lull_body_bytes(body, path, strlen(path) + 1);
  if (!err)
    **body = (struct lull_body){true, len, modified};
  return err;
}

enum lull_err lull_body_check(const struct lull_body *body)
{
  int64_t len, modified;
  enum lull_err err;
  if (!body || !body->file)
    return LULL_OK;
  err = look(body->text, &len, &modified);
  if (!err && (len != body->len || modified != body->modified))
    err = LULL_ECHANGED;
  return err;
}

bool lull_request_at_home(const struct lull_request *r)
{
  return !r->foreign && !r->away;
}

/* Adds the fields of `from` that neither `r` nor `all` names already. */
static enum lull_err inherit(struct lull_headers *all,
                             const struct lull_headers *from,
                             const struct lull_request *r)
{
  const char *name, *value;
  size_t at = 0;
  enum lull_err err = LULL_OK;
  while (!err && lull_headers_next(from, &at, &name, &value)) {
    if (lull_headers_get(&r->headers, name, 0) ||
        lull_headers_get(&r->secrets, name, 0) || !*value)
      continue;
    if (strcasecmp(name, "host") == 0 && !lull_request_at_home(r))
      continue;
    err = lull_headers_copy(all, name, value);
  }
  return err;
}

static enum lull_err copy(struct lull_headers *all,
                          const struct lull_headers *from)
{
  const char *name, *value;
  size_t at = 0;
  enum lull_err err = LULL_OK;
  while (!err && lull_headers_next(from, &at, &name, &value))
    if (*value)
      err = lull_headers_copy(all, name, value);
  return err;
}

enum lull_err lull_request_headers(const struct lull_request *r,
                                   const struct lull_client *c,
                                   struct lull_headers *all)
{
  enum lull_err err = copy(all, &r->headers);
  if (!err)
    err = copy(all, &r->secrets);
  if (!err)
    err = inherit(all, &c->headers, r);
  if (!err && lull_request_at_home(r))
    err = inherit(all, &c->secrets, r);
  return err;
}

bool lull_request_names(const struct lull_request *r,
                        const struct lull_client *c, const char *name)
{
  return lull_headers_get(&r->headers, name, 0) ||
         lull_headers_get(&r->secrets, name, 0) ||
         lull_headers_get(&c->headers, name, 0) ||
         lull_headers_get(&c->secrets, name, 0);
}

const char *lull_request_value(const struct lull_request *r,
                               const struct lull_client *c, const char *name)
{
  const struct lull_headers *const lists[] = {&r->headers, &r->secrets,
                                              &c->headers, &c->secrets};
  size_t i, count = lull_request_at_home(r) ? 4 : 3;
  const char *value = NULL;
  for (i = 0; i < count && !value; i++)
    value = lull_headers_get(lists[i], name, 0);
  return value && *value ? value : NULL;
}

enum lull_err lull_request_override(struct lull_headers *headers,
                                    const char *raw, size_t len)
{
  struct lull_headers merged, fields;
  const char *name, *value;
  size_t at = 0;
  enum lull_err err;
  lull_headers_init(&merged);
  lull_headers_init(&fields);
  err = lull_headers_add_raw(&fields, LULL_REQUEST_HEADERS_MAX, raw, len);
  while (!err && lull_headers_next(headers, &at, &name, &value))
    if (!lull_headers_get(&fields, name, 0))
      err = lull_headers_copy(&merged, name, value);
  if (!err)
    err = lull_headers_add_raw(&merged, LULL_REQUEST_HEADERS_MAX, raw, len);
  lull_headers_clear(&fields);
  if (err) {
    lull_headers_clear(&merged);
    return err;
  }
  lull_headers_clear(headers);
  *headers = merged;
  return LULL_OK;
}

enum lull_err lull_request_suppress(struct lull_request *r, const char *name)
{
  char raw[64];
  size_t len = strlen(name);
  enum lull_err err;
  if (len + 2 > sizeof raw)
    return LULL_EINVAL;
  memcpy(raw, name, len + 1);
  raw[len + 1] = '\0';
  err = lull_request_override(&r->headers, raw, len + 2);
  return err == LULL_ENOMEM ? err : LULL_OK;
}
