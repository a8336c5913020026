/*
 * transfer_guard: whether a request may leave: one attempt is one request on
 * the wire, and none goes over a connection that the server has closed.
 */
#include "world/transfer.h"

static long bytes_sent(const struct lull_transfer *t)
{
  long size = 0;
  curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &size);
  return size;
}

bool lull_transfer_sent(const struct lull_transfer *t)
{
  return t->sends > 0 && bytes_sent(t) > t->sent_before;
}

/* libcurl connects anew when a kept connection dies without an answer: for
   nothing, when the request has left on it. */
static curl_socket_t open_socket(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
  struct lull_transfer *t = user;
  (void)purpose;
  lull_sockets_look_up(t->sockets, &t->looks_up, false);
  if (!t->attempt || lull_transfer_sent(t))
    return CURL_SOCKET_BAD;
  t->sends = 0;
  t->attempt->connected = false;
  return lull_sockets_open(t->sockets, address);
}

/* A kept connection that the server has closed, or on which nothing came any
   more, is given up before anything is sent on it. */
static bool is_stale(struct lull_transfer *t, int port)
{
  long connects = 0;
  curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
  return connects == 0 && !t->fresh &&
         (lull_sockets_tired(t->sockets, port) ||
          lull_sockets_ended(t->sockets, port, t->records));
}

/*
 * Called each time libcurl is about to send the request. It sends by itself
 * a second time when a reused connection dies without an answer, whatever
 * the method, although the server may have read the first; no option turns
 * that off. One attempt is one request on the wire: the second is refused,
 * unless nothing of the first has left.
 */
static int about_to_send(void *user, char *remote_ip, char *local_ip,
                         int remote_port, int local_port)
{
  struct lull_transfer *t = user;
  struct lull_attempt *a = t->attempt;
  (void)local_ip;
  lull_sockets_look_up(t->sockets, &t->looks_up, false);
  if (!a || lull_transfer_sent(t))
    return CURL_PREREQFUNC_ABORT;
  t->stale = is_stale(t, local_port);
  if (t->stale) {
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
    return CURL_PREREQFUNC_ABORT;
  }
  t->sent_before = bytes_sent(t);
  t->port = local_port;
  lull_h2_begin(&t->h2, remote_ip, remote_port, local_port);
  a->connected = true;
  t->in_head = false;
  lull_headers_clear(&a->response.headers); /* a proxy's */
  if (a->leaving)
    a->leaving(a, t->world->ops->now(t->world));
  t->sends++;
  return CURL_PREREQFUNC_OK;
}

void lull_transfer_guard(struct lull_transfer *t)
{
  CURL *easy = t->easy;
  lull_transfer_heed_lookups(t);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, lull_sockets_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, t->sockets);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
}
