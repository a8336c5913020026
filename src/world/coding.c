#define _POSIX_C_SOURCE 200809L
#include "world/coding.h"

#include "hint/scan.h"

#include <string.h>

const char *lull_coding_line(void)
{
  bool br, zstd;
  if (!lull_codec_there(LULL_CODEC_GZIP))
    return NULL;
  br = lull_codec_there(LULL_CODEC_BR);
  zstd = lull_codec_there(LULL_CODEC_ZSTD);
  if (br)
    return zstd ? "Accept-Encoding: deflate, gzip, br, zstd"
                : "Accept-Encoding: deflate, gzip, br";
  return zstd ? "Accept-Encoding: deflate, gzip, zstd"
              : "Accept-Encoding: deflate, gzip";
}

/* None at all: an empty name, and two that say so. */
static bool is_plain(struct lull_scan name)
{
  return lull_scan_done(&name) ||
         lull_scan_same(name, lull_scan_text("identity")) ||
         lull_scan_same(name, lull_scan_text("none"));
}

static bool add(struct lull_codings *codings, struct lull_scan name)
{
  static const struct {
    const char *name;
    enum lull_codec_name codec;
  } all[] = {{"gzip", LULL_CODEC_GZIP},
             {"x-gzip", LULL_CODEC_GZIP},
             {"deflate", LULL_CODEC_DEFLATE},
             {"br", LULL_CODEC_BR},
             {"zstd", LULL_CODEC_ZSTD}};
  size_t i;
  if (is_plain(name))
    return true;
  for (i = 0; i < sizeof all / sizeof *all; i++)
    if (lull_scan_same(name, lull_scan_text(all[i].name))) {
      if (codings->count == LULL_CODINGS || !lull_codec_there(all[i].codec))
        return false;
      codings->list[codings->count++] = all[i].codec;
      return true;
    }
  return false;
}

bool lull_coding_read(struct lull_codings *codings,
                      const char *content_encoding)
{
  const char *at = content_encoding, *comma;
  for (; (comma = strchr(at, ',')) != NULL; at = comma + 1)
    if (!add(codings, lull_scan_trim(at, comma)))
      return false;
  return add(codings, lull_scan_text(at));
}

bool lull_coding_known(const char *content_encoding)
{
  struct lull_codings codings = {.count = 0};
  return lull_coding_read(&codings, content_encoding);
}
