/*
 * answer: where an answer's body goes, whether it is whole, and whether a part
 * of a file is the one that belongs to what there is of it (RFC 9110, 14.4 and
 * 15.3.7). For both worlds alike.
 */
#ifndef LULL_WORLD_ANSWER_H
#define LULL_WORLD_ANSWER_H

#include "policy/reason.h"
#include "world/attempt.h"

/* False when its lengths differ, or one is none: nobody can tell then where
   its body ends (RFC 9112, section 6.3). Chunks end by themselves. */
bool lull_answer_framed(const struct lull_attempt *a);

/* The headers of the answer are there and its body begins: chooses where
   the body goes. Only a 2xx answer goes to the output file; the body of an
   error stays in memory for the script. LULL_EIO, LULL_ENOMEM; LULL_EINVAL
   for a part of the file that does not fit what there is of it. */
enum lull_err lull_answer_begins(struct lull_attempt *a, int status);

/* Appends to the body. `received` is what came over the wire so far, for
   the bound on decompression. LULL_ELIMIT; LULL_EIO; LULL_ENOMEM. */
enum lull_err lull_answer_add(struct lull_attempt *a, const void *bytes,
                              size_t len, uint64_t received);

/* The answer has ended, and is whole as far as HTTP is concerned: the attempt
   gets another class when it is but a part (LULL_HTTP_TRUNCATED), one that
   does not fit (LULL_HTTP_MALFORMED), or not what its checksum says. A 416
   that tells that the file was whole before makes it complete. */
void lull_answer_ends(struct lull_attempt *a, int status);

#endif
