#define _POSIX_C_SOURCE 200809L
#include "http/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#define COUNTED 4096 /* so many are looked at one by one */
#define SPARE 16     /* that are left to others; an eighth, if that is less */

bool lull_files_lacking(int number)
{
  return number == EMFILE || number == ENFILE;
}

bool lull_files_short(void)
{
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return lull_files_lacking(errno);
  close(fd);
  return false;
}

unsigned long lull_files_limit(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return 0;
  return (unsigned long)limit.rlim_cur;
}

/* How many are open: whoever asks the kernel about one that is not is told. */
static unsigned long count_open(unsigned long limit)
{
  struct pollfd look[256];
  unsigned long open = 0, from, i;
  for (from = 0; from < limit; from += sizeof look / sizeof *look) {
    unsigned long n = limit - from;
    n = n < sizeof look / sizeof *look ? n : sizeof look / sizeof *look;
    for (i = 0; i < n; i++)
      look[i] = (struct pollfd){.fd = (int)(from + i)};
    if (poll(look, (nfds_t)n, 0) < 0)
      return 0;
    for (i = 0; i < n; i++)
      open += !(look[i].revents & POLLNVAL);
  }
  return open;
}

/* The lowest number that is free is given first, so all below it are taken;
   above it there are others. */
bool lull_files_tight(int fd, unsigned more)
{
  unsigned long limit = lull_files_limit();
  unsigned long spare = limit / 8 < SPARE ? limit / 8 : SPARE;
  if (!limit)
    return false;
  if ((unsigned long)fd + spare + more >= limit)
    return true;
  return limit <= COUNTED && count_open(limit) + spare + more > limit;
}
