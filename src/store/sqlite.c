#include "store/sqlite.h"

#if defined(LULL_STORE_SQLITE) && defined(LULL_SINGLE)

/* It is in the binary. */
const struct lull_sqlite *lull_sqlite(void)
{
  static const struct lull_sqlite api = {
      sqlite3_open_v2,      sqlite3_close_v2,     sqlite3_exec,
      sqlite3_prepare_v3,   sqlite3_step,         sqlite3_reset,
      sqlite3_finalize,     sqlite3_bind_int64,   sqlite3_bind_text,
      sqlite3_bind_blob,    sqlite3_column_int64, sqlite3_column_blob,
      sqlite3_column_bytes, sqlite3_errmsg,       sqlite3_busy_timeout,
      sqlite3_libversion};
  return &api;
}

#elif defined(LULL_STORE_SQLITE)

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const files[] = {"libsqlite3.so.0", "libsqlite3.so",
                                    "libsqlite3.dylib", NULL};

/* In the order of the struct's fields. */
static const char *const names[] = {
    "sqlite3_open_v2",      "sqlite3_close_v2",     "sqlite3_exec",
    "sqlite3_prepare_v3",   "sqlite3_step",         "sqlite3_reset",
    "sqlite3_finalize",     "sqlite3_bind_int64",   "sqlite3_bind_text",
    "sqlite3_bind_blob",    "sqlite3_column_int64", "sqlite3_column_blob",
    "sqlite3_column_bytes", "sqlite3_errmsg",       "sqlite3_busy_timeout",
    "sqlite3_libversion"};

#define COUNT (sizeof names / sizeof *names)

_Static_assert(sizeof(struct lull_sqlite) == COUNT * sizeof(void *),
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
static bool load(struct lull_sqlite *api, void *library)
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

const struct lull_sqlite *lull_sqlite(void)
{
  static struct lull_sqlite api;
  static bool loaded;
  void *library;
  if (!loaded && (library = open_library()) != NULL)
    loaded = load(&api, library);
  return loaded ? &api : NULL;
}

#else

typedef int lull_sqlite_is_not_there; /* no file may be empty */

#endif
