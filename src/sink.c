#define _POSIX_C_SOURCE 200809L
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lull_sink_init(struct lull_sink *sink, size_t max)
{
  *sink = (struct lull_sink){.fd = -1};
  lull_buf_init(&sink->memory, max);
}

static void close_file(struct lull_sink *sink)
{
  if (sink->fd >= 0)
    close(sink->fd);
  sink->fd = -1;
}

void lull_sink_clear(struct lull_sink *sink)
{
  close_file(sink);
  if (sink->temp)
    unlink(sink->temp);
  lull_mem_free(sink->temp);
  lull_buf_clear(&sink->memory);
  lull_sink_init(sink, sink->memory.max);
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
  for (n = 0; n < 10000; n++) {
    snprintf(sink->temp, size, "%s.part-%ld-%u", path, (long)getpid(), n);
    sink->fd = open(sink->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    0666);
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
  return sink->temp ? LULL_OK : create(sink, path);
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
  if (len > sink->memory.max - sink->written)
    return LULL_ELIMIT;
  err = sink->temp ? write_all(sink->fd, bytes, len)
                   : lull_buf_add(&sink->memory, bytes, len);
  if (!err)
    sink->written += len;
  return err;
}

enum lull_err lull_sink_commit(struct lull_sink *sink, const char *path)
{
  enum lull_err err = LULL_OK;
  if (!sink->temp) {
    err = create(sink, path);
    if (!err)
      err = write_all(sink->fd, sink->memory.data, sink->memory.len);
  }
  if (!err && close(sink->fd) != 0)
    err = LULL_EIO;
  sink->fd = -1;
  if (!err && rename(sink->temp, path) != 0)
    err = LULL_EIO;
  if (err)
    return err;
  lull_mem_free(sink->temp);
  sink->temp = NULL;
  return LULL_OK;
}
