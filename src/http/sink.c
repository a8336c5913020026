#define _POSIX_C_SOURCE 200809L
#include "http/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void lull_sink_init(struct lull_sink *sink, size_t max, uint64_t size_max)
{
  *sink = (struct lull_sink){.fd = -1, .size_max = size_max};
  lull_buf_init(&sink->memory, max);
}

void lull_sink_pause(struct lull_sink *sink)
{
  if (sink->fd >= 0)
    close(sink->fd);
  sink->fd = -1;
}

static void drop_part(struct lull_sink *sink)
{
  lull_sink_pause(sink);
  if (sink->temp)
    unlink(sink->temp);
  lull_mem_free(sink->temp);
  sink->temp = NULL;
  sink->size = 0;
}

void lull_sink_clear(struct lull_sink *sink)
{
  drop_part(sink);
  lull_buf_clear(&sink->memory);
}

void lull_sink_move_part(struct lull_sink *to, struct lull_sink *from)
{
  to->temp = from->temp;
  to->size = from->size;
  lull_sink_pause(from);
  from->temp = NULL;
  from->size = 0;
}

/* Renaming over a device (/dev/null, as root) would take it away from all,
   and over a directory it would fail at the end. */
static bool replaceable(const char *path)
{
  struct stat st;
  return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

/* A file that was not there before, with the user's usual permissions
   (mkstemp's would be 0600). */
static enum lull_err create(struct lull_sink *sink, const char *path)
{
  size_t size = strlen(path) + 48;
  unsigned n;
  sink->temp = lull_mem_alloc(size);
  if (!sink->temp)
    return LULL_ENOMEM;
  for (n = 0; n < 10000 && replaceable(path); n++) {
    snprintf(sink->temp, size, "%s.part-%ld-%u", path, (long)getpid(), n);
    sink->fd = open(sink->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (sink->fd >= 0)
      return LULL_OK;
    if (errno != EEXIST)
      break;
  }
  lull_mem_free(sink->temp);
  sink->temp = NULL;
  return LULL_EIO;
}

enum lull_err lull_sink_open(struct lull_sink *sink, const char *path)
{
  drop_part(sink);
  return create(sink, path);
}

enum lull_err lull_sink_append(struct lull_sink *sink)
{
  if (sink->fd < 0)
    sink->fd = open(sink->temp, O_WRONLY | O_APPEND | O_CLOEXEC);
  return sink->fd >= 0 ? LULL_OK : LULL_EIO;
}

static enum lull_err write_all(int fd, const char *bytes, size_t len)
{
  while (len) {
    ssize_t n = write(fd, bytes, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return LULL_EIO;
    bytes += n;
    len -= (size_t)n;
  }
  return LULL_OK;
}

enum lull_err lull_sink_write(struct lull_sink *sink, const void *bytes,
                              size_t len)
{
  enum lull_err err;
  if (sink->fd < 0)
    return lull_buf_add(&sink->memory, bytes, len);
  if (len > sink->size_max - sink->size)
    return LULL_ELIMIT;
  err = write_all(sink->fd, bytes, len);
  if (!err)
    sink->size += len;
  return err;
}

/* A body that came into memory, as that of an accepted 404 does. */
static enum lull_err write_out(struct lull_sink *sink, const char *path)
{
  enum lull_err err = lull_sink_open(sink, path);
  if (!err)
    err = write_all(sink->fd, sink->memory.data, sink->memory.len);
  return err;
}

enum lull_err lull_sink_commit(struct lull_sink *sink, const char *path)
{
  enum lull_err err = LULL_OK;
  if (sink->fd < 0)
    err = write_out(sink, path);
  if (!err) {
    err = close(sink->fd) == 0 ? LULL_OK : LULL_EIO;
    sink->fd = -1; /* closed also when that failed */
  }
  if (!err && rename(sink->temp, path) != 0)
    err = LULL_EIO;
  if (err)
    return err;
  lull_mem_free(sink->temp);
  sink->temp = NULL;
  sink->size = 0;
  return LULL_OK;
}
