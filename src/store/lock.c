#define _DEFAULT_SOURCE
#include "store/lock.h"
#include "base/base.h"
#include "store/advice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/vfs.h>
#endif

#define SUFFIX "-lock"

static bool told(char *problem, size_t size, const char *journal,
                 const char *what)
{
  snprintf(problem, size, "%s: %s%s", journal, what, lull_store_advice(what));
  return false;
}

/* The lock is on the file that has the name now, and not on one that its last
   holder has just removed. */
static bool is_current(const struct lull_lock *lock)
{
  struct stat here, there;
  return fstat(lock->fd, &here) == 0 && stat(lock->path, &there) == 0 &&
         here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* Its holder has written its number into it. */
static bool held(const struct lull_lock *lock, const char *journal,
                 char *problem, size_t size)
{
  char number[24] = "", words[96];
  if (pread(lock->fd, number, sizeof number - 1, 0) < 0)
    number[0] = '\0';
  snprintf(words, sizeof words,
           "another process is at work on it (pid %ld); wait for its end",
           strtol(number, NULL, 10));
  return told(problem, size, journal, words);
}

static bool sign(const struct lull_lock *lock)
{
  char number[24];
  int len = snprintf(number, sizeof number, "%ld\n", (long)getpid());
  return ftruncate(lock->fd, 0) == 0 &&
         pwrite(lock->fd, number, (size_t)len, 0) == len;
}

static void drop(struct lull_lock *lock)
{
  if (lock->fd >= 0)
    close(lock->fd);
  lock->fd = -1;
}

bool lull_lock_take(struct lull_lock *lock, const char *journal, char *problem,
                    size_t size)
{
  size_t len = strlen(journal);
  lock->fd = -1;
  lock->path = lull_mem_alloc(len + sizeof SUFFIX);
  if (!lock->path)
    return told(problem, size, journal, "out of memory");
  memcpy(lock->path, journal, len);
  memcpy(lock->path + len, SUFFIX, sizeof SUFFIX);
  do {
    drop(lock);
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock->fd < 0)
      return told(problem, size, lock->path, strerror(errno));
    if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0)
      return held(lock, journal, problem, size);
  } while (!is_current(lock));
  lock->mine = sign(lock);
  return lock->mine || told(problem, size, lock->path, strerror(errno));
}

void lull_lock_release(struct lull_lock *lock)
{
  if (lock->mine && is_current(lock))
    unlink(lock->path);
  drop(lock);
  lull_mem_free(lock->path);
  lock->path = NULL;
}

long lull_lock_holder(const char *journal)
{
  char number[24] = "", path[4200];
  long pid = 0;
  int fd;
  if (strlen(journal) > 4096)
    return 0;
  snprintf(path, sizeof path, "%s%s", journal, SUFFIX);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  if (flock(fd, LOCK_SH | LOCK_NB) != 0 &&
      pread(fd, number, sizeof number - 1, 0) > 0)
    pid = strtol(number, NULL, 10);
  close(fd);
  return pid;
}

#ifdef __linux__

/* As linux/magic.h has them, and where FUSE's servers may be elsewhere. */
static const char *network(unsigned long type)
{
  switch (type) {
  case 0x6969:
    return "NFS";
  case 0x517B:
  case 0xFF534D42:
  case 0xFE534D42:
    return "SMB";
  case 0x01021997:
    return "9P";
  case 0x00C36400:
    return "Ceph";
  case 0x5346414F:
    return "AFS";
  default:
    return NULL;
  }
}

bool lull_lock_local(const char *journal, char *problem, size_t size)
{
  const char *slash = strrchr(journal, '/'), *name;
  char folder[4096], words[160];
  struct statfs fs;
  size_t len = slash ? (size_t)(slash - journal) + 1 : 0;
  if (len >= sizeof folder)
    return told(problem, size, journal, "its path is too long");
  snprintf(folder, sizeof folder, "%.*s.", (int)len, journal);
  if (statfs(folder, &fs) != 0)
    return told(problem, size, journal, strerror(errno));
  name = network((unsigned long)fs.f_type & 0xFFFFFFFF);
  if (!name)
    return true;
  snprintf(words, sizeof words,
           "it would be on a network file system (%s), where a journal is not "
           "safe; put it on a local disk",
           name);
  return told(problem, size, journal, words);
}

#else

bool lull_lock_local(const char *journal, char *problem, size_t size)
{
  (void)journal, (void)problem, (void)size;
  return true;
}

#endif
