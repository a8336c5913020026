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

#include "base/library.h"

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

const struct lull_sqlite *lull_sqlite(void)
{
  static struct lull_sqlite api;
  static bool loaded;
  if (!loaded)
    loaded = lull_library_load(files, names, COUNT, &api);
  return loaded ? &api : NULL;
}

#else

typedef int lull_sqlite_is_not_there; /* no file may be empty */

#endif
