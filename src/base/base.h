/*
 * base: what every file of the core needs: the unit of time, the error
 * codes and the one allocator.
 *
 * Owns nothing but the allocator's test counters. Everyone may call it; it
 * calls nobody.
 */
#ifndef LULL_BASE_BASE_H
#define LULL_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A moment or a length of time, in microseconds. */
typedef int64_t lull_usec;

#define LULL_NEVER INT64_MAX
#define LULL_MSEC ((lull_usec)1000)
#define LULL_SEC ((lull_usec)1000000)

/* Sum of two times; stays at LULL_NEVER instead of overflowing. */
lull_usec lull_usec_add(lull_usec a, lull_usec b);

static inline lull_usec lull_usec_sooner(lull_usec a, lull_usec b)
{
  return a < b ? a : b;
}

static inline lull_usec lull_usec_later(lull_usec a, lull_usec b)
{
  return a > b ? a : b;
}

/* That many of the value's bytes, the lowest first; gives where they end. */
char *lull_base_put(char *to, uint64_t value, int bytes);

/* Seconds to microseconds, rounded up, so that no wait ends early. Negative
   and NaN give 0; what does not fit gives LULL_NEVER. */
lull_usec lull_usec_from(double seconds);

/* Microseconds to seconds; LULL_NEVER gives HUGE_VAL. */
double lull_usec_to(lull_usec t);

enum lull_err {
  LULL_OK = 0,
  LULL_ENOMEM,   /* out of memory */
  LULL_ELIMIT,   /* a bound given at the start was reached */
  LULL_EINVAL,   /* an argument makes no sense */
  LULL_EIO,      /* a file could not be read or written */
  LULL_ECHANGED, /* a file is not what it was at the first attempt */
  LULL_ESTALE,   /* no call has this id, or not in this state */
  LULL_EWORLD,   /* the transport could not be set up */
  LULL_EFILES,   /* no more files may be open at once */
  LULL_ERRS
};

/* One short lower-case text for an error; never NULL. */
const char *lull_err_text(enum lull_err err);

/* The allocator. `lull_mem_grow` is realloc; both return NULL when there is
   no memory, or when a test asked for it. Size 0 counts as 1. */
void *lull_mem_alloc(size_t size);
void *lull_mem_zero(size_t size);
void *lull_mem_grow(void *old, size_t size);
void lull_mem_free(void *block);
char *lull_mem_copy(const char *bytes, size_t len); /* adds a NUL */

/* For tests: the blocks that are live now; let the n-th allocation from now
   fail, and every one after it (negative: none). */
long lull_mem_live(void);
void lull_mem_fail(long n);

#endif
