#include "http/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool lull_url_is_tls(const char *url)
{
  return strncasecmp(url, "https:", 6) == 0;
}

static enum lull_err error_of(CURLUcode code)
{
  if (code == CURLUE_OK)
    return LULL_OK;
  return code == CURLUE_OUT_OF_MEMORY ? LULL_ENOMEM : LULL_EINVAL;
}

/* One part of a URL as memory of our own. */
static enum lull_err part(CURLU *handle, CURLUPart what, unsigned flags,
                          char **copy)
{
  char *text = NULL;
  enum lull_err err = error_of(curl_url_get(handle, what, &text, flags));
  *copy = NULL;
  if (!err) {
    *copy = lull_mem_copy(text, strlen(text));
    err = *copy ? LULL_OK : LULL_ENOMEM;
  }
  curl_free(text);
  return err;
}

static bool web(CURLU *handle)
{
  char *scheme = NULL;
  bool yes = curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
             (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
  curl_free(scheme);
  return yes;
}

static enum lull_err drop(CURLU *handle, CURLUPart what)
{
  return error_of(curl_url_set(handle, what, NULL, 0));
}

/* "https://host:port": the URL with all else taken away. */
static enum lull_err origin(CURLU *handle, char **copy)
{
  static const CURLUPart others[] = {CURLUPART_USER,    CURLUPART_PASSWORD,
                                     CURLUPART_OPTIONS, CURLUPART_PATH,
                                     CURLUPART_QUERY,   CURLUPART_FRAGMENT};
  enum lull_err err = LULL_OK;
  size_t i;
  for (i = 0; !err && i < sizeof others / sizeof *others; i++)
    err = drop(handle, others[i]);
  if (!err)
    err = part(handle, CURLUPART_URL, CURLU_NO_DEFAULT_PORT, copy);
  if (!err && (i = strlen(*copy)) > 0 && (*copy)[i - 1] == '/')
    (*copy)[i - 1] = '\0';
  for (i = 0; !err && (*copy)[i]; i++)
    if ((*copy)[i] >= 'A' && (*copy)[i] <= 'Z')
      (*copy)[i] = (char)((*copy)[i] - 'A' + 'a');
  return err;
}

static enum lull_err path_and_query(CURLU *handle, char **copy)
{
  char *path = NULL, *query = NULL;
  enum lull_err err = part(handle, CURLUPART_PATH, 0, &path);
  size_t len;
  *copy = NULL;
  if (err)
    return err;
  if (part(handle, CURLUPART_QUERY, 0, &query) == LULL_ENOMEM) {
    lull_mem_free(path);
    return LULL_ENOMEM;
  }
  len = strlen(path) + (query ? strlen(query) : 0) + 2;
  *copy = lull_mem_alloc(len);
  if (*copy)
    snprintf(*copy, len, "%s%s%s", path, query ? "?" : "", query ? query : "");
  lull_mem_free(path);
  lull_mem_free(query);
  return *copy ? LULL_OK : LULL_ENOMEM;
}

enum lull_err lull_url_parse(const char *text, struct lull_url *url)
{
  CURLU *handle = curl_url();
  enum lull_err err;
  *url = (struct lull_url){0};
  if (!handle)
    return LULL_ENOMEM;
  err = error_of(curl_url_set(handle, CURLUPART_URL, text, 0));
  if (!err && !web(handle))
    err = LULL_EINVAL;
  if (!err)
    err = path_and_query(handle, &url->path);
  if (!err)
    err = origin(handle, &url->origin);
  curl_url_cleanup(handle);
  if (err)
    lull_url_clear(url);
  return err;
}

void lull_url_clear(struct lull_url *url)
{
  lull_mem_free(url->origin);
  lull_mem_free(url->path);
  *url = (struct lull_url){0};
}

enum lull_err lull_url_resolve(const char *base, const char *location,
                               char **result)
{
  CURLU *handle = curl_url();
  enum lull_err err;
  *result = NULL;
  if (!handle)
    return LULL_ENOMEM;
  err = error_of(curl_url_set(handle, CURLUPART_URL, base, 0));
  if (!err)
    err = error_of(
        curl_url_set(handle, CURLUPART_URL, location, CURLU_URLENCODE));
  if (!err && !web(handle))
    err = LULL_EINVAL;
  if (!err)
    err = drop(handle, CURLUPART_FRAGMENT);
  if (!err)
    err = part(handle, CURLUPART_URL, 0, result);
  curl_url_cleanup(handle);
  return err;
}

/* Sets a part of one URL to what it is in another, if it is there. */
static enum lull_err lend(CURLU *from, CURLU *to, CURLUPart what)
{
  char *text = NULL;
  enum lull_err err = LULL_OK;
  if (curl_url_get(from, what, &text, 0) == CURLUE_OK)
    err = error_of(curl_url_set(to, what, text, 0));
  curl_free(text);
  return err;
}

static bool names_user(CURLU *handle)
{
  char *user = NULL;
  bool named = curl_url_get(handle, CURLUPART_USER, &user, 0) == CURLUE_OK;
  curl_free(user);
  return named;
}

static enum lull_err lend_user(CURLU *from, CURLU *to, char **url)
{
  char *longer;
  enum lull_err err = lend(from, to, CURLUPART_USER);
  if (!err)
    err = lend(from, to, CURLUPART_PASSWORD);
  if (!err)
    err = part(to, CURLUPART_URL, 0, &longer);
  if (err)
    return err;
  lull_mem_free(*url);
  *url = longer;
  return LULL_OK;
}

enum lull_err lull_url_lend_user(const char *from, char **url)
{
  CURLU *giver, *taker;
  enum lull_err err;
  if (!strchr(from, '@')) /* spares most of them all that follows */
    return LULL_OK;
  giver = curl_url();
  taker = curl_url();
  err = giver && taker ? LULL_OK : LULL_ENOMEM;
  if (!err)
    err = error_of(curl_url_set(giver, CURLUPART_URL, from, 0));
  if (!err)
    err = error_of(curl_url_set(taker, CURLUPART_URL, *url, 0));
  if (!err && names_user(giver) && !names_user(taker))
    err = lend_user(giver, taker, url);
  curl_url_cleanup(giver);
  curl_url_cleanup(taker);
  return err;
}

char *lull_url_redact(const char *text)
{
  CURLU *handle = curl_url();
  char *copy = NULL;
  if (handle && curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK) {
    drop(handle, CURLUPART_USER);
    drop(handle, CURLUPART_PASSWORD);
    part(handle, CURLUPART_URL, 0, &copy);
  }
  curl_url_cleanup(handle);
  return copy ? copy : lull_mem_copy(text, strlen(text));
}
