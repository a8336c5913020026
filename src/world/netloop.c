#define _DEFAULT_SOURCE
#define CURL_DISABLE_DEPRECATION /* curl_multi_socket_all */
#include "world/netloop.h"

#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

lull_usec lull_netloop_now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (lull_usec)ts.tv_sec * LULL_SEC + ts.tv_nsec / 1000;
}

static void drain_interrupts(struct lull_netloop *loop)
{
  char bytes[16];
  ssize_t n = read(loop->interrupt_fd, bytes, sizeof bytes);
  if (n > 0)
    loop->interrupts += (unsigned)n;
}

static void take_other(struct lull_netloop *loop, int fd)
{
  char bytes[16];
  while (read(fd, bytes, sizeof bytes) == sizeof bytes)
    ; /* less was all */
  loop->woken = true;
}

static bool is_other(const struct lull_netloop *loop, int fd)
{
  return fd == loop->other_fd[0] || fd == loop->other_fd[1];
}

bool lull_netloop_woken(struct lull_netloop *loop)
{
  bool woken = loop->woken;
  loop->woken = false;
  return woken;
}

#ifdef __linux__

#include <sys/epoll.h>
#include <sys/timerfd.h>

#define EVENTS 128 /* taken from the kernel at once */

/* Transfers in one handle: more cost more for each of them. */
#define ROOM 128

/* No shard's index: a descriptor of the loop's own. */
#define OURS UINT32_MAX

static bool watch(struct lull_netloop *loop, int op, int fd, uint32_t events,
                  uint32_t index)
{
  struct epoll_event event = {.events = events};
  event.data.u64 = (uint64_t)index << 32 | (uint32_t)fd;
  return epoll_ctl(loop->epoll_fd, op, fd, &event) == 0;
}

/* What is known of a socket may be of one that was closed without a word. */
static void watch_on(struct lull_netloop *loop, bool known, int fd,
                     uint32_t events, uint32_t index)
{
  if (!watch(loop, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events, index))
    watch(loop, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, events, index);
}

static void stir(struct lull_shard *shard, int fd, int mask)
{
  int running;
  shard->stirred = true;
  curl_multi_socket_action(shard->multi, fd, mask, &running);
}

/* libcurl forgets a socket with the end of a request, and begins anew with the
   next one on it. Meanwhile the kernel goes on to tell of it, which spares two
   system calls a request. So it is with those that are opened and closed
   through sockets alone: of others nobody knows when their number is
   another's. One that was still to be written to has had its answer at once.
 */
static void forget(struct lull_shard *shard, int fd)
{
  struct lull_netloop *loop = shard->all->user;
  struct lull_socket *socket = lull_sockets_find(loop->sockets, fd);
  if (!socket || !socket->watched) {
    watch(loop, EPOLL_CTL_DEL, fd, 0, 0);
    return;
  }
  if (socket->watched != EPOLLIN)
    watch_on(loop, true, fd, EPOLLIN, shard->index);
  socket->watched = EPOLLIN;
  socket->resting = true;
  socket->looks = loop->sockets->looks;
}

/* `seen`: libcurl has asked for it before, and not forgotten it since. */
static void heed(struct lull_shard *shard, int fd, uint32_t events, bool seen)
{
  struct lull_netloop *loop = shard->all->user;
  struct lull_socket *socket = lull_sockets_find(loop->sockets, fd);
  if (!socket) {
    watch_on(loop, seen, fd, events, shard->index);
    return;
  }
  if (socket->watched != events)
    watch_on(loop, socket->watched, fd, events, shard->index);
  socket->watched = events;
  socket->resting = false;
}

/* True when something came on a socket that rests: its server closes it, as a
   rule, and libcurl looks at that before it uses it again. */
static bool woke_up(struct lull_netloop *loop, int fd)
{
  struct lull_socket *socket = lull_sockets_find(loop->sockets, fd);
  if (!socket || !socket->resting)
    return false;
  socket->resting = false;
  socket->watched = 0;
  watch(loop, EPOLL_CTL_DEL, fd, 0, 0);
  return true;
}

/* libcurl wants to know about a socket, or no more. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *seen)
{
  struct lull_shard *shard = user;
  uint32_t events = 0;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    shard->dropped = true;
    forget(shard, fd);
    return 0;
  }
  if (what & CURL_POLL_IN)
    events |= EPOLLIN;
  if (what & CURL_POLL_OUT)
    events |= EPOLLOUT;
  heed(shard, fd, events, seen != NULL);
  if (!seen)
    curl_multi_assign(shard->multi, fd, shard);
  return 0;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
  struct lull_shard *shard = user;
  (void)multi;
  shard->due =
      ms < 0 ? LULL_NEVER : lull_usec_add(lull_netloop_now(), ms * LULL_MSEC);
  return 0;
}

static void set_up(struct lull_shard *shard, void *user)
{
  (void)user;
  curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
  curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
}

static enum lull_err open_descriptors(struct lull_netloop *loop)
{
  loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (loop->epoll_fd < 0 || loop->timer_fd < 0)
    return LULL_EWORLD;
  watch(loop, EPOLL_CTL_ADD, loop->timer_fd, EPOLLIN, OURS);
  if (loop->interrupt_fd >= 0)
    watch(loop, EPOLL_CTL_ADD, loop->interrupt_fd, EPOLLIN, OURS);
  return LULL_OK;
}

enum lull_err lull_netloop_init(struct lull_netloop *loop, int interrupt_fd,
                                struct lull_sockets *sockets)
{
  *loop = (struct lull_netloop){
      .interrupt_fd = interrupt_fd, .other_fd = {-1, -1}, .sockets = sockets};
  loop->armed_at = LULL_NEVER;
  lull_shards_init(&loop->shards, ROOM, set_up, loop);
  return open_descriptors(loop);
}

void lull_netloop_clear(struct lull_netloop *loop)
{
  lull_shards_clear(&loop->shards);
  if (loop->epoll_fd >= 0)
    close(loop->epoll_fd);
  if (loop->timer_fd >= 0)
    close(loop->timer_fd);
}

/* Sets the timerfd to `at`, when it is not set so already. */
static void arm(struct lull_netloop *loop, lull_usec at)
{
  struct itimerspec spec = {{0, 0}, {0, 0}};
  if (at == loop->armed_at)
    return;
  loop->armed_at = at;
  if (at != LULL_NEVER) {
    spec.it_value.tv_sec = (time_t)(at / LULL_SEC);
    spec.it_value.tv_nsec = (long)(at % LULL_SEC) * 1000;
  }
  timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void take_timer(struct lull_netloop *loop)
{
  uint64_t count;
  loop->armed_at = LULL_NEVER;
  if (read(loop->timer_fd, &count, sizeof count) < 0)
    return; /* it was set anew meanwhile */
}

static void take_event(struct lull_netloop *loop,
                       const struct epoll_event *event)
{
  uint32_t index = (uint32_t)(event->data.u64 >> 32);
  int mask = 0, fd = (int)(uint32_t)event->data.u64;
  if (index == OURS && fd == loop->timer_fd) {
    take_timer(loop);
  } else if (index == OURS && is_other(loop, fd)) {
    take_other(loop, fd);
  } else if (index == OURS) {
    drain_interrupts(loop);
  } else {
    if (event->events & EPOLLIN)
      mask |= CURL_CSELECT_IN;
    if (event->events & EPOLLOUT)
      mask |= CURL_CSELECT_OUT;
    if (event->events & (EPOLLERR | EPOLLHUP))
      mask |= CURL_CSELECT_ERR;
    stir(loop->shards.list[index], fd, mask);
  }
}

/* An address of a name may have had its time. libcurl goes on to the next one
   when its transfer is driven again, but 7.88 to 8.14 do not ask for that. */
static void run_timer(struct lull_shard *shard)
{
  int running;
  shard->due = LULL_NEVER;
  shard->dropped = false;
  stir(shard, CURL_SOCKET_TIMEOUT, 0);
  if (shard->dropped)
    curl_multi_socket_all(shard->multi, &running);
}

/* What the kernel has to tell. Those that rest come first, as libcurl may send
   on another one with any event. */
static void look(struct lull_netloop *loop, int patience)
{
  struct epoll_event events[EVENTS];
  int i, kept = 0, n = epoll_wait(loop->epoll_fd, events, EVENTS, patience);
  for (i = 0; i < n; i++)
    if (!woke_up(loop, (int)(uint32_t)events[i].data.u64))
      events[kept++] = events[i];
  if (n >= 0 && n < EVENTS)
    lull_sockets_looked(loop->sockets);
  for (i = 0; i < kept; i++)
    take_event(loop, &events[i]);
}

/* New requests leave with the timers, a handle's at once: what still rests
   after a look just before them needs no look of its own. */
static void run_timers(struct lull_netloop *loop)
{
  lull_usec now = lull_netloop_now();
  unsigned i, ran = 0;
  for (i = 0; i < loop->shards.count; i++) {
    struct lull_shard *shard = loop->shards.list[i];
    if (shard->due > now)
      continue;
    if (ran++)
      look(loop, 0);
    run_timer(shard);
  }
}

void lull_netloop_run(struct lull_netloop *loop, lull_usec until)
{
  lull_usec due = lull_shards_due(&loop->shards);
  bool busy;
  if (until < due)
    due = until;
  busy = due <= lull_netloop_now();
  if (!busy)
    arm(loop, due);
  look(loop, busy ? 0 : -1);
  run_timers(loop);
  loop->sockets->looked = false;
  lull_ahead_seal(&loop->sockets->ahead);
}

void lull_netloop_watch(struct lull_netloop *loop, int which, int fd)
{
  if (loop->other_fd[which] >= 0)
    watch(loop, EPOLL_CTL_DEL, loop->other_fd[which], 0, 0);
  loop->other_fd[which] = fd;
  if (fd >= 0)
    watch(loop, EPOLL_CTL_ADD, fd, EPOLLIN, OURS);
}

int lull_netloop_fd(const struct lull_netloop *loop)
{
  return loop->epoll_fd;
}

lull_usec lull_netloop_due(const struct lull_netloop *loop)
{
  return lull_shards_due(&loop->shards);
}

#else

#define PEEK (10 * LULL_MSEC) /* without a descriptor one has to look */

/* curl_multi_poll waits for one handle: all is in that. */
static void set_up(struct lull_shard *shard, void *user)
{
  (void)shard, (void)user;
}

enum lull_err lull_netloop_init(struct lull_netloop *loop, int interrupt_fd,
                                struct lull_sockets *sockets)
{
  *loop = (struct lull_netloop){
      .interrupt_fd = interrupt_fd, .other_fd = {-1, -1}, .sockets = sockets};
  lull_shards_init(&loop->shards, UINT_MAX, set_up, loop);
  return lull_shards_first(&loop->shards) ? LULL_OK : LULL_EWORLD;
}

void lull_netloop_clear(struct lull_netloop *loop)
{
  lull_shards_clear(&loop->shards);
}

/* Milliseconds until `until`, rounded up so that no wait ends early. */
static int patience(lull_usec from, lull_usec until)
{
  lull_usec ms;
  if (until <= from)
    return 0;
  ms = (until - from) / LULL_MSEC + ((until - from) % LULL_MSEC != 0);
  return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Waits first: what ends while libcurl works is to be taken before the next
   wait. */
void lull_netloop_run(struct lull_netloop *loop, lull_usec until)
{
  struct lull_shard *shard = lull_shards_first(&loop->shards);
  struct curl_waitfd extra[1 + LULL_NETLOOP_OTHERS] = {0};
  unsigned count = 0, i;
  int running;
  if (loop->interrupt_fd >= 0)
    extra[count++].fd = loop->interrupt_fd;
  for (i = 0; i < LULL_NETLOOP_OTHERS; i++)
    if (loop->other_fd[i] >= 0)
      extra[count++].fd = loop->other_fd[i];
  for (i = 0; i < count; i++)
    extra[i].events = CURL_WAIT_POLLIN;
  curl_multi_poll(shard->multi, extra, count,
                  patience(lull_netloop_now(), until), NULL);
  for (i = 0; i < count; i++)
    if (extra[i].revents && is_other(loop, extra[i].fd))
      take_other(loop, extra[i].fd);
    else if (extra[i].revents)
      drain_interrupts(loop);
  curl_multi_perform(shard->multi, &running);
  lull_ahead_seal(&loop->sockets->ahead);
  shard->stirred = true;
}

void lull_netloop_watch(struct lull_netloop *loop, int which, int fd)
{
  loop->other_fd[which] = fd;
}

int lull_netloop_fd(const struct lull_netloop *loop)
{
  (void)loop;
  return -1;
}

lull_usec lull_netloop_due(const struct lull_netloop *loop)
{
  (void)loop;
  return lull_usec_add(lull_netloop_now(), PEEK);
}

#endif
