#include "http/sink.h"

void lull_sink_init(struct lull_sink *sink, size_t max, uint64_t size_max)
{
  *sink = (struct lull_sink){.size_max = size_max};
  lull_buf_init(&sink->memory, max);
}

void lull_sink_clear(struct lull_sink *sink)
{
  if (sink->output)
    lull_output_discard(sink->output);
  sink->output = NULL;
  lull_buf_clear(&sink->memory);
}

void lull_sink_release(struct lull_sink *sink)
{
  if (sink->output)
    lull_output_pause(sink->output);
  sink->output = NULL;
}

enum lull_err lull_sink_write(struct lull_sink *sink, const void *bytes,
                              size_t len)
{
  struct lull_output *o = sink->output;
  if (!o)
    return lull_buf_add(&sink->memory, bytes, len);
  if (o->part.size > sink->size_max || len > sink->size_max - o->part.size)
    return LULL_ELIMIT;
  return lull_output_write(o, bytes, len);
}
