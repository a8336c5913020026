/*
 * server: an HTTP/1.1 server for the benchmarks: exact faults, and faster
 * than every client.
 *
 * One thread, epoll, keep-alive, loopback only; GET, and POST with a length,
 * which is answered as GET is. Prints its port on
 * standard output when it listens, and ends by itself after its life (its
 * only argument, in seconds, 900 without one).
 *
 *   /bytes/N               200 with N bytes
 *   /storm/ID?k=2&after=5&ms=100
 *                          503 k times, then 200 and from the start again;
 *                          `after` adds a Retry-After; with `after` or `ms`
 *                          it is noted how much later than that the next
 *                          request of the id came
 *   /hang                  no answer, ever
 *   /gate/K                answered once K requests hang
 *   /stats                 answers, storm ids that wait, requests that hang,
 *                          connections accepted
 *   /late                  count, least, p50, p90, p99, most of the noted
 *                          lateness in us; forgets it
 *   /reset                 forgets ids and lateness
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define IN_MAX 2048
#define BODY_MAX (1 << 20)
#define ID_MAX (1L << 22)

struct conn {
  int fd;
  bool hangs;
  size_t in_len;
  char in[IN_MAX];
  char *out; /* what the socket would not take yet */
  size_t out_len;
};

struct storm {
  int64_t answered; /* us; when the last 503 went out */
  unsigned tries;
};

static int epoll_fd;
static struct storm *storms;
static size_t storm_count;
static int32_t *lates;
static size_t late_count, late_max;
static long answers, waiting, hanging, accepted;
static struct conn *gate;
static long gate_needs;
static char page[BODY_MAX + 256];
static size_t page_len;
static long page_body = -1;

static void *checked(void *p)
{
  if (!p) {
    fputs("server: out of memory\n", stderr);
    exit(1);
  }
  return p;
}

static int64_t now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

/* ---- connections ------------------------------------------------------- */

static void watch(struct conn *c, int op, uint32_t events)
{
  struct epoll_event ev = {.events = events, .data.ptr = c};
  epoll_ctl(epoll_fd, op, c->fd, &ev);
}

static void drop(struct conn *c)
{
  if (c->hangs)
    hanging--;
  if (gate == c)
    gate = NULL;
  close(c->fd);
  free(c->out);
  free(c);
}

/* Keeps what the socket did not take, for when it is writable. */
static void keep(struct conn *c, const char *bytes, size_t len)
{
  c->out = checked(realloc(c->out, c->out_len + len));
  memcpy(c->out + c->out_len, bytes, len);
  c->out_len += len;
  watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void put(struct conn *c, const char *bytes, size_t len)
{
  ssize_t n = c->out_len ? 0 : send(c->fd, bytes, len, MSG_NOSIGNAL);
  answers++;
  if (n < 0)
    n = 0;
  if ((size_t)n < len)
    keep(c, bytes + n, len - (size_t)n);
}

static void flush_out(struct conn *c)
{
  ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
  if (n <= 0)
    return;
  c->out_len -= (size_t)n;
  memmove(c->out, c->out + n, c->out_len);
  if (!c->out_len)
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

/* ---- answers ----------------------------------------------------------- */

static void put_text(struct conn *c, const char *text)
{
  char answer[512];
  int n = snprintf(answer, sizeof answer,
                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   strlen(text), text);
  put(c, answer, (size_t)n);
}

static void put_bytes(struct conn *c, long body)
{
  if (body < 0 || body > BODY_MAX)
    body = 0;
  if (body != page_body) {
    page_len = (size_t)snprintf(page, sizeof page,
                                "HTTP/1.1 200 OK\r\n"
                                "Content-Type: application/octet-stream\r\n"
                                "Content-Length: %ld\r\n\r\n",
                                body);
    memset(page + page_len, 'x', (size_t)body);
    page_len += (size_t)body;
    page_body = body;
  }
  put(c, page, page_len);
}

static long option(const char *query, const char *name)
{
  const char *at = query ? strstr(query, name) : NULL;
  return at ? atol(at + strlen(name)) : 0;
}

static struct storm *storm_of(long id)
{
  size_t want = (size_t)id + 1;
  if (want > storm_count) {
    size_t count = storm_count ? storm_count : 1024;
    while (count < want)
      count *= 2;
    storms = checked(realloc(storms, count * sizeof *storms));
    memset(storms + storm_count, 0, (count - storm_count) * sizeof *storms);
    storm_count = count;
  }
  return &storms[id];
}

static void note_late(int64_t late)
{
  if (late_count == late_max) {
    late_max = late_max ? late_max * 2 : 1024;
    lates = checked(realloc(lates, late_max * sizeof *lates));
  }
  lates[late_count++] = late > INT32_MAX ? INT32_MAX : (int32_t)late;
}

static void put_503(struct conn *c, struct storm *s, long after)
{
  char answer[256], hint[64] = "";
  int n;
  if (after)
    snprintf(hint, sizeof hint, "Retry-After: %ld\r\n", after);
  n = snprintf(answer, sizeof answer,
               "HTTP/1.1 503 Service Unavailable\r\n%s"
               "Content-Length: 5\r\n\r\nbusy\n",
               hint);
  waiting++;
  s->answered = now();
  put(c, answer, (size_t)n);
}

static void put_storm(struct conn *c, long id, const char *query)
{
  struct storm *s = storm_of(id < 0 || id > ID_MAX ? 0 : id);
  long after = option(query, "after="), ms = option(query, "ms=");
  if (s->tries) {
    waiting--;
    if (after || ms)
      note_late(now() - s->answered - after * 1000000 - ms * 1000);
  }
  if (s->tries++ < (unsigned)option(query, "k=")) {
    put_503(c, s, after);
  } else {
    s->tries = 0;
    put_text(c, "done\n");
  }
}

static int by_size(const void *a, const void *b)
{
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static void put_late(struct conn *c)
{
  char text[128] = "0 0 0 0 0 0\n";
  size_t n = late_count;
  if (n) {
    qsort(lates, n, sizeof *lates, by_size);
    snprintf(text, sizeof text, "%zu %d %d %d %d %d\n", n, lates[0],
             lates[n / 2], lates[n * 9 / 10], lates[n * 99 / 100],
             lates[n - 1]);
  }
  late_count = 0;
  put_text(c, text);
}

static void reset(struct conn *c)
{
  if (storms)
    memset(storms, 0, storm_count * sizeof *storms);
  waiting = 0;
  late_count = 0;
  put_text(c, "reset\n");
}

static void put_stats(struct conn *c)
{
  char text[128];
  snprintf(text, sizeof text,
           "answers %ld waiting %ld hanging %ld conns %ld\n", answers, waiting,
           hanging, accepted);
  put_text(c, text);
}

static void open_gate(void)
{
  if (gate && hanging >= gate_needs) {
    struct conn *c = gate;
    gate = NULL;
    put_text(c, "open\n");
  }
}

static void answer(struct conn *c, const char *path)
{
  if (strncmp(path, "/bytes/", 7) == 0) {
    put_bytes(c, atol(path + 7));
  } else if (strncmp(path, "/storm/", 7) == 0) {
    put_storm(c, atol(path + 7), strchr(path, '?'));
  } else if (strncmp(path, "/hang", 5) == 0) {
    c->hangs = true;
    hanging++;
    open_gate();
  } else if (strncmp(path, "/gate/", 6) == 0) {
    gate = c;
    gate_needs = atol(path + 6);
    open_gate();
  } else if (strcmp(path, "/late") == 0) {
    put_late(c);
  } else if (strcmp(path, "/reset") == 0) {
    reset(c);
  } else if (strcmp(path, "/stats") == 0) {
    put_stats(c);
  } else {
    put_bytes(c, 0);
  }
}

/* ---- requests ---------------------------------------------------------- */

/* How long a POST's body is. */
static size_t body_of(char *head, const char *end)
{
  char *line = head;
  while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL)
    if (strncasecmp(++line, "content-length:", 15) == 0)
      return (size_t)atol(line + 15);
  return 0;
}

/* Answers the first request in the buffer. 0 when it is not whole yet, -1
   when it is none. */
static ssize_t take_request(struct conn *c, char *in, size_t len)
{
  char *end = memmem(in, len, "\r\n\r\n", 4), *path, *stop;
  size_t whole;
  if (!end)
    return len >= IN_MAX ? -1 : 0;
  if (memcmp(in, "GET /", 5) != 0 && memcmp(in, "POST /", 6) != 0)
    return -1;
  whole = (size_t)(end + 4 - in) + (*in == 'P' ? body_of(in, end) : 0);
  if (whole > len)
    return whole > IN_MAX ? -1 : 0;
  path = strchr(in, '/');
  stop = memchr(path, ' ', (size_t)(end - path));
  if (!stop)
    return -1;
  *stop = '\0';
  answer(c, path);
  return (ssize_t)whole;
}

static bool take_input(struct conn *c)
{
  size_t at = 0;
  ssize_t n = recv(c->fd, c->in + c->in_len, IN_MAX - c->in_len, 0);
  if (n <= 0)
    return n < 0 && errno == EAGAIN;
  c->in_len += (size_t)n;
  do {
    n = take_request(c, c->in + at, c->in_len - at);
    if (n < 0)
      return false;
    at += (size_t)n;
  } while (n > 0 && at < c->in_len);
  c->in_len -= at;
  memmove(c->in, c->in + at, c->in_len);
  return true;
}

static void accept_all(int listener)
{
  int fd, one = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
         0) {
    struct conn *c = checked(calloc(1, sizeof *c));
    c->fd = fd;
    accepted++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static void handle(struct conn *c, uint32_t events)
{
  if ((events & EPOLLOUT) && c->out_len)
    flush_out(c);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !take_input(c))
    drop(c);
}

static int listen_on_loopback(void)
{
  struct sockaddr_in at = {.sin_family = AF_INET};
  socklen_t len = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
      listen(fd, 4096) != 0) {
    perror("server");
    exit(1);
  }
  getsockname(fd, (struct sockaddr *)&at, &len);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char **argv)
{
  struct epoll_event events[512];
  int listener = listen_on_loopback();
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
  alarm(argc > 1 ? (unsigned)atoi(argv[1]) : 900);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &ev);
  for (;;) {
    int n = epoll_wait(epoll_fd, events, 512, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr)
        handle(events[i].data.ptr, events[i].events);
      else
        accept_all(listener);
    }
  }
}
