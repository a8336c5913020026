/*
 * note: what is kept beside the part of a download of the version that it is
 * of, so that a later run can go on with it.
 *
 * A note that was written in part, or by another version of lull, is none.
 */
#ifndef LULL_HTTP_NOTE_H
#define LULL_HTTP_NOTE_H

#include "http/version.h"

/* `key` says what was asked for. 0, or an errno. */
int lull_note_write(const char *path, const char *key,
                    const struct lull_version *v);

/* False when there is no whole note of that key. */
bool lull_note_read(const char *path, const char *key, struct lull_version *v);

#endif
