/*
 * embed: run at build time, writes embedded.c: lull's own Lua files,
 * compiled by the very Lua that the binary is built with. It begins twice as
 * fast as with their text, and messages keep their line numbers.
 *
 *   embed src/lull.lua src/lull/json.lua ... NAME.lua=FILE > embedded.c
 *
 * A file of others is embedded under a name of lull's.
 */
#include "binary/strip.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

static void print_bytes(const unsigned char *bytes, size_t len)
{
  size_t i;
  for (i = 0; i < len; i++)
    printf("%u,%s", (unsigned)bytes[i], (i + 1) % 20 ? "" : "\n");
}

/* The function on top of the stack, as short as it can be. */
static void print_chunk(lua_State *L)
{
  const char *whole;
  unsigned char *stripped;
  size_t whole_len, len;
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "dump");
  lua_pushvalue(L, -3);
  lua_call(L, 1, 1);
  whole = lua_tolstring(L, -1, &whole_len);
  len = whole_len;
  stripped = lua_newuserdata(L, len);
  memcpy(stripped, whole, len);
  if (lull_strip(stripped, &len))
    print_bytes(stripped, len);
  else
    print_bytes((const unsigned char *)whole, whole_len);
}

/* "src/lull/json.lua" is "@lull/json.lua" in messages. */
static void chunk_name(const char *word, char *chunk, size_t size)
{
  const char *name = strncmp(word, "src/", 4) == 0 ? word + 4 : word;
  snprintf(chunk, size, "@%.*s", (int)strcspn(name, "="), name);
}

/* And "lull.json" for require. */
static void print_module(const char *chunk)
{
  const char *c;
  for (c = chunk + 1; *c && strcmp(c, ".lua") != 0; c++)
    putchar(*c == '/' ? '.' : *c);
}

static int read_all(lua_State *L, const char *path)
{
  luaL_Buffer b;
  FILE *file = fopen(path, "rb");
  size_t n;
  if (!file)
    return luaL_error(L, "cannot open %s", path);
  luaL_buffinit(L, &b);
  do {
    n = fread(luaL_prepbuffer(&b), 1, LUAL_BUFFERSIZE, file);
    luaL_addsize(&b, n);
  } while (!feof(file) && !ferror(file));
  fclose(file);
  luaL_pushresult(&b);
  return 1;
}

static void embed(lua_State *L, const char *word, int index)
{
  const char *file = strchr(word, '='), *text;
  char chunk[256];
  size_t len;
  chunk_name(word, chunk, sizeof chunk);
  read_all(L, file ? file + 1 : word);
  text = lua_tolstring(L, -1, &len);
  if (luaL_loadbuffer(L, text, len, chunk) != 0)
    lua_error(L);
  printf("static const unsigned char m%d[] = {\n", index);
  print_chunk(L);
  printf("};\n");
  lua_settop(L, 1);
}

static int embed_all(lua_State *L)
{
  char **argv = lua_touserdata(L, 1);
  int i, n = 0;
  printf("#include \"binary/embedded.h\"\n");
  for (i = 1; argv[i]; i++)
    embed(L, argv[i], i);
  printf("const struct embedded embedded[] = {\n");
  for (i = 1; argv[i]; i++, n++) {
    char chunk[256];
    chunk_name(argv[i], chunk, sizeof chunk);
    printf("{\"");
    print_module(chunk);
    printf("\", \"%s\", m%d, sizeof m%d},\n", chunk, i, i);
  }
  printf("};\nconst size_t embedded_count = %d;\n", n);
  return 0;
}

int main(int argc, char **argv)
{
  lua_State *L = luaL_newstate();
  int failed;
  (void)argc;
  if (!L)
    return 1;
  luaL_openlibs(L);
  lua_pushcfunction(L, embed_all);
  lua_pushlightuserdata(L, argv);
  failed = lua_pcall(L, 1, 0, 0);
  if (failed)
    fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed || fflush(stdout) || ferror(stdout);
}
