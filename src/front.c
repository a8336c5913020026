#include "front.h"

#include <string.h>

size_t lull_front_len(const char *url)
{
  const char *host = strstr(url, "://");
  size_t len = host ? (size_t)(host - url) + 3 : 0;
  len += strcspn(url + len, "/?#");
  return host && !memchr(url, '@', len) && !memchr(url, '\\', len) ? len : 0;
}

/* What a path may have without being changed by a parser of URLs. */
static bool plain(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || (c && strchr("-_~!$&'()*+,;=:@%/?", c));
}

const char *lull_front_rest(const char *front, const char *url)
{
  size_t len = strlen(front);
  const char *rest = url + len, *at;
  if (strncmp(url, front, len) != 0 || *rest != '/')
    return NULL;
  for (at = rest; *at; at++)
    if (!plain(*at) && (*at != '.' || at[-1] == '/'))
      return NULL; /* a dot is plain, but not where it names a folder */
  return rest;
}
