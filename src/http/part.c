#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "http/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".lull-part"
#define NOTE ".note"
#define ELSEWHERE P_tmpdir "/lull"

void lull_part_init(struct lull_part *part)
{
  *part = (struct lull_part){.fd = -1};
}

static char *join(const char *front, const char *end)
{
  size_t size = strlen(front) + strlen(end) + 1;
  char *text = lull_mem_alloc(size);
  if (text)
    snprintf(text, size, "%s%s", front, end);
  return text;
}

void lull_part_forget(struct lull_part *part)
{
  part->size = 0;
  lull_mem_free(part->path);
  lull_mem_free(part->note);
  part->path = part->note = NULL;
}

static bool name_stable(struct lull_part *part, const char *target)
{
  lull_part_forget(part);
  part->path = join(target, SUFFIX);
  part->note = part->path ? join(part->path, NOTE) : NULL;
  if (part->note)
    return true;
  lull_part_forget(part);
  return false;
}

static bool is_ours(int fd, struct stat *st)
{
  return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, st) == 0 &&
         S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_uid == geteuid();
}

static bool same_file(const struct stat *a, const struct stat *b)
{
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Opens and locks what has the stable name. 0; EAGAIN when another has it, or
   it is none of ours; or another errno. Who had it may just have given it its
   real name: then it is looked for again. */
static int lock_stable(struct lull_part *part, int flags)
{
  struct stat there, opened;
  int tries;
  for (tries = 0; tries < 10; tries++) {
    int fd = open(part->path, flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0666);
    bool ours = fd >= 0 && is_ours(fd, &opened);
    if (fd < 0)
      return errno == ELOOP ? EAGAIN : errno;
    if (ours && lstat(part->path, &there) == 0 && same_file(&there, &opened)) {
      part->fd = fd;
      part->size = (uint64_t)opened.st_size;
      return 0;
    }
    close(fd);
    if (!ours && lstat(part->path, &there) == 0)
      return EAGAIN;
  }
  return EAGAIN;
}

/* A file of this call alone, beside the target or in the folder for such
   things: one that nobody has. 0, or an errno. */
static int create_own(struct lull_part *part, const char *front, mode_t mode)
{
  size_t size = strlen(front) + sizeof SUFFIX + 48;
  unsigned n;
  int err = 0;
  lull_part_forget(part);
  part->path = lull_mem_alloc(size);
  if (!part->path)
    return ENOMEM;
  for (n = 0; n < 10000; n++) {
    snprintf(part->path, size, "%s" SUFFIX "-%ld-%u", front, (long)getpid(),
             n);
    part->fd = open(part->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (part->fd >= 0)
      return 0;
    err = errno;
    if (err != EEXIST)
      break;
  }
  lull_part_forget(part);
  return err;
}

/* What goes to a device, or into a file whose folder takes no other, is put
   together elsewhere. */
int lull_part_make(struct lull_part *part, const struct lull_place *target,
                   bool keep)
{
  int err;
  part->size = 0;
  if (target->kind == LULL_PLACE_NULL) {
    part->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return part->fd < 0 ? errno : 0;
  }
  if (target->kind != LULL_PLACE_FILE)
    return create_own(part, ELSEWHERE, 0600);
  if (keep && name_stable(part, target->path) &&
      lock_stable(part, O_CREAT) == 0)
    return 0;
  err = create_own(part, target->path, 0666);
  return err && target->there ? create_own(part, ELSEWHERE, 0600) : err;
}

int lull_part_find(struct lull_part *part, const struct lull_place *target)
{
  int err = name_stable(part, target->path) ? lock_stable(part, 0) : ENOMEM;
  if (err)
    lull_part_forget(part);
  return err;
}

bool lull_part_reopen(struct lull_part *part)
{
  part->fd = open(part->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  return part->fd >= 0 && lseek(part->fd, 0, SEEK_END) >= 0;
}

void lull_part_close(struct lull_part *part)
{
  if (part->fd >= 0)
    close(part->fd);
  part->fd = -1;
}

void lull_part_remove(struct lull_part *part)
{
  if (part->note && part->fd < 0 && lock_stable(part, 0) != 0)
    lull_part_forget(part);
  if (part->note)
    unlink(part->note);
  if (part->path)
    unlink(part->path);
  lull_part_close(part);
  lull_part_forget(part);
}
