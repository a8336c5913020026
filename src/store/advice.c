#include "store/advice.h"

#include <stddef.h>
#include <string.h>

static const char damaged[] = "; the file is damaged, go on with a copy of it";
static const char full[] = "; make room there, and run it again";
static const char broken[] =
    "; see what is wrong with the disk, or which limit files have, and run it "
    "again";
static const char closed[] =
    "; a journal's file and its folder have to be writable";

static const struct {
  const char *words, *advice;
} known[] = {
    {"malformed", damaged},         {"not a database", damaged},
    {"disk is full", full},         {"No space left", full},
    {"quota exceeded", full},       {"I/O error", broken},
    {"Input/output error", broken}, {"File too large", broken},
    {"readonly database", closed},  {"Read-only file system", closed},
    {"Permission denied", closed},  {"unable to open database", closed},
};

const char *lull_store_advice(const char *words)
{
  size_t i;
  for (i = 0; i < sizeof known / sizeof *known; i++)
    if (strstr(words, known[i].words))
      return known[i].advice;
  return "";
}
