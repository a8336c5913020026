/*
 * version: which version of a file an answer tells of, by its validators (RFC
 * 9110, 8.8) and its length.
 *
 * Owns its texts.
 */
#ifndef LULL_HTTP_VERSION_H
#define LULL_HTTP_VERSION_H

#include "base/base.h"

#include <stdint.h>

struct lull_version {
  char *etag;     /* as the answer had it, also a weak one; or NULL */
  char *modified; /* Last-Modified; or NULL */
  bool dated;     /* and that is a strong validator, RFC 9110 8.8.2.2 */
  uint64_t total; /* bytes of the whole file; 0: not told */
};

/* Copies the texts. LULL_ENOMEM. */
enum lull_err lull_version_set(struct lull_version *v, const char *etag,
                               const char *modified, bool dated,
                               uint64_t total);
void lull_version_clear(struct lull_version *v);

/* What may stand in If-Range (RFC 9110 13.1.5); NULL: nothing. Borrowed. */
const char *lull_version_validator(const struct lull_version *v);

/* False when both tell, and not the same. */
bool lull_version_agrees(const struct lull_version *a,
                         const struct lull_version *b);

#endif
