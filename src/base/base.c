#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static long live;
static long fail_in = -1;

lull_usec lull_usec_add(lull_usec a, lull_usec b)
{
  if (b > 0 && a > LULL_NEVER - b)
    return LULL_NEVER;
  if (b < 0 && a < INT64_MIN - b)
    return INT64_MIN;
  return a + b;
}

char *lull_base_put(char *to, uint64_t value, int bytes)
{
  for (; bytes > 0; bytes--, value >>= 8)
    *to++ = (char)(value & 0xff);
  return to;
}

lull_usec lull_usec_from(double seconds)
{
  double us = seconds * 1e6, near = nearbyint(us);
  /* 22.2 s is 22200000 us, although 22.2 * 1e6 is a trifle more. */
  us = fabs(us - near) <= near * 1e-12 ? near : ceil(us);
  if (!(us > 0))
    return 0;
  if (us >= 9.2e18)
    return LULL_NEVER;
  return (lull_usec)us;
}

double lull_usec_to(lull_usec t)
{
  return t == LULL_NEVER ? HUGE_VAL : (double)t / 1e6;
}

static const char *const texts[LULL_ERRS] = {
    [LULL_OK] = "ok",
    [LULL_ENOMEM] = "out of memory",
    [LULL_ELIMIT] = "larger than its limit",
    [LULL_EINVAL] = "invalid argument",
    [LULL_EIO] = "cannot read or write the file",
    [LULL_ECHANGED] = "the file changed since the first attempt",
    [LULL_ESTALE] = "no such call",
    [LULL_EWORLD] = "the transport could not be set up",
    [LULL_EFILES] = "too many open files",
};

const char *lull_err_text(enum lull_err err)
{
  return (unsigned)err < LULL_ERRS ? texts[err] : "unknown error";
}

/* True when a test wants this allocation to fail. */
static bool refused(void)
{
  if (fail_in < 0)
    return false;
  if (fail_in == 0)
    return true;
  fail_in--;
  return false;
}

void *lull_mem_grow(void *old, size_t size)
{
  void *block = refused() ? NULL : realloc(old, size ? size : 1);
  if (block && !old)
    live++;
  return block;
}

void *lull_mem_alloc(size_t size)
{
  return lull_mem_grow(NULL, size);
}

void *lull_mem_zero(size_t size)
{
  void *block = lull_mem_alloc(size);
  return block ? memset(block, 0, size) : NULL;
}

void lull_mem_free(void *block)
{
  if (block)
    live--;
  free(block);
}

char *lull_mem_copy(const char *bytes, size_t len)
{
  char *copy = lull_mem_alloc(len + 1);
  if (!copy)
    return NULL;
  memcpy(copy, bytes, len);
  copy[len] = '\0';
  return copy;
}

long lull_mem_live(void)
{
  return live;
}

void lull_mem_fail(long n)
{
  fail_in = n;
}
