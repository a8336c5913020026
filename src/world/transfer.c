#define _POSIX_C_SOURCE 200809L
#include "world/transfer.h"
#include "world/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- what libcurl calls ------------------------------------------------ */

/* An empty line: the answer is the final one, or a 1xx before it. libcurl goes
   by the last of several lengths, and by the connection's end where it cannot
   count so far; before 8.14 it takes a coding that ends early for whole. */
static void end_head(struct lull_transfer *t)
{
  long status = 0;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200)
    return;
  t->headers_ended = true;
  if (status < 300 && !lull_answer_framed(t->attempt)) {
    t->failed = LULL_EINVAL;
    return;
  }
  if (t->decodes)
    t->failed = lull_decode_new(&t->decoder, &t->attempt->response.headers);
  lull_attempt_head(t->attempt, (int)status, t->world->ops->now(t->world));
}

/* A head begins with its status line, whatever the names of the fields below
   it; what comes after the final one are trailers, and those are not headers.
   What comes before the request may go out is a proxy's answer to CONNECT. */
static size_t take_header(char *line, size_t size, size_t count, void *user)
{
  struct lull_transfer *t = user;
  struct lull_attempt *a = t->attempt;
  size_t len = size * count;
  a->answered = a->answered || a->connected;
  if (t->headers_ended)
    return len;
  t->head_size += len;
  if (t->head_size > LULL_HEADERS_MOST) { /* also a 1xx without end */
    t->failed = LULL_ELIMIT;
    return 0;
  }
  if (!t->in_head) {
    lull_headers_clear(&a->response.headers);
    a->arrived = t->world->ops->wall(t->world);
    t->in_head = true;
    return len;
  }
  if (*line == '\r' || *line == '\n') {
    t->in_head = false;
    if (a->connected)
      end_head(t);
    return t->failed ? 0 : len;
  }
  t->failed = lull_headers_add_line(&a->response.headers,
                                    a->client->max_headers, line, len);
  return t->failed ? 0 : len;
}

static enum lull_err body_begins(struct lull_transfer *t)
{
  t->body_started = true;
  return lull_answer_begins(t->attempt, t->attempt->response.status);
}

static enum lull_err take_bytes(void *user, const void *bytes, size_t len)
{
  struct lull_transfer *t = user;
  return lull_answer_add(t->attempt, bytes, len, (uint64_t)t->received);
}

static enum lull_err decode(struct lull_transfer *t, const char *bytes,
                            size_t len)
{
  enum lull_err err = lull_decode_feed(t->decoder, bytes, len, take_bytes, t);
  t->undecodable = err == LULL_EINVAL;
  return err;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
  struct lull_transfer *t = user;
  size_t len = size * count;
  t->attempt->answered = true;
  if (!t->body_started)
    t->failed = body_begins(t);
  if (t->attempt->response.sink.output)
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &t->received);
  if (!t->failed)
    t->failed = t->decoder ? decode(t, bytes, len) : take_bytes(t, bytes, len);
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

/* libcurl rewinds what it has read before it sends it again. One that cannot
   may rewind standard input instead, or remember the wish for the handle's
   next transfer. */
static int rewind_body(void *user, curl_off_t to, int origin)
{
  struct lull_transfer *t = user;
  const struct lull_request *r = t->attempt ? t->attempt->request : NULL;
  if (t->body_fd < 0)
    return CURL_SEEKFUNC_OK;
  if (origin != SEEK_SET || !r || lseek(t->body_fd, to, SEEK_SET) < 0)
    return CURL_SEEKFUNC_FAIL;
  t->body_left = r->body->len - to;
  return CURL_SEEKFUNC_OK;
}

void lull_transfer_listen(struct lull_transfer *t)
{
  CURL *easy = t->easy;
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
  curl_easy_setopt(easy, CURLOPT_READDATA, t);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, t);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
}

/* ---- a handle ----------------------------------------------------------- */

/* A handle of libcurl before 8.1.0 keeps a pointer to a header of its last
   answer, which is freed by then and which a server can make it follow
   (curl#11101); no reset helps. */
static bool serves_once(void)
{
  return curl_version_info(CURLVERSION_NOW)->version_num < 0x080100;
}

/* Its headers may serve the next one. */
static void discard_handle(struct lull_transfer *t)
{
  curl_easy_cleanup(t->easy);
  t->easy = NULL;
  t->patience = 0;
}

/* A handle remembers that a stream was refused, over every reset; what ends
   its next transfer without an answer would be taken for that. */
static bool is_spoilt(const struct lull_transfer *t)
{
  return t->h2.refused || t->h2.left_out;
}

void lull_transfer_wipe(struct lull_transfer *t)
{
  if (t->once || is_spoilt(t))
    discard_handle(t);
  else if (t->easy)
    curl_easy_reset(t->easy);
  curl_slist_free_all(t->headers);
  t->headers = NULL;
  t->plain_for = 0;
  t->patience = 0;
}

struct lull_transfer *lull_transfer_new(struct lull_world *world,
                                        struct lull_sockets *sockets)
{
  struct lull_transfer *t = lull_mem_zero(sizeof *t);
  if (!t)
    return NULL;
  t->world = world;
  t->sockets = sockets;
  t->body_fd = -1;
  t->once = serves_once();
  if (lull_target_init(&t->target))
    return t;
  lull_mem_free(t);
  return NULL;
}

void lull_transfer_free(struct lull_transfer *t)
{
  lull_transfer_unload(t);
  lull_transfer_wipe(t);
  curl_easy_cleanup(t->easy);
  lull_target_clear(&t->target);
  lull_mem_free(t);
}

void lull_transfer_abandon(struct lull_transfer *t)
{
  if (t->attempt->shared)
    lull_sockets_tire(t->sockets, t->port);
  curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
  t->plain_for = 0; /* the option goes with the others */
}

void lull_transfer_unload(struct lull_transfer *t)
{
  if (t->body_fd >= 0)
    close(t->body_fd);
  lull_decode_free(t->decoder);
  t->decoder = NULL;
  if (!t->plain_for || t->stale || is_spoilt(t))
    lull_transfer_wipe(t);
  else if (t->once)
    discard_handle(t);
  if (t->attempt)
    t->attempt->transfer = NULL;
  t->attempt = NULL;
  t->body_fd = -1;
  lull_sockets_look_up(t->sockets, &t->looks_up, false);
  t->body_left = t->moved = 0;
  t->head_size = 0;
  t->h2 = (struct lull_h2){.stream = 0};
  t->notified = false;
  t->port = 0;
  t->sends = 0;
  t->sent_before = 0;
  t->fresh = t->stale = false;
  t->in_head = t->headers_ended = t->body_started = false;
  t->undecodable = false;
  t->received = 0;
  t->failed = LULL_OK;
  t->error[0] = '\0';
}
