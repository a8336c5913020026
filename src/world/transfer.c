#define _POSIX_C_SOURCE 200809L
#include "world/transfer.h"
#include "world/proxy.h"

#include "world/coding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- what libcurl calls ------------------------------------------------ */

/* libcurl refuses a body whose coding it does not know; told in time to
   decode nothing, it hands it over. */
static void choose_decoding(struct lull_transfer *t)
{
  const struct lull_headers *h = &t->attempt->response.headers;
  const char *coding;
  unsigned n = 0;
  while (!t->undecoded &&
         (coding = lull_headers_get(h, "content-encoding", n++)))
    t->undecoded = !lull_coding_known(coding);
  if (t->undecoded)
    curl_easy_setopt(t->easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
}

/* An empty line: the answer is the final one, or a 1xx before it. */
static void end_head(struct lull_transfer *t)
{
  long status = 0;
  t->in_head = false;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200)
    return;
  t->headers_ended = true;
  choose_decoding(t);
  lull_attempt_head(t->attempt, (int)status, t->world->ops->now(t->world));
}

/* A head begins with its status line, whatever the names of the fields below
   it; what comes after the final one are trailers, and those are not headers.
 */
static size_t take_header(char *line, size_t size, size_t count, void *user)
{
  struct lull_transfer *t = user;
  struct lull_attempt *a = t->attempt;
  size_t len = size * count;
  a->answered = true;
  if (t->headers_ended)
    return len;
  if (!t->in_head) {
    lull_headers_clear(&a->response.headers);
    a->arrived = t->world->ops->wall(t->world);
    t->in_head = true;
    return len;
  }
  if (*line == '\r' || *line == '\n') {
    end_head(t);
    return len;
  }
  t->failed = lull_headers_add_line(&a->response.headers,
                                    a->client->max_headers, line, len);
  return t->failed ? 0 : len;
}

static enum lull_err body_begins(struct lull_transfer *t)
{
  t->body_started = true;
  return lull_attempt_body_begins(t->attempt, t->attempt->response.status);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
  struct lull_transfer *t = user;
  size_t len = size * count;
  curl_off_t received = 0;
  t->attempt->answered = true;
  if (!t->body_started)
    t->failed = body_begins(t);
  if (t->attempt->response.sink.fd >= 0)
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
  if (!t->failed)
    t->failed = lull_attempt_body(t->attempt, bytes, len, (uint64_t)received);
  return t->failed ? 0 : len;
}

static size_t give_body(char *bytes, size_t size, size_t count, void *user)
{
  struct lull_transfer *t = user;
  size_t want = size * count;
  ssize_t n;
  if ((int64_t)want > t->body_left)
    want = (size_t)t->body_left;
  do
    n = want ? read(t->body_fd, bytes, want) : 0;
  while (n < 0 && errno == EINTR);
  if (n < 0 || (n == 0 && want)) { /* unreadable, or shorter than it was */
    t->failed = n < 0 ? LULL_EIO : LULL_ECHANGED;
    return CURL_READFUNC_ABORT;
  }
  t->body_left -= n;
  return (size_t)n;
}

/*
 * Called each time libcurl is about to send the request. It sends by itself
 * a second time when a reused connection dies without an answer, whatever
 * the method, although the server may have read the first; no option turns
 * that off. One attempt is one request on the wire: the second is refused.
 */
static int about_to_send(void *user, char *remote_ip, char *local_ip,
                         int remote_port, int local_port)
{
  struct lull_transfer *t = user;
  struct lull_attempt *a = t->attempt;
  (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
  if (t->sends++)
    return CURL_PREREQFUNC_ABORT;
  a->connected = true;
  if (a->leaving)
    a->leaving(a, t->world->ops->now(t->world));
  return CURL_PREREQFUNC_OK;
}

/* ---- options ----------------------------------------------------------- */

static void wipe(struct lull_transfer *t)
{
  curl_easy_reset(t->easy);
  curl_slist_free_all(t->headers);
  t->headers = NULL;
  t->plain_for = 0;
}

struct lull_transfer *lull_transfer_new(struct lull_world *world)
{
  struct lull_transfer *t = lull_mem_zero(sizeof *t);
  if (!t)
    return NULL;
  t->world = world;
  t->body_fd = -1;
  t->easy = curl_easy_init();
  if (!lull_target_init(&t->target) || !t->easy) {
    curl_easy_cleanup(t->easy);
    lull_target_clear(&t->target);
    lull_mem_free(t);
    return NULL;
  }
  return t;
}

void lull_transfer_free(struct lull_transfer *t)
{
  lull_transfer_unload(t);
  wipe(t);
  curl_easy_cleanup(t->easy);
  lull_target_clear(&t->target);
  lull_mem_free(t);
}

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

/* "identity" asks for none, and what a server sends all the same is still
   decoded; any other wish of the script's leaves the body as it comes. The
   header is ours: libcurl's own would be made anew for each request. */
static bool set_decoding(struct lull_transfer *t, const char *wish)
{
  const char *line = wish ? NULL : lull_coding_line();
  if (t->attempt->client->transport.encoded ||
      (wish && strcasecmp(wish, "identity") != 0))
    return true;
  curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, wish ? "identity" : "");
  return !line || append(&t->headers, line);
}

static enum lull_err load_headers(struct lull_transfer *t,
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
  if (ok)
    ok = set_decoding(t, lull_headers_get(all, "accept-encoding", 0));
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
  return ok ? LULL_OK : LULL_ENOMEM;
}

static enum lull_err open_body(struct lull_transfer *t,
                               const struct lull_body *body)
{
  enum lull_err err = lull_body_check(body);
  if (err)
    return err;
  t->body_fd = open(body->text, O_RDONLY | O_CLOEXEC);
  t->body_left = body->len;
  return t->body_fd < 0 ? LULL_EIO : LULL_OK;
}

static enum lull_err load_body(struct lull_transfer *t)
{
  const struct lull_request *r = t->attempt->request;
  const struct lull_body *body = r->body;
  bool head = strcmp(r->method, "HEAD") == 0;
  curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
  if (body && body->file) {
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
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

static bool is_tls(const char *url)
{
  return strncasecmp(url, "https:", 6) == 0;
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
                           const char *url)
{
  static const long versions[] = {
      [LULL_HTTP_ANY] = CURL_HTTP_VERSION_2TLS,
      [LULL_HTTP_1_1] = CURL_HTTP_VERSION_1_1,
      [LULL_HTTP_2] = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
  };
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, versions[how->http]);
  /* Rather share a connection that may turn out to be HTTP/2 than open one
     for each of a thousand calls. */
  if (how->http == LULL_HTTP_2 || (how->http == LULL_HTTP_ANY && is_tls(url)))
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  /* libcurl 7.88 sets HTTP/2 up a second time on a connection in the clear
     that is used again, and fails (curl#10634). */
  if (how->http == LULL_HTTP_2 && !is_tls(url)) {
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 0L);
  }
  if (how->ca)
    curl_easy_setopt(easy, CURLOPT_CAINFO, how->ca);
  if (how->proxy)
    curl_easy_setopt(easy, CURLOPT_PROXY, how->proxy);
  else if (!lull_proxy_named()) /* spares libcurl looking, each time */
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  if (how->insecure) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
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

static void load_callbacks(struct lull_transfer *t)
{
  CURL *easy = t->easy;
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
}

static void load_constants(struct lull_transfer *t)
{
  curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

/* A GET that adds nothing to what its client says: the next one differs in
   its URL alone, and setting all options anew costs a tenth of a request. */
static bool is_plain(const struct lull_attempt *a)
{
  const struct lull_request *r = a->request;
  return strcmp(r->method, "GET") == 0 && !r->body && !r->output &&
         lull_request_at_home(r) && lull_headers_count(&r->headers) == 0 &&
         lull_headers_count(&r->secrets) == 0 && a->stall == 0;
}

static enum lull_err load_all(struct lull_transfer *t, struct lull_attempt *a)
{
  struct lull_headers all;
  enum lull_err err;
  lull_headers_init(&all);
  load_constants(t);
  load_callbacks(t);
  load_stall(t);
  load_transport(t->easy, &a->client->transport, a->request->url);
  load_cert(t->easy, a);
  err = lull_attempt_headers(a, &all);
  if (!err)
    err = load_headers(t, &all);
  if (!err)
    err = load_body(t);
  lull_headers_clear(&all);
  return err;
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
                                 struct lull_attempt *a)
{
  bool plain = is_plain(a), tls = is_tls(a->request->url);
  bool ready =
      plain && t->plain_for == a->client->serial && t->plain_tls == tls;
  enum lull_err err;
  t->attempt = a;
  a->transfer = t;
  if (t->plain_for && !ready)
    wipe(t);
  err = lull_target_set(&t->target, t->easy, a->request->url);
  if (!err && !ready)
    err = check_proxy(a);
  if (ready)
    return err;
  if (!err)
    err = load_all(t, a);
  t->plain_for = plain && !err ? a->client->serial : 0;
  t->plain_tls = tls;
  return err;
}

void lull_transfer_unload(struct lull_transfer *t)
{
  if (t->body_fd >= 0)
    close(t->body_fd);
  if (t->undecoded) /* an option that the next one must not find set */
    t->plain_for = 0;
  if (!t->plain_for)
    wipe(t);
  if (t->attempt)
    t->attempt->transfer = NULL;
  t->attempt = NULL;
  t->body_fd = -1;
  t->body_left = t->moved = 0;
  t->sends = 0;
  t->in_head = t->headers_ended = t->body_started = false;
  t->undecoded = false;
  t->failed = LULL_OK;
  t->error[0] = '\0';
}
