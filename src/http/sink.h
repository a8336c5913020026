/*
 * sink: where an answer's body goes: into bounded memory, or into the part of
 * an output file, which takes its name only when the answer is accepted, so
 * that nobody ever sees half a file.
 *
 * Owns the memory. Borrows the output, which its call keeps over all attempts:
 * an answer to a request for the rest of a file may turn out to be an error,
 * and then its body goes to memory, and the part stays as it is.
 */
#ifndef LULL_HTTP_SINK_H
#define LULL_HTTP_SINK_H

#include "base/buf.h"
#include "http/output.h"

struct lull_sink {
  struct lull_buf memory;
  struct lull_output *output; /* while the body goes there; or NULL */
  uint64_t size_max;          /* of the file */
};

/* At most `max` bytes in memory, and `size_max` in a file, after decoding. */
void lull_sink_init(struct lull_sink *sink, size_t max, uint64_t size_max);

/* A whole body that nobody has taken is thrown away. */
void lull_sink_clear(struct lull_sink *sink);

/* LULL_ELIMIT past the maximum; LULL_EIO; LULL_ENOMEM. */
enum lull_err lull_sink_write(struct lull_sink *sink, const void *bytes,
                              size_t len);

/* The attempt is over, and its body is not whole: what can be continued
   stays. */
void lull_sink_release(struct lull_sink *sink);

#endif
