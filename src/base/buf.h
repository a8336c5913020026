/*
 * buf: bytes that grow up to a maximum given at the start.
 *
 * Owns its bytes. Embedded in its owner: init, then clear. Never grows past
 * `max`, so that no server can make lull use more memory than was allowed.
 */
#ifndef LULL_BASE_BUF_H
#define LULL_BASE_BUF_H

#include "base/base.h"

struct lull_buf {
  char *data; /* NULL while empty; not NUL-terminated */
  size_t len;
  size_t cap;
  size_t max;
};

void lull_buf_init(struct lull_buf *buf, size_t max);
void lull_buf_clear(struct lull_buf *buf); /* frees; may be used again */

/* Appends `len` bytes. LULL_ELIMIT past `max`, LULL_ENOMEM; on an error
   nothing was appended. */
enum lull_err lull_buf_add(struct lull_buf *buf, const void *bytes,
                           size_t len);

/* Gives back the memory beyond `len`. */
void lull_buf_trim(struct lull_buf *buf);

#endif
