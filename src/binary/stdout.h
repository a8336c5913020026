/*
 * stdout: standard output, as a stream that may fail. It is lost once: that
 * is said at once, on standard error, unless it is a pipe that nobody reads
 * any more. Called by main alone; it never ends the process.
 */
#ifndef LULL_BINARY_STDOUT_H
#define LULL_BINARY_STDOUT_H

#include <stdbool.h>

/* True when a write has failed. */
bool lull_stdout_failed(void);

/* True when one has failed because nobody reads the pipe any more. */
bool lull_stdout_unread(void);

/* Says once that it failed, when it has; `why` is what the system says of it,
   or NULL. */
void lull_stdout_tell(const char *why);

/* Writes what is still held back, or says that it cannot. */
void lull_stdout_flush(void);

#endif
