/*
 * place: what the name of an output file stands for: a file that is there or
 * is to be made, a device, a fifo, or a descriptor of this process.
 *
 * Owns the path, with all links followed. Opens nothing until something is to
 * be written.
 */
#ifndef LULL_HTTP_PLACE_H
#define LULL_HTTP_PLACE_H

#include "base/base.h"

enum lull_place_kind {
  LULL_PLACE_FILE,      /* there or not; may be replaced by another */
  LULL_PLACE_NULL,      /* /dev/null */
  LULL_PLACE_STREAM,    /* a fifo or a device: written to as it is */
  LULL_PLACE_DESCRIPTOR /* /dev/stdout, /dev/fd/5, ... */
};

struct lull_place {
  enum lull_place_kind kind;
  bool there; /* a file that is there already */
  int descriptor;
  char *path;
};

/* Looks, and checks that it may be written to; whether a file can be made in
   its folder is not looked at. 0, or an errno. */
int lull_place_find(struct lull_place *place, const char *path);
void lull_place_clear(struct lull_place *place);

/* Gives the file at `path`, which is open as `fd`, this place's name; one that
   is there hands on its mode and owner. 0; EXDEV when that cannot be done and
   the bytes have to be copied; or another errno. */
int lull_place_rename(const struct lull_place *place, const char *path,
                      int fd);

/* Writes all that the file `fd` holds, or else `len` bytes, into the place as
   it is: same file, same links. 0, or an errno. */
int lull_place_write(const struct lull_place *place, int fd, const char *bytes,
                     size_t len);

/* write(2) until all is written. 0, or an errno. */
int lull_place_write_all(int fd, const char *bytes, size_t len);

#endif
