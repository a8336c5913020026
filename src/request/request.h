/*
 * request: what a call sends: method, URL, its own headers and its body.
 *
 * Owns all of it. Embedded in a call, which keeps it over all attempts, so
 * it holds nothing that only a running transfer needs.
 */
#ifndef LULL_REQUEST_REQUEST_H
#define LULL_REQUEST_REQUEST_H

#include "http/output.h"
#include "request/client.h"

/* In memory; or a file, which is opened anew for each attempt. */
struct lull_body {
  bool file;
  int64_t len;      /* the body's length */
  int64_t modified; /* of a file: ns since 1970, when the call began */
  char text[];      /* the bytes; or the path, with its NUL */
};

/* Where a redirect led away from, for the way back. */
struct lull_home {
  struct lull_headers secrets; /* that stayed there, and the host header */
  bool left;                   /* its origin: the secrets are here */
  bool foreign;                /* of the request when it was there */
  char url[];
};

struct lull_request {
  const char *method; /* a common one, which nobody owns; or its own */
  char *url;
  struct lull_headers headers;
  struct lull_headers secrets; /* headers that no other origin may see */
  struct lull_body *body;      /* NULL: none */
  struct lull_output *output;  /* the file for the accepted body, or NULL */
  struct lull_home *home;      /* NULL: it is there */
  bool foreign;                /* went to another origin than its first */
  bool away;                   /* goes to another origin than the client's */
};

void lull_request_init(struct lull_request *r);
void lull_request_clear(struct lull_request *r);

/* There is no way back from where the request is now. */
void lull_request_settle(struct lull_request *r);

/* LULL_EINVAL for a text that is no method; LULL_ENOMEM. */
enum lull_err lull_request_method(struct lull_request *r, const char *method);

/* A copy of the bytes as a body, freed by lull_mem_free. LULL_ENOMEM. */
enum lull_err lull_body_bytes(struct lull_body **body, const char *bytes,
                              size_t len);

/* The same of a path: its size and time are fixed now. LULL_EIO when it is
   no readable regular file. */
enum lull_err lull_body_file(struct lull_body **body, const char *path);

/* LULL_ECHANGED when the file is not what it was; LULL_EIO. LULL_OK for
   bytes, and where there is no body. */
enum lull_err lull_body_check(const struct lull_body *body);

/* All headers that go out: the request's own, then those of the client that
   the request does not name. An empty value keeps a client's header out and
   is not sent itself. */
enum lull_err lull_request_headers(const struct lull_request *r,
                                   const struct lull_client *c,
                                   struct lull_headers *all);

/* Whether its client's secrets, host and certificate may go along: they stay
   with the origin of the client, and with that of the call. */
bool lull_request_at_home(const struct lull_request *r);

/* True when the request or its client names that header, if only to keep it
   from being sent. */
bool lull_request_names(const struct lull_request *r,
                        const struct lull_client *c, const char *name);

/* What goes out under that name, or NULL. Borrowed. */
const char *lull_request_value(const struct lull_request *r,
                               const struct lull_client *c, const char *name);

/* Keeps a header from being sent, the client's too. LULL_ENOMEM. */
enum lull_err lull_request_suppress(struct lull_request *r, const char *name);

/* Sets fields of `raw` (name NUL value NUL ...) instead of those of the same
   name. */
enum lull_err lull_request_override(struct lull_headers *headers,
                                    const char *raw, size_t len);

#endif
