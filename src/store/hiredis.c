#include "store/hiredis.h"

#if defined(LULL_STORE_REDIS) && defined(LULL_SINGLE)

/* It is in the one file. */
const struct lull_hiredis *lull_hiredis(void)
{
  static const struct lull_hiredis api = {redisConnectWithTimeout,
                                          redisConnectUnixWithTimeout,
                                          redisSetTimeout,
                                          redisCommandArgv,
                                          redisFree,
                                          freeReplyObject};
  return &api;
}

#elif defined(LULL_STORE_REDIS)

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char *const files[] = {
    "libhiredis.so." TEXT(HIREDIS_SONAME),
    "libhiredis." TEXT(HIREDIS_SONAME) ".dylib", NULL};

/* In the order of the struct's fields. */
static const char *const names[] = {"redisConnectWithTimeout",
                                    "redisConnectUnixWithTimeout",
                                    "redisSetTimeout",
                                    "redisCommandArgv",
                                    "redisFree",
                                    "freeReplyObject"};

#define COUNT (sizeof names / sizeof *names)

_Static_assert(sizeof(struct lull_hiredis) == COUNT * sizeof(void *),
               "a name for each function");

static void *open_library(void)
{
  void *library = NULL;
  size_t i;
  for (i = 0; files[i] && !library; i++)
    library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

/* POSIX has functions in pointers to data; ISO C copies their bytes. */
static bool load(struct lull_hiredis *api, void *library)
{
  size_t i;
  for (i = 0; i < COUNT; i++) {
    void *function = dlsym(library, names[i]);
    if (!function)
      return false;
    memcpy((char *)api + i * sizeof function, &function, sizeof function);
  }
  return true;
}

const struct lull_hiredis *lull_hiredis(void)
{
  static struct lull_hiredis api;
  static bool loaded;
  void *library;
  if (!loaded && (library = open_library()) != NULL)
    loaded = load(&api, library);
  return loaded ? &api : NULL;
}

#else

typedef int lull_hiredis_is_not_there; /* no file may be empty */

#endif
