/*
 * transfer_end: what the end of a transfer means as an outcome.
 */
#include "http/files.h"
#include "world/answer.h"
#include "world/curlcode.h"
#include "world/proxy.h"
#include "world/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ENDS_OPEN "it has no length, and ended without close_notify"

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
  if (t->failed == LULL_EINVAL) /* a part not asked for, lengths that differ */
    return LULL_HTTP_MALFORMED;
  if (t->failed == LULL_ELIMIT)
    return t->body_started ? LULL_LIMIT_BODY : LULL_LIMIT_HEADERS;
  return t->failed == LULL_ENOMEM ? LULL_LOCAL_MEMORY : LULL_LOCAL_FILE;
}

/* An answer that began was cut; a connection that died before is no reset of
   this stream. */
static enum lull_class h2_fault(const struct lull_transfer *t)
{
  if (t->attempt->answered)
    return LULL_HTTP_TRUNCATED;
  return strstr(t->error, "(err ") || strstr(t->error, "reset by server")
             ? LULL_NET_RESET
             : LULL_NET_EMPTY;
}

/* HTTP/2 says that it does not answer this request, in whatever way libcurl
   then ended. */
static bool is_refused(const struct lull_transfer *t)
{
  return !t->headers_ended && (t->h2.left_out || t->h2.refused);
}

/* A line of the answer's headers, or all of them, are more than libcurl bears;
   or what we send is. */
static enum lull_class too_large(const struct lull_transfer *t)
{
  return t->attempt->answered && !t->headers_ended ? LULL_LIMIT_HEADERS
                                                   : LULL_LOCAL_MEMORY;
}

/* What a code means by what the attempt showed. */
static enum lull_class class_by_evidence(struct lull_transfer *t, int code)
{
  const struct lull_attempt *a = t->attempt;
  switch (code) {
  case CURLE_OK: /* also when the connection closed within the headers */
    return t->headers_ended ? LULL_CLASS_NONE : LULL_HTTP_TRUNCATED;
  case CURLE_UNSUPPORTED_PROTOCOL: /* an answer of HTTP/0.9, or our URL */
    return a->sent ? LULL_HTTP_MALFORMED : LULL_LOCAL_URL;
  case CURLE_COULDNT_CONNECT:
    return refused_connect(t->easy);
  case CURLE_OPERATION_TIMEDOUT:
    return a->connected ? LULL_NET_TIMEOUT_READ : LULL_NET_TIMEOUT_CONNECT;
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
  case CURLE_HTTP3:
    return h2_fault(t);
  case CURLE_BAD_FUNCTION_ARGUMENT: /* a header that begins as if folded */
    if (a->answered)
      return LULL_HTTP_MALFORMED;
    /* a certificate without its key */
    return a->client->transport.cert ? LULL_TLS_CERT : LULL_NET_OTHER;
  default: /* OUT_OF_MEMORY, TOO_LARGE */
    return too_large(t);
  }
}

static enum lull_class class_of(struct lull_transfer *t, CURLcode code)
{
  enum lull_class class = lull_curlcode_class((int)code);
  enum lull_class told = LULL_CLASS_NONE;
  if (class == LULL_NET_RESET || class == LULL_NET_SEND)
    told = lull_curlcode_words(t->error, t->headers_ended);
  if (told)
    class = told;
  else if (class == LULL_CURLCODE_AMBIGUOUS)
    class = class_by_evidence(t, (int)code);
  /* What did not begin was not cut short. */
  return class == LULL_HTTP_TRUNCATED && !t->attempt->answered ? LULL_NET_EMPTY
                                                               : class;
}

/* The proxy would not let the request through: nothing was sent. */
static bool refused_by_proxy(struct lull_transfer *t, CURLcode code)
{
  long status = 0;
  curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  if (code == CURLE_OK || t->attempt->connected || status < 300)
    return false;
  t->attempt->proxy_status = (int)status;
  return true;
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

/* No file is to be had now, or there was none while this was under way: what
   failed for want of one may be told late. */
static bool lacks_files(const struct lull_transfer *t)
{
  return t->lacked != t->sockets->lacked || lull_files_short() ||
         strstr(t->error, "thread failed to start") != NULL;
}

/* Nothing was sent for want of a file: a socket, what a name is looked up
   with, or where certificates stand. */
static bool is_starved(const struct lull_transfer *t)
{
  const struct lull_attempt *a = t->attempt;
  switch ((int)a->class) {
  case LULL_NET_DNS:
  case LULL_NET_UNREACHABLE:
  case LULL_NET_OTHER:
  case LULL_NET_EMPTY: /* later versions: no look-up was begun */
  case LULL_TLS_CERT:
  case LULL_LOCAL_MEMORY:
    return !a->sent && !a->answered && lacks_files(t);
  default:
    return false;
  }
}

static void classify(struct lull_transfer *t, CURLcode code)
{
  struct lull_attempt *a = t->attempt;
  if (t->failed && code != CURLE_OK)
    a->class = local_fault(t);
  else if (unusable_proxy(t, code))
    a->class = LULL_LOCAL_URL;
  else if (refused_by_proxy(t, code))
    a->class = LULL_NET_PROXY;
  else if (is_refused(t))
    a->class = LULL_H2_REFUSED;
  else
    a->class = class_of(t, code);
  a->unproved = a->class == LULL_H2_REFUSED && a->unproved && !t->h2.left_out;
  if (a->sent && is_before_sending(a->class))
    a->class = LULL_NET_EMPTY;
}

/* What libcurl says of its second sending is no news of the first. */
static bool is_told(const struct lull_attempt *a, CURLcode code)
{
  return code != CURLE_OK && code != CURLE_ABORTED_BY_CALLBACK &&
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

/* libcurl answers a 417 by sending again itself, which is refused it. */
static bool unexpected(const struct lull_transfer *t, CURLcode code)
{
  return code != CURLE_OK && t->headers_ended &&
         t->attempt->response.status == 417;
}

/* A compressed body that ends before its own end was cut, whatever the length
   says; and one without a length may be anywhere. */
static void check_end(struct lull_transfer *t)
{
  if (!t->attempt->class && ((t->decoder && !lull_decode_whole(t->decoder)) ||
                             lull_transfer_ends_open(t)))
    t->attempt->class = LULL_HTTP_TRUNCATED;
}

void lull_transfer_conclude(struct lull_transfer *t, CURLcode code)
{
  struct lull_attempt *a = t->attempt;
  lull_transfer_evidence(t);
  if (unexpected(t, code))
    return;
  classify(t, code);
  a->starved = is_starved(t);
  t->sockets->lacked += a->starved;
  check_end(t);
  check_file(a, a->response.status);
  if (!a->class)
    lull_answer_ends(a, a->response.status);
  if (a->class && unusable_proxy(t, code))
    snprintf(a->detail, sizeof a->detail, "%s", LULL_PROXY_PROBLEM);
  else if (a->proxy_status)
    snprintf(a->detail, sizeof a->detail, "%d %s", a->proxy_status,
             lull_status_text(a->proxy_status));
  else if (a->class && t->undecodable)
    snprintf(a->detail, sizeof a->detail, "%s", LULL_UNDECODABLE);
  else if (a->class && code == CURLE_OK && lull_transfer_ends_open(t))
    snprintf(a->detail, sizeof a->detail, "%s", ENDS_OPEN);
  else if (a->class && is_told(a, code))
    snprintf(a->detail, sizeof a->detail, "%.95s",
             t->error[0] ? t->error : curl_easy_strerror(code));
}
