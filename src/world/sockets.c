#define _GNU_SOURCE /* POLLRDHUP */
#include "world/sockets.h"
#include "http/files.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif
#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

void lull_sockets_init(struct lull_sockets *s)
{
  int i;
  *s = (struct lull_sockets){.unbound = -1};
  for (i = 0; i < LULL_SOCKET_CHAINS; i++)
    s->chains[i] = -1;
}

void lull_sockets_clear(struct lull_sockets *s)
{
  lull_mem_free(s->list);
  curl_share_cleanup(s->sessions);
  lull_sockets_init(s);
}

CURLSH *lull_sockets_sessions(struct lull_sockets *s)
{
  if (!s->sessions && (s->sessions = curl_share_init()) != NULL)
    curl_share_setopt(s->sessions, CURLSHOPT_SHARE,
                      CURL_LOCK_DATA_SSL_SESSION);
  return s->sessions;
}

/* ---- the table --------------------------------------------------------- */

static int *chain_of(struct lull_sockets *s, int port)
{
  return port ? &s->chains[port % LULL_SOCKET_CHAINS] : &s->unbound;
}

static bool grow(struct lull_sockets *s, size_t fd)
{
  size_t cap = s->cap ? s->cap : 16;
  struct lull_socket *list;
  while (cap <= fd)
    cap *= 2;
  if (cap == s->cap)
    return true;
  list = lull_mem_grow(s->list, cap * sizeof *list);
  if (!list)
    return false;
  memset(list + s->cap, 0, (cap - s->cap) * sizeof *list);
  s->list = list;
  s->cap = cap;
  return true;
}

static void link_to(struct lull_sockets *s, int fd, int port)
{
  int *chain = chain_of(s, port);
  s->list[fd].port = port;
  s->list[fd].next = *chain;
  *chain = fd;
}

static void unlink_from(struct lull_sockets *s, int *chain, int fd)
{
  for (; *chain >= 0; chain = &s->list[*chain].next)
    if (*chain == fd) {
      *chain = s->list[fd].next;
      return;
    }
}

/* libcurl 7.88 closes one that did not connect in time without a word. */
static void link_new(struct lull_sockets *s, int fd)
{
  if (s->list[fd].open)
    unlink_from(s, chain_of(s, s->list[fd].port), fd);
  else
    s->open++;
  s->list[fd] = (struct lull_socket){.open = true};
  link_to(s, fd, 0);
}

static int port_of(int fd)
{
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage whole;
  } name = {.whole = {0}};
  socklen_t len = sizeof name;
  if (getsockname(fd, &name.any, &len) != 0)
    return 0;
  if (name.any.sa_family == AF_INET)
    return ntohs(name.v4.sin_port);
  return name.any.sa_family == AF_INET6 ? ntohs(name.v6.sin6_port) : 0;
}

/* A socket has a port once it connects, which is after it was opened. */
static void learn_ports(struct lull_sockets *s)
{
  int fd = s->unbound;
  s->unbound = -1;
  while (fd >= 0) {
    int next = s->list[fd].next;
    link_to(s, fd, port_of(fd));
    fd = next;
  }
}

/* ---- what libcurl calls ------------------------------------------------ */

curl_socket_t lull_sockets_open(struct lull_sockets *s,
                                const struct curl_sockaddr *address)
{
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
  if (fd >= 0 && s->open && lull_files_tight(fd, 2 * s->look_ups)) {
    close(fd);
    fd = -1;
    errno = EMFILE;
  }
  if (fd < 0) {
    s->lacked += lull_files_lacking(errno);
    return CURL_SOCKET_BAD;
  }
  if (!SOCK_CLOEXEC)
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (grow(s, (size_t)fd)) /* else nobody will look at it */
    link_new(s, fd);
  return fd;
}

int lull_sockets_close(void *user, curl_socket_t fd)
{
  struct lull_sockets *s = user;
  if ((size_t)fd < s->cap) {
    s->open -= s->list[fd].open;
    unlink_from(s, chain_of(s, s->list[fd].port), fd);
    s->list[fd].open = false;
  }
  return close(fd);
}

void lull_sockets_look_up(struct lull_sockets *s, bool *looks_up, bool on)
{
  if (on && !*looks_up)
    s->look_ups++;
  if (!on && *looks_up)
    s->look_ups--;
  *looks_up = on;
}

struct lull_socket *lull_sockets_find(struct lull_sockets *s, int fd)
{
  return (size_t)fd < s->cap && s->list[fd].open ? &s->list[fd] : NULL;
}

/* ---- what the kernel knows --------------------------------------------- */

/* Under TLS 1.2 a record tells its type; under 1.3 all look like data, but
   the shortest that is none of a request's is an alert: its two bytes, their
   type and a tag of 8 or 16 bytes. On an idle connection it is close_notify.
   Mistaken for one, some data costs a new connection, and no more. */
static bool ends_with_alert(const unsigned char *bytes, size_t len)
{
  size_t at = 0, size = 0;
  unsigned type = 0;
  while (at + 5 <= len) {
    type = bytes[at];
    size = (size_t)bytes[at + 3] << 8 | bytes[at + 4];
    at += 5 + size;
  }
  return at == len &&
         (type == 21 || (type == 23 && (size == 19 || size == 11)));
}

static bool is_ended(int fd, bool tls)
{
  struct pollfd look = {.fd = fd, .events = POLLIN | POLLRDHUP};
  unsigned char bytes[2048];
  ssize_t n;
  if (poll(&look, 1, 0) <= 0)
    return false;
  if (look.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL))
    return true;
  n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (n <= 0 || !tls)
    return n >= 0; /* an answer before its question is none to the next */
  return ends_with_alert(bytes, (size_t)n);
}

void lull_sockets_tire(struct lull_sockets *s, int port)
{
  int fd;
  if (port <= 0)
    return;
  learn_ports(s);
  for (fd = *chain_of(s, port); fd >= 0; fd = s->list[fd].next)
    s->list[fd].tired = s->list[fd].tired || s->list[fd].port == port;
}

bool lull_sockets_tired(struct lull_sockets *s, int port)
{
  int fd;
  if (port <= 0)
    return false;
  for (fd = *chain_of(s, port); fd >= 0; fd = s->list[fd].next)
    if (s->list[fd].port == port && s->list[fd].tired)
      return true;
  return false;
}

void lull_sockets_looked(struct lull_sockets *s)
{
  s->looked = true;
  s->looks++;
}

static bool is_quiet(const struct lull_sockets *s, int fd)
{
  const struct lull_socket *socket = &s->list[fd];
  return s->looked && socket->resting && socket->looks != s->looks;
}

bool lull_sockets_ended(struct lull_sockets *s, int port, bool tls)
{
  int fd;
  if (port <= 0)
    return false;
  learn_ports(s);
  for (fd = *chain_of(s, port); fd >= 0; fd = s->list[fd].next)
    if (s->list[fd].port == port && !is_quiet(s, fd) && is_ended(fd, tls))
      return true;
  return false;
}
