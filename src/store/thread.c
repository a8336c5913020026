#define _DEFAULT_SOURCE
#include "store/thread.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

bool lull_thread_pipe(int ends[2])
{
  int i;
  if (pipe(ends) != 0)
    return false;
  for (i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  return true;
}

void lull_thread_close(int ends[2])
{
  int i;
  for (i = 0; i < 2; i++)
    if (ends[i] >= 0)
      close(ends[i]);
}

bool lull_thread_begin(pthread_t *thread, void *(*work)(void *user),
                       void *user)
{
  sigset_t all, before;
  bool begun;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  begun = pthread_create(thread, NULL, work, user) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return begun;
}
