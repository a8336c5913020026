/*
 * sink: where an answer's body goes: into bounded memory, or into a file
 * beside the one that was asked for, which takes its name only when the
 * answer is accepted, so that nobody ever sees half a file.
 *
 * Owns the memory, the descriptor and the temporary file. An answer to a
 * request for the rest of a file may turn out to be an error: then its body
 * goes to memory, and the part that is already in the file stays.
 */
#ifndef LULL_HTTP_SINK_H
#define LULL_HTTP_SINK_H

#include "base/buf.h"

struct lull_sink {
  struct lull_buf memory;
  char *temp;              /* the temporary file's path; NULL: there is none */
  int fd;                  /* open while a body is being written to it */
  uint64_t size, size_max; /* of the file */
};

/* At most `max` bytes in memory, and `size_max` in a file, after decoding. */
void lull_sink_init(struct lull_sink *sink, size_t max, uint64_t size_max);
void lull_sink_clear(struct lull_sink *sink); /* removes a temporary file */

/* From now on the body goes to a file beside `path`, from its beginning.
   LULL_EIO, LULL_ENOMEM. */
enum lull_err lull_sink_open(struct lull_sink *sink, const char *path);

/* From now on the body is appended to the part that is there. LULL_EIO. */
enum lull_err lull_sink_append(struct lull_sink *sink);

/* LULL_ELIMIT past the maximum; LULL_EIO; LULL_ENOMEM. */
enum lull_err lull_sink_write(struct lull_sink *sink, const void *bytes,
                              size_t len);

/* Closes the descriptor; the part stays. */
void lull_sink_pause(struct lull_sink *sink);

/* Moves a part from one sink to another, which has none. */
void lull_sink_move_part(struct lull_sink *to, struct lull_sink *from);

/* The body is accepted: gives the file its name; a body that is in memory
   is written out first. LULL_EIO, LULL_ENOMEM. */
enum lull_err lull_sink_commit(struct lull_sink *sink, const char *path);

#endif
