/*
 * codec: zlib, brotli and zstd as one thing: bytes in, decoded bytes out.
 *
 * Their functions are declared here, by their binary interfaces, which have
 * not changed for many years: so lull is built where their headers are not
 * installed, as libcurl is. Owns what the libraries allocate. Only decode uses
 * it.
 */
#ifndef LULL_WORLD_CODEC_H
#define LULL_WORLD_CODEC_H

#include "base/base.h"

enum lull_codec_name {
  LULL_CODEC_GZIP,
  LULL_CODEC_DEFLATE, /* with a header of zlib's */
  LULL_CODEC_BARE,    /* without one */
  LULL_CODEC_BR,
  LULL_CODEC_ZSTD
};

struct lull_codec;

/* What goes in and what comes out; each call moves both on. */
struct lull_codec_step {
  const unsigned char *in;
  size_t in_len;
  unsigned char *out;
  size_t room;
};

enum lull_codec_state {
  LULL_CODEC_MORE, /* of either */
  LULL_CODEC_END,  /* of a member, or of all */
  LULL_CODEC_BAD
};

/* Whether the library is there. */
bool lull_codec_there(enum lull_codec_name name);

/* NULL: no memory, or no library. */
struct lull_codec *lull_codec_new(enum lull_codec_name name);
void lull_codec_free(struct lull_codec *codec);

enum lull_codec_state lull_codec_step(struct lull_codec *codec,
                                      struct lull_codec_step *step);

/* Another member begins. */
bool lull_codec_again(struct lull_codec *codec);

#endif
