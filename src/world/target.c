#include "world/target.h"

#include "http/prefix.h"

#include <string.h>

bool lull_target_init(struct lull_target *t)
{
  *t = (struct lull_target){.url = curl_url()};
  return t->url != NULL;
}

void lull_target_clear(struct lull_target *t)
{
  curl_url_cleanup(t->url);
  lull_mem_free(t->prefix);
}

static enum lull_err set_part(struct lull_target *t, CURLUPart what,
                              const char *text)
{
  CURLUcode code = curl_url_set(t->url, what, text, 0);
  if (code == CURLUE_OK)
    return LULL_OK;
  return code == CURLUE_OUT_OF_MEMORY ? LULL_ENOMEM : LULL_EINVAL;
}

/* A URL without a prefix is given as it is: libcurl 7.88 loses the zone of an
   address ("[fe80::1%25eth0]") when it copies a handle of URLs. */
static enum lull_err set_text(CURL *easy, const char *url)
{
  curl_easy_setopt(easy, CURLOPT_CURLU, NULL);
  return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK ? LULL_OK
                                                              : LULL_ENOMEM;
}

static enum lull_err set_whole(struct lull_target *t, CURL *easy,
                               const char *url)
{
  size_t len = lull_prefix_len(url);
  enum lull_err err;
  lull_mem_free(t->prefix);
  t->prefix = NULL;
  t->has_query = true; /* it may have one */
  if (!len)
    return set_text(easy, url);
  err = set_part(t, CURLUPART_URL, url);
  if (!err)
    t->prefix = lull_mem_copy(url, len);
  curl_easy_setopt(easy, CURLOPT_CURLU, t->url);
  return err;
}

/* A path without a query, as most are. */
static enum lull_err set_path(struct lull_target *t, const char *path)
{
  enum lull_err err = set_part(t, CURLUPART_PATH, path);
  if (err || !t->has_query)
    return err;
  err = set_part(t, CURLUPART_QUERY, NULL);
  t->has_query = err != LULL_OK;
  return err;
}

static enum lull_err set_query(struct lull_target *t, const char *rest,
                               const char *query)
{
  char *path = lull_mem_copy(rest, (size_t)(query - rest));
  enum lull_err err = path ? set_part(t, CURLUPART_PATH, path) : LULL_ENOMEM;
  lull_mem_free(path);
  t->has_query = true;
  return err ? err : set_part(t, CURLUPART_QUERY, query + 1);
}

/* Escapes are left to the parser of whole URLs: set apart they would be
   changed to lower case, under a signature, for instance. */
enum lull_err lull_target_set(struct lull_target *t, CURL *easy,
                              const char *url)
{
  const char *rest = t->prefix ? lull_prefix_rest(t->prefix, url) : NULL;
  const char *query;
  enum lull_err err;
  if (!rest || strchr(rest, '%'))
    return set_whole(t, easy, url);
  query = strchr(rest, '?');
  err = query ? set_query(t, rest, query) : set_path(t, rest);
  curl_easy_setopt(easy, CURLOPT_CURLU, t->url);
  return err;
}
