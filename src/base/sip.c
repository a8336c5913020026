#include "base/sip.h"

static uint64_t turn(uint64_t x, int by)
{
  return x << by | x >> (64 - by);
}

static void rounds(uint64_t v[4], int n)
{
  while (n-- > 0) {
    v[0] += v[1];
    v[1] = turn(v[1], 13) ^ v[0];
    v[0] = turn(v[0], 32);
    v[2] += v[3];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turn(v[1], 17) ^ v[2];
    v[2] = turn(v[2], 32);
  }
}

/* Up to eight bytes, the first the lowest. */
static uint64_t word(const unsigned char *p, size_t len)
{
  uint64_t w = 0;
  while (len > 0)
    w = w << 8 | p[--len];
  return w;
}

static void take(uint64_t v[4], uint64_t w)
{
  v[3] ^= w;
  rounds(v, 2);
  v[0] ^= w;
}

uint64_t lull_sip(const uint64_t key[2], const void *bytes, size_t len)
{
  const unsigned char *p = bytes;
  uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575),
                   key[1] ^ UINT64_C(0x646f72616e646f6d),
                   key[0] ^ UINT64_C(0x6c7967656e657261),
                   key[1] ^ UINT64_C(0x7465646279746573)};
  size_t left = len;
  for (; left >= 8; left -= 8, p += 8)
    take(v, word(p, 8));
  take(v, word(p, left) | (uint64_t)len << 56);
  v[2] ^= 0xff;
  rounds(v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
