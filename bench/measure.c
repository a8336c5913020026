/*
 * measure: runs a command and tells what its whole process cost, on one line
 * after the command's own output:
 *
 *   measured code=0 cpu_us=.. wall_us=.. rss_kb=.. runs=..
 *
 *   measure [-c CPU] [-t SECONDS] [-r RUNS] [-w PORT,COUNT] COMMAND...
 *
 * -c pins it to a processor; -t ends it after so long; -r runs it so often
 * and adds up. With -w it is looked at once COUNT storm ids of the server at
 * PORT wait, for 2 seconds: wait_kb is what is resident then, idle_us what
 * it uses in one second of that.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100
#define IDLE_S 2

static int cpu = -1, seconds = 600, runs = 1, port;
static long count;
static pid_t child;
static int64_t spent_us, wall_us, wait_kb, idle_us;
static long rss_kb;
static int code;

static int64_t now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static void nap(int ms)
{
  struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&ts, NULL);
}

static void on_alarm(int signal_number)
{
  (void)signal_number;
  if (child > 0)
    kill(child, SIGKILL);
}

/* ---- a look at it while its calls wait --------------------------------- */

static long waiting(void)
{
  static const char ask[] = "GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n";
  struct sockaddr_in at = {.sin_family = AF_INET};
  char text[512];
  const char *found = NULL;
  ssize_t n = 0;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  at.sin_port = htons((uint16_t)port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
      write(fd, ask, sizeof ask - 1) > 0)
    n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n > 0) {
    text[n] = '\0';
    found = strstr(text, "waiting ");
  }
  return found ? atol(found + 8) : 0;
}

static int64_t resident(void)
{
  char path[64], line[256];
  int64_t kb = 0;
  FILE *f;
  snprintf(path, sizeof path, "/proc/%d/status", (int)child);
  f = fopen(path, "r");
  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, "VmRSS:", 6) == 0)
      kb = atoll(line + 6);
  if (f)
    fclose(f);
  return kb;
}

static int64_t spent(void)
{
  char path[64];
  unsigned long user = 0, sys = 0;
  FILE *f;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
  f = fopen(path, "r");
  if (!f)
    return 0;
  if (fscanf(f,
             "%*d %*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
             &user, &sys) != 2)
    user = sys = 0;
  fclose(f);
  return (int64_t)(user + sys) * 1000000 / sysconf(_SC_CLK_TCK);
}

static bool ended(void)
{
  siginfo_t info = {0};
  waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == child;
}

static void look(void)
{
  int64_t before;
  while (waiting() < count) {
    if (ended())
      return;
    nap(LOOK_MS);
  }
  nap(LOOK_MS); /* until the last answers have been read */
  wait_kb = resident();
  before = spent();
  nap(IDLE_S * 1000);
  idle_us = (spent() - before) / IDLE_S;
}

/* ---- the run ----------------------------------------------------------- */

static void become(char **command)
{
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
  }
  execvp(command[0], command);
  perror(command[0]);
  _exit(127);
}

static int64_t microseconds(struct timeval t)
{
  return t.tv_sec * INT64_C(1000000) + t.tv_usec;
}

static void run(char **command)
{
  struct rusage used;
  int status = 0;
  int64_t began = now();
  child = fork();
  if (child == 0)
    become(command);
  if (port)
    look();
  while (wait4(child, &status, 0, &used) < 0 && errno == EINTR)
    ;
  wall_us += now() - began;
  spent_us += microseconds(used.ru_utime) + microseconds(used.ru_stime);
  if (used.ru_maxrss > rss_kb)
    rss_kb = used.ru_maxrss;
  code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
  int c;
  while ((c = getopt(argc, argv, "+c:t:r:w:")) != -1) {
    if (c == 'c')
      cpu = atoi(optarg);
    else if (c == 't')
      seconds = atoi(optarg);
    else if (c == 'r')
      runs = atoi(optarg);
    else if (c != 'w' || sscanf(optarg, "%d,%ld", &port, &count) != 2)
      return 2;
  }
  if (optind == argc)
    return 2;
  signal(SIGALRM, on_alarm);
  alarm((unsigned)seconds);
  for (int i = 0; i < runs && code == 0; i++)
    run(argv + optind);
  printf("measured code=%d cpu_us=%lld wall_us=%lld rss_kb=%ld runs=%d "
         "wait_kb=%lld idle_us=%lld\n",
         code, (long long)spent_us, (long long)wall_us, rss_kb, runs,
         (long long)wait_kb, (long long)idle_us);
  return 0;
}
