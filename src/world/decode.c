#include "world/decode.h"
#include "world/coding.h"

#define AT_ONCE ((size_t)8 << 10) /* bytes that come out of one coding */

/* One coding. The one that was put on last comes off first. */
struct stage {
  enum lull_codec_name name;
  struct lull_codec *codec; /* NULL before its first bytes */
  bool ended;               /* and what follows is another member */
  bool halved;              /* of a header's two bytes the first is here */
  unsigned char half;
};

struct lull_decoder {
  struct stage stages[LULL_CODINGS];
  unsigned count;
  lull_decode_take *take;
  void *user;
};

enum lull_err lull_decode_new(struct lull_decoder **decoder,
                              const struct lull_headers *headers)
{
  struct lull_codings codings = {.count = 0};
  const char *names;
  unsigned n = 0, i;
  *decoder = NULL;
  while ((names = lull_headers_get(headers, "content-encoding", n++)) != NULL)
    if (!lull_coding_read(&codings, names))
      return LULL_OK;
  if (!codings.count)
    return LULL_OK;
  *decoder = lull_mem_zero(sizeof **decoder);
  if (!*decoder)
    return LULL_ENOMEM;
  (*decoder)->count = codings.count;
  for (i = 0; i < codings.count; i++)
    (*decoder)->stages[i].name = codings.list[i];
  return LULL_OK;
}

void lull_decode_free(struct lull_decoder *decoder)
{
  unsigned i;
  if (!decoder)
    return;
  for (i = 0; i < decoder->count; i++)
    lull_codec_free(decoder->stages[i].codec);
  lull_mem_free(decoder);
}

/* ---- bytes -------------------------------------------------------------- */

/* "deflate" is zlib's format; many take it for the bare one. The header of
   zlib's (RFC 1950, 2.2) tells. */
static enum lull_codec_name which(const struct stage *s, unsigned char next)
{
  if (s->name != LULL_CODEC_DEFLATE)
    return s->name;
  return (s->half & 0x0f) == 8 && (s->half << 8 | next) % 31 == 0
             ? LULL_CODEC_DEFLATE
             : LULL_CODEC_BARE;
}

/* What follows an end: another member, or what fills a block up. False:
   neither. */
static bool follows(struct stage *s, struct lull_codec_step *step)
{
  if (s->name == LULL_CODEC_GZIP)
    while (step->in_len && *step->in == 0)
      step->in++, step->in_len--;
  else if (s->name != LULL_CODEC_ZSTD)
    step->in_len = 0; /* nothing can */
  if (!step->in_len)
    return true;
  if (s->name == LULL_CODEC_GZIP && *step->in != 0x1f)
    return false;
  s->ended = false;
  return lull_codec_again(s->codec);
}

static enum lull_err feed(struct lull_decoder *d, unsigned stages,
                          const unsigned char *bytes, size_t len);

/* One step: what came out goes on. */
static enum lull_err advance(struct lull_decoder *d, unsigned stages,
                             struct lull_codec_step *step)
{
  struct stage *s = &d->stages[stages - 1];
  unsigned char out[AT_ONCE];
  size_t before = step->in_len;
  enum lull_codec_state state;
  enum lull_err err;
  step->out = out;
  step->room = sizeof out;
  state = lull_codec_step(s->codec, step);
  err = feed(d, stages - 1, out, sizeof out - step->room);
  if (err)
    return err;
  s->ended = state == LULL_CODEC_END;
  if (state == LULL_CODEC_BAD)
    return LULL_EINVAL;
  if (state == LULL_CODEC_MORE && before && before == step->in_len &&
      step->room == sizeof out)
    return LULL_EINVAL; /* neither in nor out */
  return LULL_OK;
}

static enum lull_err decode(struct lull_decoder *d, unsigned stages,
                            const unsigned char *bytes, size_t len)
{
  struct stage *s = &d->stages[stages - 1];
  struct lull_codec_step step = {.in = bytes, .in_len = len, .room = 1};
  enum lull_err err = LULL_OK;
  while (!err && (step.in_len || (!step.room && !s->ended))) {
    if (s->ended && !follows(s, &step))
      return LULL_EINVAL;
    if (!s->ended)
      err = advance(d, stages, &step);
  }
  return err;
}

/* Makes its codec, once it is known which. */
static enum lull_err begin(struct lull_decoder *d, unsigned stages,
                           const unsigned char **bytes, size_t *len)
{
  struct stage *s = &d->stages[stages - 1];
  if (s->name == LULL_CODEC_DEFLATE && !s->halved) {
    s->half = **bytes;
    s->halved = true;
    ++*bytes, --*len;
  }
  if (!*len)
    return LULL_OK;
  s->codec = lull_codec_new(which(s, **bytes));
  if (!s->codec)
    return LULL_ENOMEM;
  return s->halved ? decode(d, stages, &s->half, 1) : LULL_OK;
}

/* Through so many codings. */
static enum lull_err feed(struct lull_decoder *d, unsigned stages,
                          const unsigned char *bytes, size_t len)
{
  enum lull_err err = LULL_OK;
  if (!len)
    return LULL_OK;
  if (!stages)
    return d->take(d->user, bytes, len);
  if (!d->stages[stages - 1].codec)
    err = begin(d, stages, &bytes, &len);
  return err || !len ? err : decode(d, stages, bytes, len);
}

enum lull_err lull_decode_feed(struct lull_decoder *d, const void *bytes,
                               size_t len, lull_decode_take *take, void *user)
{
  d->take = take;
  d->user = user;
  return feed(d, d->count, bytes, len);
}

bool lull_decode_whole(const struct lull_decoder *d)
{
  unsigned i;
  for (i = 0; i < d->count; i++) {
    const struct stage *s = &d->stages[i];
    if ((s->codec || s->halved) && !s->ended)
      return false;
  }
  return true;
}
