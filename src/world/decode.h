/*
 * decode: the content codings of a body: gzip, all members of it (RFC 1952,
 * 2.2), deflate with and without a header of zlib's, br and zstd; several
 * after one another, too.
 *
 * libcurl decodes the first member only, and refuses a body whose coding it
 * does not know: so it is asked to decode nothing. What decodes are zlib,
 * brotli and zstd, which libcurl brings along, loaded when first needed.
 *
 * Owns what they hold while a body comes in. Called by transfer, and
 * for a simulated server's answers.
 */
#ifndef LULL_WORLD_DECODE_H
#define LULL_WORLD_DECODE_H

#include "http/http.h"

#define LULL_UNDECODABLE                                                      \
  "the body is not what Content-Encoding says; encoded = true gives it as "   \
  "it "                                                                       \
  "came"

struct lull_decoder;

/* Takes decoded bytes. An error ends the decoding. */
typedef enum lull_err lull_decode_take(void *user, const void *bytes,
                                       size_t len);

/* What decodes the body of that answer; *decoder is NULL when it is to be left
   as it comes. LULL_ENOMEM. */
enum lull_err lull_decode_new(struct lull_decoder **decoder,
                              const struct lull_headers *headers);
void lull_decode_free(struct lull_decoder *decoder);

/* LULL_EINVAL: the bytes are none of that coding, or something else follows
   its end; LULL_ENOMEM; or what `take` gave. */
enum lull_err lull_decode_feed(struct lull_decoder *decoder, const void *bytes,
                               size_t len, lull_decode_take *take, void *user);

/* False when more had to come. */
bool lull_decode_whole(const struct lull_decoder *decoder);

#endif
