/*
 * transfer_tls: whether TLS said that an answer has ended.
 *
 * One of which nobody tells the length ends with its connection, and anybody
 * on the way can end that. TLS can tell it apart: a server that has said all
 * says close_notify first (RFC 9112, section 9.8). OpenSSL takes its absence
 * for an error, but libcurl before 8 asks it not to; its words tell of each
 * alert that comes, of OpenSSL's.
 */
#include "http/url.h"
#include "world/transfer.h"

#include <stdio.h>
#include <string.h>

/* "TLSv1.3 (IN), TLS alert, close notify (256):" */
void lull_transfer_hear_tls(struct lull_transfer *t, const char *line,
                            size_t len)
{
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)(len < 63 ? len : 63), line);
  if (!strstr(text, "(IN), TLS "))
    return;
  t->sockets->tells_alerts = true;
  t->notified = t->notified || strstr(text, "alert, close notify") != NULL;
}

/* By the connection's end, and by nothing else. */
static bool ends_by_close(const struct lull_transfer *t)
{
  const struct lull_attempt *a = t->attempt;
  curl_off_t length = 0;
  long version = 0;
  curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
  return length < 0 && version < CURL_HTTP_VERSION_2_0 &&
         a->response.status != 204 && a->response.status != 304 &&
         strcmp(a->request->method, "HEAD") != 0 &&
         !lull_headers_get(&a->response.headers, "transfer-encoding", 0);
}

bool lull_transfer_ends_open(const struct lull_transfer *t)
{
  return lull_url_is_tls(t->attempt->request->url) && !t->notified &&
         t->sockets->tells_alerts && ends_by_close(t);
}
