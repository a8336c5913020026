/*
 * sip: a keyed hash of bytes: SipHash-2-4 (Aumasson and Bernstein, 2012).
 *
 * Pure. Who does not know the key cannot tell what was hashed.
 */
#ifndef LULL_BASE_SIP_H
#define LULL_BASE_SIP_H

#include <stddef.h>
#include <stdint.h>

uint64_t lull_sip(const uint64_t key[2], const void *bytes, size_t len);

#endif
