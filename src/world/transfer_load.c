/*
 * transfer_load: the options of a transfer's handle, made of its attempt.
 */
#define _POSIX_C_SOURCE 200809L
#include "http/files.h"
#include "http/url.h"
#include "world/coding.h"
#include "world/proxy.h"
#include "world/transfer.h"
#include "world/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* libcurl takes "Name;" for a header with no value and "Name:" for one not
   to be sent. */
static bool append(struct curl_slist **list, const char *line)
{
  struct curl_slist *longer = curl_slist_append(*list, line);
  if (longer)
    *list = longer;
  return longer != NULL;
}

static bool append_field(struct curl_slist **list, const char *name,
                         const char *value)
{
  size_t size = strlen(name) + strlen(value) + 3;
  char *line = lull_mem_alloc(size);
  bool ok = line != NULL;
  if (ok) {
    snprintf(line, size, "%s: %s", name, value);
    ok = append(list, line);
  }
  lull_mem_free(line);
  return ok;
}

/* A header that libcurl would add by itself: not wanted, unless the script
   names it. */
static bool suppress(struct lull_transfer *t, const struct lull_headers *all,
                     const char *name, const char *line)
{
  return lull_headers_get(all, name, 0) || append(&t->headers, line);
}

static bool sends_body(const struct lull_request *r)
{
  return r->body || strcmp(r->method, "POST") == 0 ||
         strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0;
}

/* libcurl is asked to decode nothing. */
static bool choose_coding(struct lull_transfer *t, const char *wish)
{
  const char *line = wish ? NULL : lull_coding_line();
  t->decodes = lull_attempt_decodes(t->attempt, wish);
  return !t->decodes || !line || append(&t->headers, line);
}

/* Who sends "close" sends no more on that connection (RFC 9112, 9.6). */
static bool asks_close(const struct lull_headers *all)
{
  const char *value;
  unsigned n = 0;
  while ((value = lull_headers_get(all, "connection", n++)) != NULL) {
    for (; *value; value += strcspn(value, ",")) {
      value += strspn(value, ", \t");
      if (strncasecmp(value, "close", 5) == 0 && strcspn(value, ", \t") == 5)
        return true;
    }
  }
  return false;
}

static bool list_headers(struct lull_transfer *t,
                         const struct lull_headers *all)
{
  const struct lull_attempt *a = t->attempt;
  const char *name, *value;
  size_t at = 0;
  bool ok = true;
  while (ok && lull_headers_next(all, &at, &name, &value))
    ok = append_field(&t->headers, name, value);
  if (ok && sends_body(a->request))
    ok = suppress(t, all, "expect", "Expect:") &&
         suppress(t, all, "content-type", "Content-Type:");
  if (ok && lull_request_names(a->request, a->client, "accept"))
    ok = suppress(t, all, "accept", "Accept:");
  t->closes = asks_close(all);
  return ok && choose_coding(t, lull_headers_get(all, "accept-encoding", 0));
}

static enum lull_err make_headers(struct lull_transfer *t)
{
  struct lull_headers all;
  enum lull_err err;
  lull_headers_init(&all);
  err = lull_attempt_headers(t->attempt, &all);
  if (!err && !list_headers(t, &all))
    err = LULL_ENOMEM;
  lull_headers_clear(&all);
  return err;
}

/* `listed`: the list is there, of an earlier request. */
static enum lull_err load_headers(struct lull_transfer *t, bool listed)
{
  enum lull_err err = listed ? LULL_OK : make_headers(t);
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
  if (t->closes)
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
  return err;
}

static enum lull_err open_body(struct lull_transfer *t,
                               const struct lull_body *body)
{
  enum lull_err err = lull_body_check(body);
  if (err)
    return err;
  t->body_fd = open(body->text, O_RDONLY | O_CLOEXEC);
  t->body_left = body->len;
  if (t->body_fd >= 0)
    return LULL_OK;
  return lull_files_lacking(errno) ? LULL_EFILES : LULL_EIO;
}

static enum lull_err load_body(struct lull_transfer *t)
{
  const struct lull_request *r = t->attempt->request;
  const struct lull_body *body = r->body;
  bool head = strcmp(r->method, "HEAD") == 0;
  curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
  if (body && body->file) {
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->len);
  } else if (sends_body(r)) {
    curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)(body ? body->len : 0));
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, body ? body->text : "");
  } else if (head) {
    curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
  }
  if (!head)
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
  return body && body->file ? open_body(t, body) : LULL_OK;
}

/* The client's own certificate: for its origin, or that of the call which
   brought it. */
static void load_cert(CURL *easy, const struct lull_attempt *a)
{
  const struct lull_transport *how = &a->client->transport;
  if (a->request->foreign || (a->request->away && !a->client->cert_of_call))
    return;
  if (how->cert)
    curl_easy_setopt(easy, CURLOPT_SSLCERT, how->cert);
  if (how->cert_key)
    curl_easy_setopt(easy, CURLOPT_SSLKEY, how->cert_key);
}

static void load_transport(CURL *easy, const struct lull_transport *how,
                           const char *url, bool old)
{
  static const long versions[] = {
      [LULL_HTTP_ANY] = CURL_HTTP_VERSION_2TLS,
      [LULL_HTTP_1_1] = CURL_HTTP_VERSION_1_1,
      [LULL_HTTP_2] = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
  };
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   old ? CURL_HTTP_VERSION_1_1 : versions[how->http]);
  /* Rather share a connection that may turn out to be HTTP/2 than open one
     for each of a thousand calls. */
  if (how->http == LULL_HTTP_2 ||
      (how->http == LULL_HTTP_ANY && lull_url_is_tls(url)))
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  /* libcurl 7.88 sets HTTP/2 up a second time on a connection in the clear
     that is used again, and fails (curl#10634). */
  if (how->http == LULL_HTTP_2 && !lull_url_is_tls(url)) {
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 0L);
  }
  if (how->ca)
    curl_easy_setopt(easy, CURLOPT_CAINFO, how->ca);
  if (how->insecure) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

/* True when there may be a proxy. */
static bool load_proxy(CURL *easy, const char *proxy)
{
  bool any = proxy || lull_proxy_named();
  if (proxy)
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
  else if (!any) /* spares libcurl looking, each time */
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  return any;
}

/* What is read when neither a client nor libcurl knows where it stands. */
static void load_trust(CURL *easy, const struct lull_transport *how)
{
  const char *file = lull_trust_elsewhere();
  if (file && !how->ca)
    curl_easy_setopt(easy, CURLOPT_CAINFO, file);
  if (file)
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, file);
}

static void load_tls(struct lull_transfer *t)
{
  load_trust(t->easy, &t->attempt->client->transport);
  if (t->once)
    curl_easy_setopt(t->easy, CURLOPT_SHARE,
                     lull_sockets_sessions(t->sockets));
}

/* Called at each step of a transfer to or from a file: a byte moved. */
static int note_progress(void *user, curl_off_t down_all, curl_off_t down,
                         curl_off_t up_all, curl_off_t up)
{
  struct lull_transfer *t = user;
  (void)down_all, (void)up_all;
  if (t->attempt && down + up != t->moved) {
    t->moved = down + up;
    t->attempt->moved = t->world->ops->now(t->world);
  }
  return 0;
}

static void load_stall(struct lull_transfer *t)
{
  if (t->attempt->stall <= 0)
    return;
  curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, note_progress);
  curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
  curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
}

/* libcurl's words cost a little: only where HTTP/2 may be spoken, or TLS. */
static void load_watch(struct lull_transfer *t)
{
  const struct lull_attempt *a = t->attempt;
  if (!lull_url_is_tls(a->request->url) &&
      (a->old || (int)a->client->transport.http != LULL_HTTP_2))
    return;
  curl_easy_setopt(t->easy, CURLOPT_DEBUGFUNCTION, lull_transfer_watch);
  curl_easy_setopt(t->easy, CURLOPT_DEBUGDATA, t);
  curl_easy_setopt(t->easy, CURLOPT_VERBOSE, 1L);
}

static void load_constants(struct lull_transfer *t)
{
  curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
}

/* Of several addresses libcurl gives each half of the time that is left for
   connecting, so it has to know it: five minutes otherwise. The engine's own
   timer comes first. */
static void load_patience(struct lull_transfer *t)
{
  const lull_usec later = 100 * LULL_MSEC;
  lull_usec left = t->attempt->patience;
  long ms = left == LULL_NEVER ? 0 : (long)((left + later) / LULL_MSEC);
  if (ms == t->patience)
    return;
  t->patience = ms;
  curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, ms);
}

/* A GET that adds nothing to what its client says: the next one differs in
   its URL alone, and setting all options anew costs a tenth of a request. */
static bool is_plain(const struct lull_attempt *a)
{
  const struct lull_request *r = a->request;
  return !a->old && strcmp(r->method, "GET") == 0 && !r->body && !r->output &&
         lull_request_at_home(r) && lull_headers_count(&r->headers) == 0 &&
         lull_headers_count(&r->secrets) == 0 && a->stall == 0;
}

static enum lull_err load_all(struct lull_transfer *t, struct lull_attempt *a,
                              bool listed)
{
  enum lull_err err;
  load_constants(t);
  lull_transfer_listen(t);
  lull_transfer_guard(t);
  load_stall(t);
  load_transport(t->easy, &a->client->transport, a->request->url, a->old);
  load_watch(t);
  load_cert(t->easy, a);
  t->records =
      load_proxy(t->easy, a->client->transport.proxy) ||
      lull_url_is_tls(a->request->url); /* a proxy's own may be, too */
  if (t->records)
    load_tls(t);
  err = load_headers(t, listed);
  return err ? err : load_body(t);
}

static enum lull_err check_proxy(struct lull_attempt *a)
{
  const char *proxy = a->client->transport.proxy;
  if (!proxy || !*proxy || lull_proxy_usable(proxy))
    return LULL_OK;
  snprintf(a->detail, sizeof a->detail, "%s", LULL_PROXY_PROBLEM);
  return LULL_EINVAL;
}

enum lull_err lull_transfer_load(struct lull_transfer *t,
                                 struct lull_attempt *a, bool fresh)
{
  bool plain = is_plain(a) && !fresh, tls = lull_url_is_tls(a->request->url);
  bool same =
      plain && t->plain_for == a->client->serial && t->plain_tls == tls;
  bool ready = same && t->easy;
  enum lull_err err;
  t->attempt = a;
  t->lacked = t->sockets->lacked;
  t->fresh = fresh;
  a->transfer = t;
  if (t->plain_for && !same)
    lull_transfer_wipe(t);
  if (!t->easy && (t->easy = curl_easy_init()) == NULL)
    return LULL_ENOMEM;
  err = lull_target_set(&t->target, t->easy, a->request->url);
  if (!err && !ready)
    err = check_proxy(a);
  if (!err)
    load_patience(t);
  if (ready)
    return err;
  if (!err)
    err = load_all(t, a, same);
  if (fresh)
    curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
  t->plain_for = plain && !err ? a->client->serial : 0;
  t->plain_tls = tls;
  return err;
}
