#define _POSIX_C_SOURCE 200809L
#include "binary/stdout.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool lost, told;

bool lull_stdout_failed(void)
{
  lost = lost || ferror(stdout);
  return lost;
}

bool lull_stdout_unread(void)
{
  struct pollfd look = {.fd = STDOUT_FILENO, .events = POLLOUT};
  return lull_stdout_failed() && poll(&look, 1, 0) == 1 &&
         (look.revents & POLLERR);
}

void lull_stdout_tell(const char *why)
{
  if (told || !lull_stdout_failed())
    return;
  told = true;
  if (lull_stdout_unread())
    return;
  fprintf(stderr, "lull: cannot write to standard output%s%s\n",
          why ? ": " : "", why ? why : "");
}

void lull_stdout_flush(void)
{
  if (fflush(stdout) != 0)
    lull_stdout_tell(strerror(errno));
}
