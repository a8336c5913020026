#define _POSIX_C_SOURCE 200809L
#define _XOPEN_SOURCE 700
#include "http/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as Linux follows. */
#define LINKS_MAX 40

/* ---- what a name stands for -------------------------------------------- */

/* The folder of a path, with its links followed, and the last part. */
static int split(const char *path, char folder[PATH_MAX], const char **last)
{
  const char *slash = strrchr(path, '/');
  char before[PATH_MAX];
  size_t len = slash ? (size_t)(slash - path) : 0;
  *last = slash ? slash + 1 : path;
  if (!*path)
    return ENOENT;
  if (len >= sizeof before)
    return ENAMETOOLONG;
  memcpy(before, path, len);
  before[len] = '\0';
  if (!realpath(!slash ? "." : len ? before : "/", folder))
    return errno;
  return **last && strcmp(*last, ".") != 0 && strcmp(*last, "..") != 0
             ? 0
             : EISDIR;
}

static bool same_folder(const char *folder, const char *name)
{
  char real[PATH_MAX];
  return realpath(name, real) && strcmp(real, folder) == 0;
}

/* "1" in the folder of this process's descriptors; -1: none of them. */
static int descriptor_of(const char *folder, const char *last)
{
  if (!*last || strlen(last) > 7 || last[strspn(last, "0123456789")])
    return -1;
  if (same_folder(folder, "/dev/fd") || same_folder(folder, "/proc/self/fd") ||
      same_folder(folder, "/proc/thread-self/fd"))
    return atoi(last);
  return -1;
}

/* The descriptors of other processes are no files to be replaced. */
static bool is_foreign(const char *folder)
{
  size_t len = strlen(folder);
  return strncmp(folder, "/proc/", 6) == 0 && len > 3 &&
         strcmp(folder + len - 3, "/fd") == 0;
}

/* Puts what a link says in the place of its path. */
static int follow(char path[PATH_MAX], const char *folder, const char *full)
{
  char text[PATH_MAX];
  ssize_t len = readlink(full, text, sizeof text - 1);
  int size;
  if (len < 0)
    return errno;
  text[len] = '\0';
  size = *text == '/' ? snprintf(path, PATH_MAX, "%s", text)
                      : snprintf(path, PATH_MAX, "%s/%s", folder, text);
  return size < PATH_MAX ? 0 : ENAMETOOLONG;
}

static int kind_of(struct lull_place *place, const struct stat *st)
{
  struct stat null;
  if (S_ISDIR(st->st_mode))
    return EISDIR;
  if (S_ISSOCK(st->st_mode))
    return ENXIO;
  place->there = S_ISREG(st->st_mode);
  if (place->there)
    return 0;
  place->kind = LULL_PLACE_STREAM;
  if (S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 &&
      null.st_rdev == st->st_rdev)
    place->kind = LULL_PLACE_NULL;
  return 0;
}

/* Goes one link further. 0: `full` is no link; -1: another step; or an errno.
 */
static int step(struct lull_place *place, char path[PATH_MAX],
                char full[PATH_MAX])
{
  char folder[PATH_MAX];
  const char *last;
  struct stat st;
  int err = split(path, folder, &last);
  if (err)
    return err;
  place->descriptor = descriptor_of(folder, last);
  if (place->descriptor >= 0) {
    place->kind = LULL_PLACE_DESCRIPTOR;
    return 0;
  }
  if (snprintf(full, PATH_MAX, "%s/%s", folder[1] ? folder : "", last) >=
      PATH_MAX)
    return ENAMETOOLONG;
  if (is_foreign(folder)) {
    place->kind = LULL_PLACE_STREAM;
    return 0;
  }
  if (lstat(full, &st) != 0)
    return errno == ENOENT ? 0 : errno;
  if (!S_ISLNK(st.st_mode))
    return kind_of(place, &st);
  err = follow(path, folder, full);
  return err ? err : -1;
}

static int may_write(const struct lull_place *place)
{
  int flags;
  if (place->kind == LULL_PLACE_DESCRIPTOR) {
    flags = fcntl(place->descriptor, F_GETFL);
    if (flags < 0)
      return errno;
    return (flags & O_ACCMODE) == O_RDONLY ? EBADF : 0;
  }
  if (place->kind == LULL_PLACE_FILE && !place->there)
    return 0;
  return faccessat(AT_FDCWD, place->path, W_OK, AT_EACCESS) == 0 ? 0 : errno;
}

int lull_place_find(struct lull_place *place, const char *path)
{
  char at[PATH_MAX], full[PATH_MAX] = "";
  int hops, err = -1;
  *place = (struct lull_place){.descriptor = -1};
  if (strlen(path) >= sizeof at)
    return ENAMETOOLONG;
  snprintf(at, sizeof at, "%s", path);
  for (hops = 0; err < 0 && hops < LINKS_MAX; hops++)
    err = step(place, at, full);
  if (err)
    return err < 0 ? ELOOP : err;
  place->path = lull_mem_copy(full, strlen(full));
  return place->path ? may_write(place) : ENOMEM;
}

void lull_place_clear(struct lull_place *place)
{
  lull_mem_free(place->path);
  *place = (struct lull_place){.descriptor = -1};
}

/* ---- writing to it ----------------------------------------------------- */

int lull_place_rename(const struct lull_place *place, const char *path, int fd)
{
  struct stat there, made;
  bool exists = stat(place->path, &there) == 0;
  if (place->kind != LULL_PLACE_FILE)
    return EXDEV;
  if (exists) {
    if (fstat(fd, &made) != 0)
      return errno;
    if (there.st_nlink > 1)
      return EXDEV; /* its other names are to be the same file */
    if ((there.st_uid != made.st_uid || there.st_gid != made.st_gid) &&
        fchown(fd, there.st_uid, there.st_gid) != 0)
      return EXDEV;
    if (fchmod(fd, there.st_mode & 07777) != 0)
      return EXDEV;
  }
  if (rename(path, place->path) == 0)
    return 0;
  return exists ? EXDEV : errno; /* its folder may take no other file */
}

int lull_place_write_all(int fd, const char *bytes, size_t len)
{
  while (len) {
    ssize_t n = write(fd, bytes, len);
    if (n < 0 && errno == EAGAIN) {
      struct pollfd ready = {.fd = fd, .events = POLLOUT};
      poll(&ready, 1, -1);
      continue;
    }
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? errno : EIO;
    bytes += n;
    len -= (size_t)n;
  }
  return 0;
}

static int copy(int to, int from)
{
  char bytes[1 << 16];
  off_t at = 0;
  int err = 0;
  while (!err) {
    ssize_t n = pread(from, bytes, sizeof bytes, at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? errno : 0;
    err = lull_place_write_all(to, bytes, (size_t)n);
    at += n;
  }
  return err;
}

/* What was printed before comes before. */
static int open_as_it_is(const struct lull_place *place)
{
  if (place->kind == LULL_PLACE_DESCRIPTOR) {
    fflush(place->descriptor == STDERR_FILENO ? stderr : stdout);
    return fcntl(place->descriptor, F_DUPFD_CLOEXEC, 3);
  }
  return open(place->path,
              O_WRONLY | O_CLOEXEC | O_NOCTTY |
                  (place->kind == LULL_PLACE_FILE ? O_CREAT | O_TRUNC : 0),
              0666);
}

/* Nobody reads a pipe any more: an error, and no signal, whatever the process
   does about those. */
static int without_signal(int to, int fd, const char *bytes, size_t len)
{
  sigset_t pipe, old, pending;
  int err, caught;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe, &old);
  err = fd >= 0 ? copy(to, fd) : lull_place_write_all(to, bytes, len);
  if (err == EPIPE && !sigismember(&pending, SIGPIPE)) {
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE))
      sigwait(&pipe, &caught);
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return err;
}

int lull_place_write(const struct lull_place *place, int fd, const char *bytes,
                     size_t len)
{
  int to, err;
  if (place->kind == LULL_PLACE_NULL)
    return 0;
  to = open_as_it_is(place);
  if (to < 0)
    return errno;
  err = without_signal(to, fd, bytes, len);
  if (close(to) != 0 && !err)
    err = errno;
  return err;
}
