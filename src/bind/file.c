#include "bind/file.h"
#include "bind/write.h"
#include "http/output.h"

#include <stdio.h>
#include <string.h>

int lull_bind_sha256(lua_State *L)
{
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  char hex[LULL_SHA256_HEX + 1];
  struct lull_sha256 sha;
  lull_sha256_init(&sha);
  lull_sha256_add(&sha, bytes, len);
  lull_sha256_hex(&sha, hex);
  lua_pushstring(L, hex);
  return 1;
}

int lull_bind_file_sha256(lua_State *L)
{
  char bytes[1 << 15], hex[LULL_SHA256_HEX + 1];
  FILE *file = fopen(luaL_checkstring(L, 1), "rb");
  struct lull_sha256 sha;
  bool whole;
  size_t n;
  if (!file)
    return 0;
  lull_sha256_init(&sha);
  do {
    n = fread(bytes, 1, sizeof bytes, file);
    lull_sha256_add(&sha, bytes, n);
  } while (!feof(file) && !ferror(file));
  whole = !ferror(file);
  fclose(file);
  lull_sha256_hex(&sha, hex);
  lua_pushstring(L, hex);
  return whole ? 1 : 0;
}

int lull_bind_place(lua_State *L)
{
  static const char *const kinds[] = {
      [LULL_PLACE_FILE] = "file",
      [LULL_PLACE_NULL] = "null",
      [LULL_PLACE_STREAM] = "stream",
      [LULL_PLACE_DESCRIPTOR] = "descriptor",
  };
  struct lull_place place;
  int err = lull_place_find(&place, luaL_checkstring(L, 1));
  bool made = place.kind == LULL_PLACE_FILE && !place.there;
  const char *kind = made ? "new" : kinds[place.kind];
  lull_place_clear(&place);
  if (!err) {
    lua_pushstring(L, kind);
    return 1;
  }
  return lull_bind_problem(L, strerror(err));
}

static enum lull_err put(const char *path, const char *bytes, size_t len,
                         char **problem)
{
  struct lull_output *o;
  enum lull_err err = lull_output_new(&o, path, problem);
  if (err)
    return err;
  err = lull_output_put(o, bytes, len);
  *problem = o->problem;
  o->problem = NULL;
  lull_output_free(o);
  return err;
}

int lull_bind_write(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  char *problem = NULL;
  enum lull_err err = put(path, bytes, len, &problem);
  if (!err) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, problem ? problem : lull_err_text(err));
  lull_mem_free(problem);
  return 2;
}
