#define _POSIX_C_SOURCE 200809L
#include "http/note.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer headers than these make no note. */
#define NOTE_MAX 2048
#define FIRST "lull part 1"
#define LAST "end\n"

int lull_note_write(const char *path, const char *key,
                    const struct lull_version *v)
{
  char text[NOTE_MAX];
  int err = 0, fd;
  int len = snprintf(text, sizeof text,
                     FIRST "\nkey %s\netag %s\nmodified %s\ndated %d\n"
                           "total %" PRIu64 "\n" LAST,
                     key, v->etag ? v->etag : "",
                     v->modified ? v->modified : "", v->dated, v->total);
  if (len < 0 || (size_t)len >= sizeof text)
    return EMSGSIZE;
  fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0)
    return errno;
  if (write(fd, text, (size_t)len) != len)
    err = EIO;
  if (close(fd) != 0)
    err = errno;
  return err;
}

static bool load(const char *path, char text[NOTE_MAX])
{
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  ssize_t len = fd < 0 ? -1 : read(fd, text, NOTE_MAX - 1);
  if (fd >= 0)
    close(fd);
  if (len < (ssize_t)sizeof LAST)
    return false;
  text[len] = '\0';
  return strlen(text) == (size_t)len &&
         strcmp(text + len - (sizeof LAST - 1), LAST) == 0;
}

/* Takes the next line, which has that name; what is after the name. */
static char *field(char **at, const char *name)
{
  char *line = *at, *end = strchr(line, '\n');
  size_t len = strlen(name);
  if (!end || strncmp(line, name, len) != 0 || line[len] != ' ')
    return NULL;
  *end = '\0';
  *at = end + 1;
  return line + len + 1;
}

static const char *told(const char *text)
{
  return *text ? text : NULL;
}

bool lull_note_read(const char *path, const char *key, struct lull_version *v)
{
  char text[NOTE_MAX], *at = text;
  const char *of, *etag, *modified, *dated, *total;
  lull_version_clear(v);
  if (!load(path, text) || strncmp(text, FIRST "\n", sizeof FIRST) != 0)
    return false;
  at += sizeof FIRST;
  of = field(&at, "key");
  etag = of ? field(&at, "etag") : NULL;
  modified = etag ? field(&at, "modified") : NULL;
  dated = modified ? field(&at, "dated") : NULL;
  total = dated ? field(&at, "total") : NULL;
  if (!total || strcmp(of, key) != 0)
    return false;
  return lull_version_set(v, told(etag), told(modified), *dated == '1',
                          strtoull(total, NULL, 10)) == LULL_OK &&
         lull_version_validator(v) != NULL;
}
