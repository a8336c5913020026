/*
 * files: how many files this process may still open. Sockets are files, too.
 *
 * Owns nothing. When there are no more it is nobody's fault over there: what
 * was to be sent is held until others have ended.
 */
#ifndef LULL_HTTP_FILES_H
#define LULL_HTTP_FILES_H

#include <stdbool.h>

/* True for an errno that says so: of this process, or of the system. */
bool lull_files_lacking(int number);

/* True when none can be opened now. */
bool lull_files_short(void);

/* How many may be open at once, as far as the process goes; 0: any number. */
unsigned long lull_files_limit(void);

/* True when a file that was opened under that number leaves too few, but for
   `more`, for what must not fail: writing an answer, a script's own. */
bool lull_files_tight(int fd, unsigned more);

#endif
