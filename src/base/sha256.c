#include "base/sha256.h"

#include <string.h>

/* FIPS 180-4, 4.2.2: the fractions of the cube roots of the first primes. */
static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void lull_sha256_init(struct lull_sha256 *sha)
{
  *sha = (struct lull_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                        0xa54ff53a, 0x510e527f, 0x9b05688c,
                                        0x1f83d9ab, 0x5be0cd19}};
}

static uint32_t right(uint32_t x, unsigned n)
{
  return x >> n | x << (32 - n);
}

/* 6.2.2, step 1. */
static void schedule(uint32_t w[64], const unsigned char *block)
{
  unsigned i;
  for (i = 0; i < 16; i++, block += 4)
    w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
           (uint32_t)block[2] << 8 | block[3];
  for (; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (right(a, 7) ^ right(a, 18) ^ a >> 3) +
           (right(b, 17) ^ right(b, 19) ^ b >> 10);
  }
}

/* 6.2.2, step 3, for one round. Instead of moving eight words along, each
   round names them anew: a to h of the standard are s[0] to s[7] in the first
   one, s[7] to s[6] in the second. */
static inline void turn(uint32_t s[8], unsigned n, uint32_t add)
{
  uint32_t a = s[(0 - n) & 7], b = s[(1 - n) & 7], c = s[(2 - n) & 7];
  uint32_t e = s[(4 - n) & 7], f = s[(5 - n) & 7], g = s[(6 - n) & 7];
  uint32_t t = s[(7 - n) & 7] + add + (g ^ (e & (f ^ g))) +
               (right(e, 6) ^ right(e, 11) ^ right(e, 25));
  s[(3 - n) & 7] += t;
  s[(7 - n) & 7] = t + ((a & b) | (c & (a | b))) +
                   (right(a, 2) ^ right(a, 13) ^ right(a, 22));
}

static void take(uint32_t state[8], const unsigned char *block)
{
  uint32_t w[64], s[8];
  unsigned i;
  schedule(w, block);
  memcpy(s, state, sizeof s);
  for (i = 0; i < 64; i += 8) {
    turn(s, 0, k[i] + w[i]);
    turn(s, 1, k[i + 1] + w[i + 1]);
    turn(s, 2, k[i + 2] + w[i + 2]);
    turn(s, 3, k[i + 3] + w[i + 3]);
    turn(s, 4, k[i + 4] + w[i + 4]);
    turn(s, 5, k[i + 5] + w[i + 5]);
    turn(s, 6, k[i + 6] + w[i + 6]);
    turn(s, 7, k[i + 7] + w[i + 7]);
  }
  for (i = 0; i < 8; i++)
    state[i] += s[i];
}

void lull_sha256_add(struct lull_sha256 *sha, const void *bytes, size_t len)
{
  const unsigned char *at = bytes;
  size_t have = (size_t)(sha->count % 64);
  sha->count += len;
  if (have && len >= 64 - have) {
    memcpy(sha->block + have, at, 64 - have);
    take(sha->state, sha->block);
    at += 64 - have;
    len -= 64 - have;
    have = 0;
  }
  for (; !have && len >= 64; at += 64, len -= 64)
    take(sha->state, at);
  if (len)
    memcpy(sha->block + have, at, len);
}

/* 5.1.1: a bit of one, zeros, and the length in bits. */
static void pad(struct lull_sha256 *sha)
{
  static const unsigned char fill[64] = {0x80};
  unsigned char length[8];
  uint64_t bits = sha->count * 8;
  unsigned i;
  for (i = 0; i < 8; i++)
    length[i] = (unsigned char)(bits >> (56 - 8 * i));
  lull_sha256_add(sha, fill, 1 + (size_t)((119 - sha->count % 64) % 64));
  lull_sha256_add(sha, length, sizeof length);
}

void lull_sha256_hex(const struct lull_sha256 *sha,
                     char hex[LULL_SHA256_HEX + 1])
{
  static const char digits[] = "0123456789abcdef";
  struct lull_sha256 end = *sha;
  size_t i;
  pad(&end);
  for (i = 0; i < LULL_SHA256_SIZE; i++) {
    uint32_t byte = end.state[i / 4] >> (24 - 8 * (i % 4)) & 0xff;
    hex[2 * i] = digits[byte >> 4];
    hex[2 * i + 1] = digits[byte & 15];
  }
  hex[2 * i] = '\0';
}
