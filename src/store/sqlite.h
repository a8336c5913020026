/*
 * sqlite: SQLite's functions, loaded when a journal is first named: a run
 * without one costs nothing, and lull works where SQLite is not installed.
 *
 * Only store's own files use it. Here stands, too, what a journal is known by.
 */
#ifndef LULL_STORE_SQLITE_H
#define LULL_STORE_SQLITE_H

#if defined(__has_include)
#if __has_include(<sqlite3.h>)
#define LULL_STORE_SQLITE 1
#include <sqlite3.h>
#endif
#endif

#define LULL_SQLITE_MISSING                                                   \
  "a journal needs SQLite: install libsqlite3 (Debian: libsqlite3-0)"
#define LULL_SQLITE_LEFT_OUT                                                  \
  "this lull was built without SQLite: install its headers "                  \
  "(Debian: libsqlite3-dev) and build it anew"

/* A journal's application_id, "lull", and the user_version of its tables. */
#define LULL_JOURNAL_ID 0x6c756c6c
#define LULL_JOURNAL_VERSION 2
#define LULL_JOURNAL_NEWER "it is a journal of a newer lull; use that one"

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
