/*
 * floor: each scenario with bare libcurl: socket_action and epoll, easy
 * handles used again with nothing but their URL set anew, a heap of waits.
 * What a C program written for the one purpose costs; all else is told as a
 * ratio to it.
 *
 *   floor SCENARIO BASE N PARALLEL [X] [Y]
 *
 *   throughput             N times BASE/bytes/1024
 *   storm                  k = 2, waits 1 and 2 ms
 *   waiting      X s       k = 1, Retry-After X; Y: with a heartbeat
 *   paced        X s, Y    the same, Y begun in a second
 *   timers       X ms, Y   k = 1, a wait of X, Y other timers armed
 *   hanging      K         N times BASE/bytes/1024 while K hang
 *
 * CA names a file of certificates. FRESH: a handle for each request, as
 * libcurl before 8.1.0 has to be used (curl#11101).
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#define NEVER INT64_MAX
#define BODY_MAX 4096
#define TICK 10000 /* us; a heartbeat, to see how long the loop is away */

enum scenario { THROUGHPUT, STORM, WAITING, PACED, TIMERS, HANGING };

struct wait {
  int64_t at; /* us */
  int id;
  int tries;
};

struct slot {
  CURL *easy;
  struct slot *next; /* that is free */
  int id;
  int tries;
  size_t len;
  char body[BODY_MAX];
};

static const char *const names[] = {"throughput", "storm",  "waiting",
                                    "paced",      "timers", "hanging"};
static enum scenario scenario;
static const char *base, *ca;
static int total, parallel, epoll_fd;
static long x, y;
static CURLM *multi;
static int64_t curl_due = NEVER, began, tick_due = NEVER, tick_worst;
static struct slot *unused;
static struct wait *heap;
static size_t heap_len, heap_max;
static int begun, done, accepted;
static bool open_now = true; /* the fast requests may begin */
static bool fresh;           /* a handle for each request */
static bool kick;            /* handles were added: libcurl asks for 1 ms */
static int64_t cpu_before;

static void *checked(void *p)
{
  if (!p) {
    fputs("floor: out of memory\n", stderr);
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

static int64_t cpu(void)
{
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) +
         u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* ---- the heap ---------------------------------------------------------- */

static void heap_push(struct wait w)
{
  size_t i;
  if (heap_len == heap_max) {
    heap_max = heap_max ? heap_max * 2 : 1024;
    heap = checked(realloc(heap, heap_max * sizeof *heap));
  }
  for (i = heap_len++; i > 0 && heap[(i - 1) / 2].at > w.at; i = (i - 1) / 2)
    heap[i] = heap[(i - 1) / 2];
  heap[i] = w;
}

static struct wait heap_pop(void)
{
  struct wait first = heap[0], last = heap[--heap_len];
  size_t i = 0, child;
  while ((child = 2 * i + 1) < heap_len) {
    if (child + 1 < heap_len && heap[child + 1].at < heap[child].at)
      child++;
    if (heap[child].at >= last.at)
      break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = last;
  return first;
}

/* ---- libcurl's loop ---------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *known)
{
  struct epoll_event ev = {.data.fd = fd};
  (void)easy, (void)user;
  if (what == CURL_POLL_REMOVE)
    return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &ev), 0;
  ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
              (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  epoll_ctl(epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
  if (!known)
    curl_multi_assign(multi, fd, &epoll_fd);
  return 0;
}

static int on_timer(CURLM *m, long ms, void *user)
{
  (void)m, (void)user;
  curl_due = ms < 0 ? NEVER : now() + ms * 1000;
  return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
  struct slot *s = user;
  size_t len = size * count;
  if (len <= BODY_MAX - s->len)
    memcpy(s->body + s->len, bytes, len);
  s->len += len;
  return len;
}

static void make_handle(struct slot *s)
{
  s->easy = checked(curl_easy_init());
  curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
  curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
  curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
  if (ca)
    curl_easy_setopt(s->easy, CURLOPT_CAINFO, ca);
}

static struct slot *make_slot(void)
{
  struct slot *s = checked(calloc(1, sizeof *s));
  make_handle(s);
  return s;
}

/* ---- calls ------------------------------------------------------------- */

static void set_url(struct slot *s)
{
  char url[512];
  if (scenario == THROUGHPUT || scenario == HANGING)
    snprintf(url, sizeof url, "%s/bytes/1024", base);
  else if (scenario == STORM)
    snprintf(url, sizeof url, "%s/storm/%d?k=2", base, s->id);
  else
    snprintf(url, sizeof url, "%s/storm/%d?k=1&%s=%ld", base, s->id,
             scenario == TIMERS ? "ms" : "after", x);
  curl_easy_setopt(s->easy, CURLOPT_URL, url);
}

static void send_call(int id, int tries)
{
  struct slot *s = unused;
  unused = s->next;
  s->id = id;
  s->tries = tries;
  s->len = 0;
  set_url(s);
  curl_multi_add_handle(multi, s->easy);
  kick = true;
}

/* us until the next try, or -1 */
static int64_t wait_after(struct slot *s, long status)
{
  curl_off_t hint = 0;
  if (status != 503)
    return -1;
  if (scenario == STORM)
    return 1000 << (s->tries - 1);
  if (scenario == TIMERS)
    return x * 1000;
  curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &hint);
  return hint * 1000000;
}

static void give_back(struct slot *s)
{
  if (fresh) {
    curl_easy_cleanup(s->easy);
    make_handle(s);
  }
  s->next = unused;
  unused = s;
}

static void finish(struct slot *s, CURLcode code)
{
  long status = 0;
  int64_t wait;
  curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(multi, s->easy);
  s->tries++;
  wait = code == CURLE_OK ? wait_after(s, status) : -1;
  if (s->id < 0) { /* the gate is open */
    open_now = true;
    cpu_before = cpu();
  } else if (wait >= 0) {
    struct wait w = {.at = now() + wait, .id = s->id, .tries = s->tries};
    heap_push(w);
  } else {
    done++;
    accepted += code == CURLE_OK && status == 200;
  }
  give_back(s);
}

static void take_finished(void)
{
  CURLMsg *msg;
  int left;
  while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
    struct slot *s = NULL;
    CURLcode code = msg->data.result;
    if (msg->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &s);
    finish(s, code);
  }
}

/* When the next new call may begin. */
static int64_t start_due(void)
{
  if (begun >= total || !open_now)
    return NEVER;
  if ((scenario == STORM || scenario == TIMERS) && begun - done >= parallel)
    return NEVER;
  if (scenario == PACED)
    return began + INT64_C(1000000) * begun / y;
  if (scenario == TIMERS)
    return began + INT64_C(7000) * begun;
  return 0;
}

static void begin_due(int64_t moment)
{
  while (unused && heap_len && heap[0].at <= moment) {
    struct wait w = heap_pop();
    if (w.id >= 0)
      send_call(w.id, w.tries);
  }
  while (unused && start_due() <= moment)
    send_call(begun++, 0);
}

static void beat(int64_t moment)
{
  if (moment < tick_due)
    return;
  if (moment - tick_due > tick_worst)
    tick_worst = moment - tick_due;
  tick_due = moment + TICK;
}

static int patience(int64_t moment)
{
  int64_t due = curl_due < tick_due ? curl_due : tick_due;
  if (unused && heap_len && heap[0].at < due)
    due = heap[0].at;
  if (unused && start_due() < due)
    due = start_due();
  if (kick)
    return 0;
  if (due == NEVER)
    return -1;
  return due <= moment ? 0 : (int)((due - moment + 999) / 1000);
}

static void turn(void)
{
  struct epoll_event events[256];
  int running, n;
  int64_t moment = now();
  begin_due(moment);
  n = epoll_wait(epoll_fd, events, 256, patience(moment));
  moment = now();
  beat(moment);
  for (int i = 0; i < n; i++) {
    int what =
        (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
        (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
        (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi, events[i].data.fd, what, &running);
  }
  if (kick || curl_due <= moment) {
    if (curl_due <= moment)
      curl_due = NEVER;
    kick = false;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  take_finished();
}

/* ---- the run ----------------------------------------------------------- */

static void send_one(const char *path, long number)
{
  struct slot *s = make_slot();
  char url[512];
  snprintf(url, sizeof url, "%s/%s%ld", base, path, number);
  curl_easy_setopt(s->easy, CURLOPT_URL, url);
  s->id = -1;
  curl_multi_add_handle(multi, s->easy);
}

static void prepare(void)
{
  for (int i = 0; i < parallel; i++)
    give_back(make_slot());
  if (scenario == HANGING) {
    for (long i = 0; i < x; i++)
      send_one("hang?", i);
    send_one("gate/", x);
    open_now = false;
  }
  if (scenario == TIMERS)
    for (long i = 0; i < y; i++) {
      struct wait w = {.at = now() + INT64_C(3600000000) + i, .id = -1};
      heap_push(w);
    }
  began = now();
  if (scenario == WAITING && y)
    tick_due = began + TICK;
}

static void read_arguments(int argc, char **argv)
{
  if (argc < 5) {
    fputs("usage: floor SCENARIO BASE N PARALLEL [X] [Y]\n", stderr);
    exit(2);
  }
  while (strcmp(names[scenario], argv[1]) != 0)
    if (++scenario > HANGING)
      exit(2);
  base = argv[2];
  total = atoi(argv[3]);
  parallel = atoi(argv[4]);
  x = argc > 5 ? atol(argv[5]) : 0;
  y = argc > 6 ? atol(argv[6]) : 0;
  ca = getenv("CA");
  fresh = getenv("FRESH") != NULL;
}

int main(int argc, char **argv)
{
  read_arguments(argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  multi = checked(curl_multi_init());
  /* From 8.14 on the default closes some of those that are in use. */
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1000L);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  prepare();
  while (done < total)
    turn();
  printf("ok %d cpu_us %lld pause_us %lld\n", accepted,
         (long long)(cpu() - cpu_before), (long long)tick_worst);
  return 0;
}
