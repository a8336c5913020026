#include "base/buf.h"

#include <string.h>

void lull_buf_init(struct lull_buf *buf, size_t max)
{
  *buf = (struct lull_buf){.max = max};
}

void lull_buf_clear(struct lull_buf *buf)
{
  lull_mem_free(buf->data);
  lull_buf_init(buf, buf->max);
}

/* The next capacity that holds `need` bytes: doubled, never above max. */
static size_t capacity(const struct lull_buf *buf, size_t need)
{
  size_t cap = buf->cap < 128 ? 128 : buf->cap;
  while (cap < need)
    cap = cap > SIZE_MAX / 2 ? need : cap * 2;
  return cap > buf->max ? buf->max : cap;
}

enum lull_err lull_buf_add(struct lull_buf *buf, const void *bytes, size_t len)
{
  if (len > buf->max - buf->len)
    return LULL_ELIMIT;
  if (len == 0)
    return LULL_OK;
  if (buf->len + len > buf->cap) {
    size_t cap = capacity(buf, buf->len + len);
    char *data = lull_mem_grow(buf->data, cap);
    if (!data)
      return LULL_ENOMEM;
    buf->data = data;
    buf->cap = cap;
  }
  memcpy(buf->data + buf->len, bytes, len);
  buf->len += len;
  return LULL_OK;
}

void lull_buf_trim(struct lull_buf *buf)
{
  char *data;
  if (buf->len == 0) {
    lull_buf_clear(buf);
    return;
  }
  data = lull_mem_grow(buf->data, buf->len);
  if (!data)
    return; /* the larger block still serves */
  buf->data = data;
  buf->cap = buf->len;
}
