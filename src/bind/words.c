#include "bind/words.h"
#include "hint/hint.h"
#include "lane/lane.h"
#include "policy/reason.h"

int lull_bind_classes(lua_State *L)
{
  int i;
  lua_newtable(L);
  for (i = 1; i < LULL_CLASSES; i++) {
    lua_pushstring(L, lull_class_text((enum lull_class)i));
    lua_setfield(L, -2, lull_class_name((enum lull_class)i));
  }
  return 1;
}

static void add_word(lua_State *L, const char *word)
{
  lua_pushstring(L, word);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
}

int lull_bind_words(lua_State *L)
{
  int i;
  lua_newtable(L);
  lua_newtable(L);
  for (i = LULL_WHY_NONE + 1; i < LULL_WHYS; i++)
    add_word(L, lull_why_name((enum lull_why)i));
  lua_setfield(L, -2, "why");
  lua_newtable(L);
  for (i = LULL_SOURCE_NONE + 1; i < LULL_SOURCES; i++)
    add_word(L, lull_source_name((enum lull_source)i));
  lua_setfield(L, -2, "source");
  lua_newtable(L);
  for (i = LULL_HINT_NONE + 1; i < LULL_HINT_SOURCES; i++)
    add_word(L, lull_hint_source_name((enum lull_hint_source)i));
  lua_setfield(L, -2, "hint");
  lua_newtable(L);
  for (i = 0; i < LULL_CAUSES; i++)
    add_word(L, lull_ticket_cause_name((enum lull_lane_cause)i));
  lua_setfield(L, -2, "cause");
  return 1;
}
