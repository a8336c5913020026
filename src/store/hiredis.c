#include "store/hiredis.h"

#if defined(LULL_STORE_REDIS) && defined(LULL_SINGLE)

/* It is in the one file. */
const struct lull_hiredis *lull_hiredis(void)
{
  static const struct lull_hiredis api = {
      redisConnectWithTimeout, redisConnectUnixWithTimeout,
      redisSetTimeout,         redisCommandArgv,
      redisReaderFeed,         redisBufferRead,
      redisGetReplyFromReader, redisFree,
      freeReplyObject};
  return &api;
}

#elif defined(LULL_STORE_REDIS)

#include "base/library.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char *const files[] = {
    "libhiredis.so." TEXT(HIREDIS_SONAME),
    "libhiredis." TEXT(HIREDIS_SONAME) ".dylib", NULL};

/* In the order of the struct's fields. */
static const char *const names[] = {
    "redisConnectWithTimeout", "redisConnectUnixWithTimeout",
    "redisSetTimeout",         "redisCommandArgv",
    "redisReaderFeed",         "redisBufferRead",
    "redisGetReplyFromReader", "redisFree",
    "freeReplyObject"};

#define COUNT (sizeof names / sizeof *names)

_Static_assert(sizeof(struct lull_hiredis) == COUNT * sizeof(void *),
               "a name for each function");

const struct lull_hiredis *lull_hiredis(void)
{
  static struct lull_hiredis api;
  static bool loaded;
  if (!loaded)
    loaded = lull_library_load(files, names, COUNT, &api);
  return loaded ? &api : NULL;
}

#else

typedef int lull_hiredis_is_not_there; /* no file may be empty */

#endif
