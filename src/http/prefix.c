#include "http/prefix.h"

#include <string.h>

size_t lull_prefix_len(const char *url)
{
  size_t scheme = strcspn(url, ":/?#"), host, i;
  if (strncmp(url + scheme, "://", 3) != 0)
    return 0; /* "http:/host" is one, too, for libcurl */
  url += scheme + 3;
  host = strcspn(url, "/?#");
  for (i = 0; i < host; i++)
    if (strchr("@\\%", url[i]))
      return 0;
  return host ? scheme + 3 + host : 0;
}

/* What a path may have without being changed by a parser of URLs. In ASCII '/'
   stands before the digits, and '?' and '@' before the capitals. */
static bool plain(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '/' && c <= '9') ||
         (c >= '?' && c <= 'Z') || (c && strchr("-_~!$&'()*+,;=:%", c));
}

const char *lull_prefix_rest(const char *prefix, const char *url)
{
  size_t len = strlen(prefix);
  const char *rest = url + len, *at;
  if (strncmp(url, prefix, len) != 0 || *rest != '/')
    return NULL;
  for (at = rest; *at; at++)
    if (!plain(*at) && (*at != '.' || at[-1] == '/'))
      return NULL; /* a dot is plain, but not where it names a folder */
  return rest;
}
