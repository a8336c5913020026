/*
 * transfer_end: what the end of a transfer means as an outcome.
 */
#include "world/proxy.h"
#include "world/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void lull_transfer_evidence(struct lull_transfer *t)
{
  t->attempt->sent = lull_transfer_sent(t);
}

static enum lull_class refused_connect(CURL *easy)
{
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  if (number == ETIMEDOUT)
    return LULL_NET_TIMEOUT_CONNECT;
  return number == ECONNREFUSED ? LULL_NET_REFUSED : LULL_NET_UNREACHABLE;
}

/* A callback of ours, or the operating system, refused a byte. */
static enum lull_class local_fault(const struct lull_transfer *t)
{
  if (t->failed == LULL_EINVAL) /* a part that was not asked for */
    return LULL_HTTP_MALFORMED;
  if (t->failed == LULL_ELIMIT)
    return t->body_started ? LULL_LIMIT_BODY : LULL_LIMIT_HEADERS;
  return t->failed == LULL_ENOMEM ? LULL_LOCAL_MEMORY : LULL_LOCAL_FILE;
}

static enum lull_class h2_fault(const struct lull_transfer *t)
{
  if (strstr(t->error, "REFUSED_STREAM"))
    return LULL_H2_REFUSED;
  return t->attempt->answered ? LULL_HTTP_TRUNCATED : LULL_NET_RESET;
}

/* libcurl 8.7 and later refuses a coding that it does not know, whatever it
   is told. Then the body is lost, and of an answer that is no success the
   rest counts all the same. */
static bool unread_error(const struct lull_transfer *t)
{
  long status = 0;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  return t->undecoded && status >= 300;
}

static enum lull_class class_of(struct lull_transfer *t, CURLcode code)
{
  const struct lull_attempt *a = t->attempt;
  switch (code) {
  case CURLE_OK: /* also when the connection closed within the headers */
    return t->headers_ended ? LULL_CLASS_NONE : LULL_HTTP_TRUNCATED;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return LULL_NET_DNS;
  case CURLE_COULDNT_CONNECT:
    return refused_connect(t->easy);
  case CURLE_PROXY:
    return LULL_NET_UNREACHABLE;
  case CURLE_OPERATION_TIMEDOUT:
    return a->connected ? LULL_NET_TIMEOUT_READ : LULL_NET_TIMEOUT_CONNECT;
  case CURLE_ABORTED_BY_CALLBACK: /* the second sending that we refused */
  case CURLE_SEND_FAIL_REWIND:    /* or that libcurl could not do */
  case CURLE_GOT_NOTHING:
    return LULL_NET_EMPTY;
  case CURLE_SEND_ERROR:
    return LULL_NET_SEND;
  case CURLE_RECV_ERROR:
    return LULL_NET_RESET;
  case CURLE_PARTIAL_FILE:
    return LULL_HTTP_TRUNCATED;
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
  case CURLE_HTTP3:
    return h2_fault(t);
  case CURLE_SSL_CONNECT_ERROR:
    return LULL_TLS_HANDSHAKE;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_CLIENTCERT:
    return LULL_TLS_CERT;
  case CURLE_BAD_CONTENT_ENCODING:
    return unread_error(t) ? LULL_CLASS_NONE : LULL_HTTP_MALFORMED;
  case CURLE_WEIRD_SERVER_REPLY:
    return LULL_HTTP_MALFORMED;
  case CURLE_UNSUPPORTED_PROTOCOL: /* an answer of HTTP/0.9, or our URL */
    return a->sent ? LULL_HTTP_MALFORMED : LULL_LOCAL_URL;
  case CURLE_URL_MALFORMAT:
    return LULL_LOCAL_URL;
  case CURLE_WRITE_ERROR:
  case CURLE_READ_ERROR:
    return t->failed ? local_fault(t) : LULL_HTTP_MALFORMED;
  case CURLE_FILESIZE_EXCEEDED:
    return LULL_LIMIT_BODY;
  case CURLE_OUT_OF_MEMORY: /* also for a line that is too long for libcurl */
    return a->answered && !t->headers_ended ? LULL_LIMIT_HEADERS
                                            : LULL_LOCAL_MEMORY;
  case CURLE_FAILED_INIT:
  case CURLE_NOT_BUILT_IN:
  case CURLE_FUNCTION_NOT_FOUND:
    return LULL_LOCAL_MEMORY;
  default:
    return LULL_NET_OTHER;
  }
}

/* The proxy would not let the request through: nothing was sent. */
static bool refused_by_proxy(struct lull_transfer *t, CURLcode code)
{
  long status = 0;
  curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  return code != CURLE_OK && !t->attempt->connected && status >= 300;
}

/* libcurl takes a proxy of the environment that it cannot read for one whose
   name has no address. */
static bool unusable_proxy(const struct lull_transfer *t, CURLcode code)
{
  return code == CURLE_COULDNT_RESOLVE_PROXY
             ? !lull_proxy_named_usable()
             : strncmp(t->error, "Unsupported proxy", 17) == 0;
}

/* libcurl tried to connect again, and that failed: what ended the attempt is
   that its first connection died without an answer. */
static bool is_before_sending(enum lull_class class)
{
  return class == LULL_NET_DNS || class == LULL_NET_REFUSED ||
         class == LULL_NET_UNREACHABLE || class == LULL_NET_TIMEOUT_CONNECT ||
         class == LULL_TLS_HANDSHAKE;
}

static void classify(struct lull_transfer *t, CURLcode code)
{
  struct lull_attempt *a = t->attempt;
  if (t->failed && code != CURLE_OK)
    a->class = local_fault(t);
  else if (unusable_proxy(t, code))
    a->class = LULL_LOCAL_URL;
  else if (refused_by_proxy(t, code))
    a->class = LULL_NET_UNREACHABLE;
  else
    a->class = class_of(t, code);
  if (a->sent && is_before_sending(a->class))
    a->class = LULL_NET_EMPTY;
}

/* What libcurl says of its second sending is no news of the first. */
static bool is_told(const struct lull_attempt *a, CURLcode code)
{
  return code != CURLE_ABORTED_BY_CALLBACK &&
         (code == CURLE_GOT_NOTHING || a->class != LULL_NET_EMPTY);
}

/* A file that was written to meanwhile has been sent as it never was. */
static void check_file(struct lull_attempt *a, int status)
{
  enum lull_err err = lull_body_check(a->request->body);
  if (!err || a->class != LULL_CLASS_NONE || status >= 300)
    return;
  a->class = lull_class_of(err);
  snprintf(a->detail, sizeof a->detail, "%s", lull_err_text(err));
}

void lull_transfer_conclude(struct lull_transfer *t, CURLcode code)
{
  struct lull_attempt *a = t->attempt;
  lull_transfer_evidence(t);
  classify(t, code);
  check_file(a, a->response.status);
  if (!a->class && !lull_attempt_whole(a, a->response.status))
    a->class = LULL_HTTP_TRUNCATED;
  if (a->class && unusable_proxy(t, code))
    snprintf(a->detail, sizeof a->detail, "%s", LULL_PROXY_PROBLEM);
  else if (a->class && is_told(a, code))
    snprintf(a->detail, sizeof a->detail, "%.95s",
             t->error[0] ? t->error : curl_easy_strerror(code));
}
