/*
 * coding: the names of content codings, and which of them can be decoded.
 *
 * Pure, but for libraries being looked for. Called by what sends a request and
 * reads its answer.
 */
#ifndef LULL_WORLD_CODING_H
#define LULL_WORLD_CODING_H

#include "world/codec.h"

#include <stdbool.h>

#define LULL_CODINGS 5 /* one after the other, at most */

/* The header line that asks for all of them, or NULL when there is none. */
const char *lull_coding_line(void);

/* How a body was coded, first things first: at most LULL_CODINGS. */
struct lull_codings {
  enum lull_codec_name list[LULL_CODINGS];
  unsigned count;
};

/* Adds those that a Content-Encoding names. False when one of them cannot be
   decoded, which leaves the whole body as it came: servers write what is none
   ("UTF-8", "aws-chunked"), and browsers show such a body, too. */
bool lull_coding_read(struct lull_codings *codings,
                      const char *content_encoding);

/* Whether all that a Content-Encoding names can be decoded. */
bool lull_coding_known(const char *content_encoding);

#endif
