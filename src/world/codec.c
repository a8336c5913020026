#include "world/codec.h"

#include <limits.h>

/* ---- their interfaces --------------------------------------------------- */

/* zlib's z_stream. */
struct stream {
  const unsigned char *next_in;
  unsigned avail_in;
  unsigned long total_in;
  unsigned char *next_out;
  unsigned avail_out;
  unsigned long total_out;
  const char *msg;
  void *state, *zalloc, *zfree, *opaque;
  int data_type;
  unsigned long adler, reserved;
};

#define Z_END 1
#define Z_BUF_ERROR (-5)
#define Z_VERSION "1.2.11" /* only its first digit counts */

struct zlib {
  int (*init)(struct stream *, int bits, const char *version, int size);
  int (*inflate)(struct stream *, int flush);
  int (*reset)(struct stream *);
  int (*end)(struct stream *);
};

enum { BR_ERROR = 0, BR_END = 1 };

struct brotli {
  void *(*create)(void *alloc, void *free, void *opaque);
  int (*decompress)(void *state, size_t *in_len, const unsigned char **in,
                    size_t *room, unsigned char **out, size_t *total);
  void (*destroy)(void *state);
};

struct zstd_in {
  const void *bytes;
  size_t size, at;
};

struct zstd_out {
  void *bytes;
  size_t size, at;
};

struct zstd {
  void *(*create)(void);
  size_t (*decompress)(void *state, struct zstd_out *, struct zstd_in *);
  unsigned (*is_error)(size_t);
  size_t (*destroy)(void *state);
};

#ifdef LULL_SINGLE

/* They are in the one file. */
int inflateInit2_(struct stream *, int, const char *, int);
int inflate(struct stream *, int);
int inflateReset(struct stream *);
int inflateEnd(struct stream *);
void *BrotliDecoderCreateInstance(void *, void *, void *);
int BrotliDecoderDecompressStream(void *, size_t *, const unsigned char **,
                                  size_t *, unsigned char **, size_t *);
void BrotliDecoderDestroyInstance(void *);
void *ZSTD_createDStream(void);
size_t ZSTD_decompressStream(void *, struct zstd_out *, struct zstd_in *);
unsigned ZSTD_isError(size_t);
size_t ZSTD_freeDStream(void *);

static const struct zlib *zlib(void)
{
  static const struct zlib api = {inflateInit2_, inflate, inflateReset,
                                  inflateEnd};
  return &api;
}

static const struct brotli *brotli(void)
{
  static const struct brotli api = {BrotliDecoderCreateInstance,
                                    BrotliDecoderDecompressStream,
                                    BrotliDecoderDestroyInstance};
  return &api;
}

static const struct zstd *zstd(void)
{
  static const struct zstd api = {ZSTD_createDStream, ZSTD_decompressStream,
                                  ZSTD_isError, ZSTD_freeDStream};
  return &api;
}

#else

#include "base/library.h"

/* Tried once. */
struct library {
  const char *files[3];
  const char *names[4];
  size_t count;
  enum { UNTRIED, THERE, MISSING } state;
};

static bool load(struct library *l, void *table)
{
  if (l->state == UNTRIED)
    l->state = lull_library_load(l->files, l->names, l->count, table)
                   ? THERE
                   : MISSING;
  return l->state == THERE;
}

static const struct zlib *zlib(void)
{
  static struct zlib api;
  static struct library l = {
      {"libz.so.1", "libz.1.dylib", NULL},
      {"inflateInit2_", "inflate", "inflateReset", "inflateEnd"},
      4,
      UNTRIED};
  return load(&l, &api) ? &api : NULL;
}

static const struct brotli *brotli(void)
{
  static struct brotli api;
  static struct library l = {
      {"libbrotlidec.so.1", "libbrotlidec.1.dylib", NULL},
      {"BrotliDecoderCreateInstance", "BrotliDecoderDecompressStream",
       "BrotliDecoderDestroyInstance"},
      3,
      UNTRIED};
  return load(&l, &api) ? &api : NULL;
}

static const struct zstd *zstd(void)
{
  static struct zstd api;
  static struct library l = {{"libzstd.so.1", "libzstd.1.dylib", NULL},
                             {"ZSTD_createDStream", "ZSTD_decompressStream",
                              "ZSTD_isError", "ZSTD_freeDStream"},
                             4,
                             UNTRIED};
  return load(&l, &api) ? &api : NULL;
}

#endif

/* ---- one of them -------------------------------------------------------- */

struct lull_codec {
  enum lull_codec_name name;
  struct stream z;
  void *state; /* of the others */
};

bool lull_codec_there(enum lull_codec_name name)
{
  if (name == LULL_CODEC_BR)
    return brotli() != NULL;
  return name == LULL_CODEC_ZSTD ? zstd() != NULL : zlib() != NULL;
}

/* A window of 32 KiB; 16 more for gzip, the minus for no header at all. */
static bool begin(struct lull_codec *c)
{
  int bits = c->name == LULL_CODEC_GZIP ? 15 + 16 : 15;
  if (c->name == LULL_CODEC_BR)
    c->state = brotli()->create(NULL, NULL, NULL);
  else if (c->name == LULL_CODEC_ZSTD)
    c->state = zstd()->create();
  else
    return zlib()->init(&c->z, c->name == LULL_CODEC_BARE ? -bits : bits,
                        Z_VERSION, (int)sizeof c->z) == 0;
  return c->state != NULL;
}

struct lull_codec *lull_codec_new(enum lull_codec_name name)
{
  struct lull_codec *c =
      lull_codec_there(name) ? lull_mem_zero(sizeof *c) : NULL;
  if (!c)
    return NULL;
  c->name = name;
  if (begin(c))
    return c;
  lull_mem_free(c);
  return NULL;
}

void lull_codec_free(struct lull_codec *c)
{
  if (!c)
    return;
  if (c->name == LULL_CODEC_BR)
    brotli()->destroy(c->state);
  else if (c->name == LULL_CODEC_ZSTD)
    zstd()->destroy(c->state);
  else
    zlib()->end(&c->z);
  lull_mem_free(c);
}

static unsigned some(size_t len)
{
  return len < UINT_MAX ? (unsigned)len : UINT_MAX;
}

static enum lull_codec_state inflate_step(struct lull_codec *c,
                                          struct lull_codec_step *s)
{
  unsigned in = some(s->in_len), room = some(s->room);
  int code;
  c->z.next_in = s->in;
  c->z.avail_in = in;
  c->z.next_out = s->out;
  c->z.avail_out = room;
  code = zlib()->inflate(&c->z, 0);
  s->in += in - c->z.avail_in;
  s->in_len -= in - c->z.avail_in;
  s->out += room - c->z.avail_out;
  s->room -= room - c->z.avail_out;
  if (code == Z_END)
    return LULL_CODEC_END;
  return code == 0 || code == Z_BUF_ERROR ? LULL_CODEC_MORE : LULL_CODEC_BAD;
}

static enum lull_codec_state br_step(struct lull_codec *c,
                                     struct lull_codec_step *s)
{
  int code = brotli()->decompress(c->state, &s->in_len, &s->in, &s->room,
                                  &s->out, NULL);
  if (code == BR_ERROR)
    return LULL_CODEC_BAD;
  return code == BR_END ? LULL_CODEC_END : LULL_CODEC_MORE;
}

static enum lull_codec_state zstd_step(struct lull_codec *c,
                                       struct lull_codec_step *s)
{
  struct zstd_in in = {s->in, s->in_len, 0};
  struct zstd_out out = {s->out, s->room, 0};
  size_t left = zstd()->decompress(c->state, &out, &in);
  if (zstd()->is_error(left))
    return LULL_CODEC_BAD;
  s->in += in.at;
  s->in_len -= in.at;
  s->out += out.at;
  s->room -= out.at;
  return left ? LULL_CODEC_MORE : LULL_CODEC_END;
}

enum lull_codec_state lull_codec_step(struct lull_codec *c,
                                      struct lull_codec_step *step)
{
  if (c->name == LULL_CODEC_BR)
    return br_step(c, step);
  return c->name == LULL_CODEC_ZSTD ? zstd_step(c, step)
                                    : inflate_step(c, step);
}

/* zstd begins another frame by itself. */
bool lull_codec_again(struct lull_codec *c)
{
  if (c->name == LULL_CODEC_GZIP)
    return zlib()->reset(&c->z) == 0;
  return c->name == LULL_CODEC_ZSTD;
}
