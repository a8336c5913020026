#include "world/proxy.h"

#include <curl/curl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

extern char **environ;

static bool has_scheme(CURLU *handle)
{
  static const char *const known[] = {"http",    "https",  "socks4",
                                      "socks4a", "socks5", "socks5h"};
  char *scheme = NULL;
  bool found = false;
  size_t i;
  if (curl_url_get(handle, CURLUPART_SCHEME, &scheme, CURLU_DEFAULT_SCHEME) ==
      CURLUE_OK)
    for (i = 0; i < sizeof known / sizeof *known; i++)
      found = found || strcasecmp(scheme, known[i]) == 0;
  curl_free(scheme);
  return found;
}

static bool has_at(CURLU *handle, CURLUPart what)
{
  char *text = NULL;
  bool found = curl_url_get(handle, what, &text, 0) == CURLUE_OK &&
               strchr(text, '@') != NULL;
  curl_free(text);
  return found;
}

bool lull_proxy_usable(const char *url)
{
  CURLU *handle = curl_url();
  /* Without memory libcurl will say so itself. */
  bool usable = !handle ||
                (curl_url_set(handle, CURLUPART_URL, url,
                              CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) ==
                     CURLUE_OK &&
                 has_scheme(handle) && !has_at(handle, CURLUPART_PATH) &&
                 !has_at(handle, CURLUPART_QUERY) &&
                 !has_at(handle, CURLUPART_FRAGMENT));
  curl_url_cleanup(handle);
  return usable;
}

/* The value of a variable whose name ends in _proxy, in whatever case, and is
   not no_proxy; NULL for others. */
static const char *proxy_of(const char *variable)
{
  static const char end[] = "_proxy";
  const char *equals = strchr(variable, '=');
  size_t len = equals ? (size_t)(equals - variable) : 0;
  size_t tail = sizeof end - 1;
  if (len < tail || (variable[len - 1] | 32) != 'y' ||
      strncasecmp(variable + len - tail, end, tail) != 0 ||
      strncasecmp(variable, "no_proxy=", 9) == 0)
    return NULL;
  return variable + len + 1;
}

static bool any_named(void)
{
  char **at;
  for (at = environ; at && *at; at++)
    if (proxy_of(*at))
      return true;
  return false;
}

/* Where the variables are: another one, or another value, is elsewhere. */
static uintptr_t places_of_variables(void)
{
  uintptr_t sum = (uintptr_t)environ;
  char **at;
  for (at = environ; at && *at; at++)
    sum = sum * 31 + (uintptr_t)*at;
  return sum;
}

/* Looked for anew only when a variable has changed: there may be many. */
bool lull_proxy_named(void)
{
  static _Atomic uintptr_t known; /* the places, and in the last bit: found */
  uintptr_t places = places_of_variables() << 1;
  uintptr_t last = known;
  if ((last & ~(uintptr_t)1) != places || !last) {
    last = places | any_named();
    known = last;
  }
  return last & 1;
}

bool lull_proxy_named_usable(void)
{
  char **at;
  for (at = environ; at && *at; at++) {
    const char *url = proxy_of(*at);
    if (url && *url && !lull_proxy_usable(url))
      return false;
  }
  return true;
}
