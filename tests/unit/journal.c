/*
 * A journal's file as SQL makes it, so that specs can have one of an older
 * version without a tool of SQLite's.
 */
#include "unit.h"

#include "store/sqlite.h"

/* exec(path, sql): runs the statements on the file, which is made if it is not
   there; an error is raised */
static int exec(lua_State *L)
{
  const struct lull_sqlite *api = lull_sqlite();
  const char *path = luaL_checkstring(L, 1), *sql = luaL_checkstring(L, 2);
  sqlite3 *db = NULL;
  int rc;
  if (!api)
    return luaL_error(L, LULL_SQLITE_MISSING);
  rc = api->open(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
  if (!rc)
    rc = api->exec(db, sql, NULL, NULL, NULL);
  lua_pushstring(L, rc ? api->message(db) : "");
  api->close(db);
  return rc ? lua_error(L) : 0;
}

void unit_journal(lua_State *L)
{
  static const luaL_Reg functions[] = {{"exec", exec}, {NULL, NULL}};
  unit_add(L, "journal", functions);
}
