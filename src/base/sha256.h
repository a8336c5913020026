/*
 * sha256: SHA-256 (FIPS 180-4) of bytes that come in pieces.
 *
 * A plain value, without memory of its own: may be copied to go on from where
 * it stands.
 */
#ifndef LULL_BASE_SHA256_H
#define LULL_BASE_SHA256_H

#include "base/base.h"

#include <stdint.h>

#define LULL_SHA256_SIZE 32
#define LULL_SHA256_HEX (2 * LULL_SHA256_SIZE)

struct lull_sha256 {
  uint32_t state[8];
  uint64_t count; /* bytes so far */
  unsigned char block[64];
};

void lull_sha256_init(struct lull_sha256 *sha);
void lull_sha256_add(struct lull_sha256 *sha, const void *bytes, size_t len);

/* The sum as lower-case hexadecimal digits with a NUL. `sha` stays as it is,
   and may go on. */
void lull_sha256_hex(const struct lull_sha256 *sha,
                     char hex[LULL_SHA256_HEX + 1]);

#endif
