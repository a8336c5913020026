/*
 * bind: the core as a Lua module, `lull.core`: engines and clients as
 * userdata, events as Lua values.
 *
 * The files of this folder are the only ones of the core that know Lua. They
 * keep no lua_State and no registry reference, and call no Lua function.
 * Whatever may raise is done before anything is allocated outside a userdata.
 * Upwards: type, read and write; the parts; engine; and here what is
 * registered.
 */
#include "bind/client.h"
#include "bind/engine.h"
#include "bind/event.h"
#include "bind/file.h"
#include "bind/fleet.h"
#include "bind/input.h"
#include "bind/journal.h"
#include "bind/packed.h"
#include "bind/relay.h"
#include "bind/start.h"
#include "bind/store.h"
#include "bind/words.h"
#include "http/url.h"

#include <string.h>

#ifndef LULL_EXPORT
#define LULL_EXPORT __attribute__((visibility("default")))
#endif

/* core.url(text) -> origin, path; or nil when it is no http(s) URL */
static int url(lua_State *L)
{
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  struct lull_url u;
  if (strlen(text) != len || lull_url_parse(text, &u) != LULL_OK)
    return 0;
  lua_pushstring(L, u.origin);
  lua_pushstring(L, u.path);
  lull_url_clear(&u);
  return 2;
}

static int push_owned(lua_State *L, char *text)
{
  if (!text)
    return 0;
  lua_pushstring(L, text);
  lull_mem_free(text);
  return 1;
}

static int url_resolve(lua_State *L)
{
  size_t len;
  const char *base = luaL_checkstring(L, 1);
  const char *location = luaL_checklstring(L, 2, &len);
  char *result;
  if (strlen(location) != len)
    return 0;
  lull_url_resolve(base, location, &result);
  return push_owned(L, result);
}

static int url_redact(lua_State *L)
{
  return push_owned(L, lull_url_redact(luaL_checkstring(L, 1)));
}

static int status_text(lua_State *L)
{
  lua_pushstring(L, lull_status_text((int)luaL_checknumber(L, 1)));
  return 1;
}

/* For tests: blocks of memory in use; let the n-th allocation fail. */
static int memory(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)lull_mem_live());
  return 1;
}

static int fail_after(lua_State *L)
{
  lull_mem_fail((long)luaL_checknumber(L, 1));
  return 0;
}

static int transport(lua_State *L)
{
  lua_pushstring(L, lull_transport_version());
  return 1;
}

LULL_EXPORT int luaopen_lull_core(lua_State *L);

int luaopen_lull_core(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"engine", lull_bind_engine},
      {"client", lull_bind_client},
      {"fetch", lull_bind_fetch},
      {"response", lull_bind_response},
      {"unpack", lull_bind_unpack},
      {"kept", lull_bind_kept},
      {"url", url},
      {"resolve", url_resolve},
      {"redact", url_redact},
      {"status_text", status_text},
      {"classes", lull_bind_classes},
      {"words", lull_bind_words},
      {"input", lull_bind_input},
      {"terminal", lull_bind_terminal},
      {"sha256", lull_bind_sha256},
      {"file_sha256", lull_bind_file_sha256},
      {"place", lull_bind_place},
      {"write", lull_bind_write},
      {"transport", transport},
      {"memory", memory},
      {"fail_after", fail_after},
      {"fleet", lull_bind_fleet},
      {"store", lull_bind_store},
      {"memory_store", lull_bind_memory_store},
      {"journal", lull_bind_journal},
      {"journal_holder", lull_bind_journal_holder},
      {NULL, NULL}};
  lull_bind_engine_type(L);
  lull_bind_client_type(L);
  lull_bind_fleet_type(L);
  lull_bind_store_type(L);
  lull_bind_relay_methods(L);
  lull_bind_journal_type(L);
  lua_newtable(L);
  lull_bind_functions(L, functions);
  lua_pushlightuserdata(L, NULL); /* what stands for null in JSON */
  lua_setfield(L, -2, "null");
  return 1;
}
