/*
 * sink: where an answer's body goes: into bounded memory, or into a file
 * beside the one that was asked for, which takes its name only when the
 * answer is accepted, so that nobody ever sees half a file.
 *
 * Owns the memory, the descriptor and the temporary file.
 */
#ifndef LULL_SINK_H
#define LULL_SINK_H

#include "buf.h"

struct lull_sink {
  struct lull_buf memory;
  char *temp; /* the temporary file's path; NULL while in memory */
  int fd;
  size_t written;
};

/* At most `max` bytes, after decoding. */
void lull_sink_init(struct lull_sink *sink, size_t max);
void lull_sink_clear(struct lull_sink *sink); /* removes a temporary file */

/* From now on the body goes to a file beside `path`. LULL_EIO, LULL_ENOMEM. */
enum lull_err lull_sink_open(struct lull_sink *sink, const char *path);

/* LULL_ELIMIT past `max`; LULL_EIO; LULL_ENOMEM. */
enum lull_err lull_sink_write(struct lull_sink *sink, const void *bytes,
                              size_t len);

/* The body is accepted: gives the file its name; a body that is in memory
   is written out first. */
enum lull_err lull_sink_commit(struct lull_sink *sink, const char *path);

#endif
