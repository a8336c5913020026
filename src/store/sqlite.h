/*
 * sqlite: SQLite's functions, loaded when a journal is first named: a run
 * without one costs nothing, and lull works where SQLite is not installed.
 *
 * Only store's own files use it.
 */
#ifndef LULL_STORE_SQLITE_H
#define LULL_STORE_SQLITE_H

#if defined(__has_include)
#if __has_include(<sqlite3.h>)
#define LULL_STORE_SQLITE 1
#include <sqlite3.h>
#endif
#endif

#ifdef LULL_STORE_SQLITE

struct lull_sqlite {
  int (*open)(const char *, sqlite3 **, int, const char *);
  int (*close)(sqlite3 *);
  int (*exec)(sqlite3 *, const char *, int (*)(void *, int, char **, char **),
              void *, char **);
  int (*prepare)(sqlite3 *, const char *, int, unsigned, sqlite3_stmt **,
                 const char **);
  int (*step)(sqlite3_stmt *);
  int (*reset)(sqlite3_stmt *);
  int (*finalize)(sqlite3_stmt *);
  int (*bind_int)(sqlite3_stmt *, int, sqlite3_int64);
  int (*bind_text)(sqlite3_stmt *, int, const char *, int, void (*)(void *));
  int (*bind_blob)(sqlite3_stmt *, int, const void *, int, void (*)(void *));
  sqlite3_int64 (*column_int)(sqlite3_stmt *, int);
  const void *(*column_blob)(sqlite3_stmt *, int);
  int (*column_bytes)(sqlite3_stmt *, int);
  const char *(*message)(sqlite3 *);
  int (*busy)(sqlite3 *, int);
  const char *(*version)(void);
};

/* NULL when SQLite cannot be loaded. */
const struct lull_sqlite *lull_sqlite(void);

#endif
#endif
