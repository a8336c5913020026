/*
 * output: the file that an accepted body is to become, and the part of it
 * that has come so far.
 *
 * The part is a file beside its target under a stable name, `.lull-part`, with
 * a note of its version: whatever ends a run, the next one goes on with it.
 * While an attempt writes to it, it is locked; who finds it locked, and calls
 * that cannot be continued by another run, have a file of their own, which
 * goes away with the call.
 *
 * Owns its paths, and the descriptor while an attempt has it. The call's
 * request owns the output. One attempt at a time uses it.
 */
#ifndef LULL_HTTP_OUTPUT_H
#define LULL_HTTP_OUTPUT_H

#include "base/sha256.h"
#include "http/part.h"
#include "http/version.h"

struct lull_output {
  struct lull_place place;
  char *name;            /* the path as it was given */
  char *problem;         /* "path: reason" of what went wrong last; or NULL */
  struct lull_part part; /* open while an attempt has it */
  int held;              /* a descriptor in its stead; or -1 */
  bool lacking;          /* the part that is there could not be opened */
  struct lull_version version; /* of the part */
  bool keep;                   /* the part may outlive the call */
  bool onto;     /* go on with the file that is there, of whatever version */
  uint64_t have; /* so long is that file; 0: begin anew */
  int64_t have_since; /* s since 1970: when it was written to last */
  uint64_t written;   /* bytes of the whole, once it has its name */
  bool checked;       /* `sum` is what the whole has to have */
  char sum[LULL_SHA256_HEX + 1];
  char key[LULL_SHA256_HEX + 1]; /* what is asked for */
  struct lull_sha256 sha;        /* of its first sha.count bytes */
};

/* Looks whether the path can be written to. LULL_EIO, then *problem says why
   and is the caller's to free; LULL_ENOMEM. */
enum lull_err lull_output_new(struct lull_output **output, const char *path,
                              char **problem);

/* Before the first attempt: a later run may go on with what has come of
   `url`. */
void lull_output_keep(struct lull_output *o, const char *url);

/* The body has to have this SHA-256, 64 hexadecimal digits. */
void lull_output_expect(struct lull_output *o, const char *sum);

/* Before an attempt: takes up a part that can be continued. How much of the
   file there is; 0: nothing. */
uint64_t lull_output_take_up(struct lull_output *o);

/* Sees to it that the body can be written, before it is asked for: one file is
   kept open until then. False when there is none to be had; `first`: when it
   would not be one of the last. */
bool lull_output_hold(struct lull_output *o, bool first);

/* From now on the body is written from its beginning, or after what there is.
   LULL_EIO, LULL_ENOMEM. */
enum lull_err lull_output_begin(struct lull_output *o);
enum lull_err lull_output_append(struct lull_output *o);

/* Which version the part is of; taken over, and `v` is empty afterwards. */
void lull_output_set_version(struct lull_output *o, struct lull_version *v);

enum lull_err lull_output_write(struct lull_output *o, const void *bytes,
                                size_t len);

/* After an attempt: a part that can be continued stays, any other goes. */
void lull_output_pause(struct lull_output *o);

/* The part is of no use. */
void lull_output_discard(struct lull_output *o);

/* False when the part, or a body in memory, is not what was expected. Reads
   what another run has left of the part. */
bool lull_output_matches(struct lull_output *o);
bool lull_output_expects(const struct lull_output *o, const char *body,
                         size_t len);

/* The part becomes the file. LULL_EIO, LULL_ENOMEM. */
enum lull_err lull_output_commit(struct lull_output *o);

/* The bytes become the file. LULL_EIO, LULL_ENOMEM. */
enum lull_err lull_output_put(struct lull_output *o, const char *bytes,
                              size_t len);

/* A part that may outlive the call stays where it is. */
void lull_output_free(struct lull_output *o);

#endif
