#define _POSIX_C_SOURCE 200809L
#include "world/answer.h"
#include "hint/httpdate.h"
#include "hint/scan.h"
#include "world/coding.h"

#include <string.h>
#include <strings.h>

/* A decoded file may grow to this, and beyond it only in proportion to what
   came over the wire: what is larger is a bomb and no document. */
#define DECODED_FREE ((uint64_t)64 << 20)
#define DECODED_RATIO 200

/* Content-Range: bytes FIRST-LAST/TOTAL. */
struct range {
  uint64_t first, last, total; /* total 0: "*" */
};

static const char *header(const struct lull_attempt *a, const char *name)
{
  return lull_headers_get(&a->response.headers, name, 0);
}

static bool read_range(const struct lull_attempt *a, struct range *r)
{
  const char *text = header(a, "content-range");
  struct lull_scan s = lull_scan_text(text ? text : "");
  *r = (struct range){0};
  if (!lull_scan_word(&s, "bytes") || !lull_scan_char(&s, ' ') ||
      !lull_scan_uint(&s, &r->first) || !lull_scan_char(&s, '-') ||
      !lull_scan_uint(&s, &r->last) || !lull_scan_char(&s, '/'))
    return false;
  if (!lull_scan_char(&s, '*') &&
      (!lull_scan_uint(&s, &r->total) || r->last >= r->total))
    return false;
  return lull_scan_done(&s) && r->first <= r->last;
}

/* "bytes *" and the length of the whole, as a 416 tells. */
static bool read_length(const struct lull_attempt *a, uint64_t *total)
{
  const char *text = header(a, "content-range");
  struct lull_scan s = lull_scan_text(text ? text : "");
  return lull_scan_word(&s, "bytes") && lull_scan_char(&s, ' ') &&
         lull_scan_char(&s, '*') && lull_scan_char(&s, '/') &&
         lull_scan_uint(&s, total) && lull_scan_done(&s);
}

static bool is_encoded(const struct lull_attempt *a)
{
  const char *encoding = header(a, "content-encoding");
  return encoding && lull_coding_known(encoding) &&
         strcasecmp(encoding, "identity") != 0;
}

static bool own_range(const struct lull_attempt *a)
{
  return lull_request_names(a->request, a->client, "range");
}

/* ---- versions ---------------------------------------------------------- */

/* Last-Modified is strong when the answer is at least a second younger. */
static bool is_dated(const struct lull_attempt *a)
{
  const char *modified = header(a, "last-modified"), *date = header(a, "date");
  lull_usec then, at;
  return modified && date &&
         lull_httpdate_read(lull_scan_text(modified), 0, &then) &&
         lull_httpdate_read(lull_scan_text(date), 0, &at) &&
         at - then >= LULL_SEC;
}

static uint64_t total_of(const struct lull_attempt *a)
{
  const char *text = header(a, "content-length");
  struct lull_scan s = lull_scan_text(text ? text : "");
  struct range r;
  uint64_t total;
  if (header(a, "content-range"))
    return read_range(a, &r) ? r.total : 0;
  return !header(a, "transfer-encoding") && lull_scan_uint(&s, &total) &&
                 lull_scan_done(&s)
             ? total
             : 0;
}

/* The bytes of a decoded body have no place in the encoded one: it cannot be
   continued, and neither can what the script asks for a range of. */
static enum lull_err read_version(const struct lull_attempt *a,
                                  struct lull_version *v)
{
  if (is_encoded(a) || own_range(a) || strcmp(a->request->method, "GET") != 0)
    return lull_version_set(v, NULL, NULL, false, 0);
  return lull_version_set(v, header(a, "etag"), header(a, "last-modified"),
                          is_dated(a), total_of(a));
}

/* A file that has changed since ours was written is another one. */
static bool newer(const struct lull_attempt *a)
{
  const char *modified = header(a, "last-modified");
  lull_usec at;
  return modified && lull_httpdate_read(lull_scan_text(modified), 0, &at) &&
         at / LULL_SEC > a->request->output->have_since;
}

/* A validator that is told again says most; where none is, If-Range has been
   obeyed by a server that tells the same length. */
static bool same_version(const struct lull_attempt *a,
                         const struct lull_output *o)
{
  struct lull_version v = {0};
  bool same =
      read_version(a, &v) == LULL_OK && lull_version_agrees(&o->version, &v);
  if (same && !(o->version.etag && v.etag) &&
      !(o->version.modified && v.modified))
    same = v.total && o->version.total;
  lull_version_clear(&v);
  return same;
}

/* False when a part is not the one that comes next, or of another version
   than what there is. */
static bool fits(const struct lull_attempt *a)
{
  const struct lull_output *o = a->request->output;
  struct range r;
  if (!read_range(a, &r) || is_encoded(a) || r.first != a->resume_from)
    return false;
  if (!a->resume_from)
    return true;
  return a->validator ? same_version(a, o) : !newer(a);
}

/* ---- its framing ------------------------------------------------------- */

/* One number, or the same one several times: "5", "5, 5". */
static bool read_lengths(const char *text, uint64_t *length, bool more)
{
  struct lull_scan s = lull_scan_text(text);
  uint64_t n;
  do {
    while (lull_scan_char(&s, ' '))
      ;
    if (!lull_scan_uint(&s, &n) || n > INT64_MAX || (more && n != *length))
      return false;
    *length = n;
    more = true;
    while (lull_scan_char(&s, ' '))
      ;
  } while (lull_scan_char(&s, ','));
  return lull_scan_done(&s);
}

bool lull_answer_framed(const struct lull_attempt *a)
{
  const struct lull_headers *h = &a->response.headers;
  const char *text = header(a, "transfer-encoding");
  uint64_t length = 0;
  size_t at = 0;
  bool framed = true, more = false;
  if (text && strcasecmp(text, "identity") != 0)
    return strcasecmp(text, "chunked") == 0;
  for (; framed && (text = lull_scan_field(h, &at, "content-length"));
       more = true)
    framed = read_lengths(text, &length, more);
  return framed;
}

/* ---- its body ---------------------------------------------------------- */

/* A part of a file is appended to what there is, anything else begins it. */
static enum lull_err choose(struct lull_attempt *a, int status)
{
  struct lull_output *o = a->request->output;
  struct lull_version v = {0};
  bool part =
      status == 206 && !lull_request_names(a->request, a->client, "range");
  bool rest = part && a->resume_from && a->validator;
  enum lull_err err;
  if (part && !fits(a))
    return LULL_EINVAL;
  err = part && a->resume_from ? lull_output_append(o) : lull_output_begin(o);
  if (!err && !rest)
    err = read_version(a, &v);
  if (!err && !rest)
    lull_output_set_version(o, &v);
  return err;
}

enum lull_err lull_answer_begins(struct lull_attempt *a, int status)
{
  enum lull_err err;
  if (!a->request->output || status < 200 || status > 299)
    return LULL_OK;
  err = choose(a, status);
  if (!err)
    a->response.sink.output = a->request->output;
  return err;
}

enum lull_err lull_answer_add(struct lull_attempt *a, const void *bytes,
                              size_t len, uint64_t received)
{
  struct lull_sink *sink = &a->response.sink;
  uint64_t size = sink->output ? sink->output->part.size + len : 0;
  if (size > DECODED_FREE && size - a->resume_from > DECODED_FREE &&
      (size - a->resume_from) / DECODED_RATIO > received)
    return LULL_ELIMIT;
  return lull_sink_write(sink, bytes, len);
}

/* ---- ends -------------------------------------------------------------- */

static uint64_t size_of(const struct lull_attempt *a)
{
  const struct lull_sink *sink = &a->response.sink;
  return sink->output ? sink->output->part.size : sink->memory.len;
}

/* To a Range of the script's own: as long as it says that it is. */
static enum lull_class own_end(const struct lull_attempt *a)
{
  struct range r;
  if (is_encoded(a) || !read_range(a, &r))
    return LULL_CLASS_NONE; /* several parts, or of a decoded body */
  return size_of(a) < r.last - r.first + 1 ? LULL_HTTP_TRUNCATED
                                           : LULL_CLASS_NONE;
}

static enum lull_class part_end(const struct lull_attempt *a)
{
  const struct lull_output *o = a->response.sink.output;
  uint64_t size = size_of(a), total;
  struct range r;
  if (!read_range(a, &r) || r.first != (o ? a->resume_from : 0) ||
      (a->request->output && !o))
    return LULL_HTTP_MALFORMED;
  total = r.total ? r.total : o ? o->version.total : 0;
  if (is_encoded(a)) /* decoded, so that its length tells nothing */
    return r.last + 1 == total ? LULL_CLASS_NONE : LULL_HTTP_TRUNCATED;
  if (size > r.last + 1)
    return LULL_HTTP_MALFORMED;
  return size == total ? LULL_CLASS_NONE : LULL_HTTP_TRUNCATED;
}

static bool matches(const struct lull_attempt *a)
{
  const struct lull_sink *sink = &a->response.sink;
  return sink->output
             ? lull_output_matches(sink->output)
             : lull_output_expects(a->request->output, sink->memory.data,
                                   sink->memory.len);
}

/* A 416 may tell a validator, and of the version that it has a length. */
static bool other_version(const struct lull_attempt *a, uint64_t total)
{
  const struct lull_version *ours = &a->request->output->version;
  struct lull_version v = {0};
  bool same = read_version(a, &v) == LULL_OK;
  v.total = total;
  same = same && lull_version_agrees(ours, &v);
  lull_version_clear(&v);
  return !same;
}

/* To a request for the rest: there is none. The bytes that are there are the
   body then, unless they are the beginning of another version. */
static bool was_whole(struct lull_attempt *a)
{
  struct lull_output *o = a->request->output;
  uint64_t total;
  if (!a->resume_from || !read_length(a, &total) || total != a->resume_from ||
      other_version(a, total))
    return false;
  if (lull_output_append(o) != LULL_OK || !lull_output_matches(o))
    return false;
  a->response.sink.output = o;
  return true;
}

void lull_answer_ends(struct lull_attempt *a, int status)
{
  if (strcmp(a->request->method, "HEAD") == 0)
    return;
  if (status == 416)
    a->complete = was_whole(a);
  if (status == 206)
    a->class = own_range(a) ? own_end(a) : part_end(a);
  if (a->class == LULL_CLASS_NONE && a->request->output && status >= 200 &&
      status < 300 && !matches(a))
    a->class = LULL_HTTP_CHECKSUM;
}
