#define _POSIX_C_SOURCE 200809L
#include "http/http.h"

#include <string.h>
#include <strings.h>

struct lull_header_block {
  size_t len, cap;
  unsigned count;
  bool open; /* the line before was a field, which the next may go on with */
  char bytes[];
};

#define FIRST_CAP 480 /* of an answer's headers, mostly */

void lull_headers_init(struct lull_headers *h)
{
  *h = (struct lull_headers){0};
}

void lull_headers_clear(struct lull_headers *h)
{
  lull_mem_free(h->block);
  h->block = NULL;
}

unsigned lull_headers_count(const struct lull_headers *h)
{
  return h->block ? h->block->count : 0;
}

const char *lull_headers_raw(const struct lull_headers *h, size_t *len)
{
  *len = h->block ? h->block->len : 0;
  return h->block ? h->block->bytes : "";
}

/* Room for `len` more bytes. */
static enum lull_err reserve(struct lull_headers *h, size_t max, size_t len)
{
  struct lull_header_block *b = h->block;
  size_t used = b ? b->len : 0, cap = b ? b->cap : 0;
  if (len > max || used > max - len)
    return LULL_ELIMIT;
  if (used + len <= cap)
    return LULL_OK;
  cap = cap ? cap * 2 : FIRST_CAP;
  if (cap < used + len)
    cap = used + len;
  b = lull_mem_grow(b, sizeof *b + cap);
  if (!b)
    return LULL_ENOMEM;
  if (!h->block)
    *b = (struct lull_header_block){0};
  b->cap = cap;
  h->block = b;
  return LULL_OK;
}

static bool has_line_end(const char *s, size_t len)
{
  return memchr(s, '\r', len) || memchr(s, '\n', len) || memchr(s, 0, len);
}

static bool blank(char c)
{
  return c == ' ' || c == '\t';
}

static void put(struct lull_header_block *b, const char *text, size_t len)
{
  memcpy(b->bytes + b->len, text, len);
  b->bytes[b->len + len] = '\0';
  b->len += len + 1;
}

/* Name and value are known to have no line end. */
static enum lull_err append(struct lull_headers *h, size_t max,
                            const char *name, size_t name_len,
                            const char *value, size_t value_len)
{
  enum lull_err err;
  while (value_len && blank(*value))
    value++, value_len--;
  while (value_len && blank(value[value_len - 1]))
    value_len--;
  err = reserve(h, max, name_len + value_len + 2);
  if (err)
    return err;
  put(h->block, name, name_len);
  put(h->block, value, value_len);
  h->block->count++;
  return LULL_OK;
}

enum lull_err lull_headers_add(struct lull_headers *h, size_t max,
                               const char *name, size_t name_len,
                               const char *value, size_t value_len)
{
  if (name_len == 0 || has_line_end(name, name_len) ||
      has_line_end(value, value_len))
    return LULL_EINVAL;
  return append(h, max, name, name_len, value, value_len);
}

enum lull_err lull_headers_copy(struct lull_headers *h, const char *name,
                                const char *value)
{
  return lull_headers_add(h, SIZE_MAX, name, strlen(name), value,
                          strlen(value));
}

/* A folded line goes on with the value before it, one blank between if there
   is one (RFC 9112 section 5.2). */
static enum lull_err fold(struct lull_headers *h, size_t max, const char *line,
                          size_t len)
{
  enum lull_err err;
  while (len && blank(*line))
    line++, len--;
  while (len && blank(line[len - 1]))
    len--;
  if (len == 0)
    return LULL_OK;
  err = reserve(h, max, len + 1);
  if (err)
    return err;
  h->block->len--;
  if (h->block->bytes[h->block->len - 1] != '\0')
    h->block->bytes[h->block->len++] = ' ';
  put(h->block, line, len);
  return LULL_OK;
}

/* How long the name of the field is, 0 for a line that is none: RFC 9112
   section 5.1. */
static size_t field_name(const char *line, size_t len)
{
  const char *colon = memchr(line, ':', len);
  size_t name_len = colon ? (size_t)(colon - line) : 0;
  return memchr(line, ' ', name_len) || memchr(line, '\t', name_len)
             ? 0
             : name_len;
}

enum lull_err lull_headers_add_line(struct lull_headers *h, size_t max,
                                    const char *line, size_t len)
{
  bool open = h->block && h->block->open;
  size_t name_len;
  enum lull_err err = LULL_OK;
  while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
    len--;
  if (has_line_end(line, len))
    len = 0;
  if (len && blank(*line))
    return open ? fold(h, max, line, len) : LULL_OK;
  name_len = field_name(line, len);
  if (name_len)
    err = append(h, max, line, name_len, line + name_len + 1,
                 len - name_len - 1);
  if (h->block)
    h->block->open = name_len > 0 && !err;
  return err;
}

bool lull_headers_next(const struct lull_headers *h, size_t *at,
                       const char **name, const char **value)
{
  const struct lull_header_block *b = h->block;
  if (!b || *at >= b->len)
    return false;
  *name = b->bytes + *at;
  *at += strlen(*name) + 1;
  *value = b->bytes + *at;
  *at += strlen(*value) + 1;
  return true;
}

const char *lull_headers_get(const struct lull_headers *h, const char *name,
                             unsigned nth)
{
  const char *key, *value;
  size_t at = 0;
  while (lull_headers_next(h, &at, &key, &value))
    if (strcasecmp(key, name) == 0 && nth-- == 0)
      return value;
  return NULL;
}

enum lull_err lull_headers_add_raw(struct lull_headers *h, size_t max,
                                   const char *raw, size_t len)
{
  const char *end = raw + len;
  while (raw < end) {
    const char *name_end = memchr(raw, 0, (size_t)(end - raw));
    const char *value = name_end ? name_end + 1 : end;
    const char *value_end = memchr(value, 0, (size_t)(end - value));
    enum lull_err err;
    if (!value_end)
      return LULL_EINVAL;
    err = lull_headers_add(h, max, raw, (size_t)(name_end - raw), value,
                           (size_t)(value_end - value));
    if (err)
      return err;
    raw = value_end + 1;
  }
  return LULL_OK;
}

static bool among(const char *method, const char *const *list)
{
  for (; *list; list++)
    if (strcmp(method, *list) == 0)
      return true;
  return false;
}

bool lull_method_safe(const char *method)
{
  static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "TRACE", NULL};
  return among(method, safe);
}

bool lull_method_idempotent(const char *method)
{
  static const char *const more[] = {"PUT", "DELETE", NULL};
  return lull_method_safe(method) || among(method, more);
}

bool lull_method_valid(const char *method)
{
  const char *c = method;
  while ((*c >= 'A' && *c <= 'Z') || *c == '-' || *c == '_')
    c++;
  return c > method && !*c && strcmp(method, "CONNECT") != 0;
}

static const struct status_text {
  int status;
  const char *text;
} status_texts[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {425, "Too Early"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *lull_status_text(int status)
{
  size_t i;
  for (i = 0; i < sizeof status_texts / sizeof *status_texts; i++)
    if (status_texts[i].status == status)
      return status_texts[i].text;
  return "";
}
