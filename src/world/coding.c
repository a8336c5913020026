#define _POSIX_C_SOURCE 200809L
#include "world/coding.h"

#include "hint/scan.h"

#include <curl/curl.h>
#include <string.h>

/* Asked once: libcurl puts its answer together each time, which takes as long
   as twenty of its options. */
static bool has(int feature)
{
  static _Atomic int known;
  if (!known)
    known = curl_version_info(CURLVERSION_NOW)->features;
  return known & feature;
}

/* What libcurl itself would ask for. */
const char *lull_coding_line(void)
{
  bool br = has(CURL_VERSION_BROTLI), zstd = has(CURL_VERSION_ZSTD);
  if (!has(CURL_VERSION_LIBZ))
    return NULL;
  if (br)
    return zstd ? "Accept-Encoding: deflate, gzip, br, zstd"
                : "Accept-Encoding: deflate, gzip, br";
  return zstd ? "Accept-Encoding: deflate, gzip, zstd"
              : "Accept-Encoding: deflate, gzip";
}

static bool one_known(struct lull_scan coding)
{
  static const struct {
    const char *name;
    int feature; /* 0: it is always there */
  } codings[] = {
      {"identity", 0},
      {"none", 0},
      {"gzip", CURL_VERSION_LIBZ},
      {"x-gzip", CURL_VERSION_LIBZ},
      {"deflate", CURL_VERSION_LIBZ},
      {"br", CURL_VERSION_BROTLI},
      {"zstd", CURL_VERSION_ZSTD},
  };
  size_t i;
  for (i = 0; i < sizeof codings / sizeof *codings; i++)
    if (lull_scan_same(coding, lull_scan_text(codings[i].name)))
      return !codings[i].feature || has(codings[i].feature);
  return lull_scan_done(&coding);
}

bool lull_coding_known(const char *content_encoding)
{
  const char *at = content_encoding, *comma;
  for (; (comma = strchr(at, ',')) != NULL; at = comma + 1)
    if (!one_known(lull_scan_trim(at, comma)))
      return false;
  return one_known(lull_scan_text(at));
}
