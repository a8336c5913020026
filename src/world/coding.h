/*
 * coding: the content codings that this libcurl decodes.
 *
 * Pure, but for libcurl being asked what it was built with. Called by what
 * sends a request and reads its answer.
 */
#ifndef LULL_WORLD_CODING_H
#define LULL_WORLD_CODING_H

#include <stdbool.h>

/* The header line that asks for all of them, or NULL when there is none. */
const char *lull_coding_line(void);

/* Whether libcurl decodes each coding that a Content-Encoding names. One that
   it does not know leaves the whole body as it came: servers write what is
   none ("UTF-8", "aws-chunked"), and browsers show such a body, too. */
bool lull_coding_known(const char *content_encoding);

#endif
