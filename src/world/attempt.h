/*
 * attempt: one transfer on the wire: what is sent, what came of it.
 *
 * The engine allocates it for as long as it flies and fills the first part;
 * the world fills the second. What both worlds must do alike (the headers
 * that go out, where a body goes) is here.
 */
#ifndef LULL_WORLD_ATTEMPT_H
#define LULL_WORLD_ATTEMPT_H

#include "http/sink.h"
#include "request/request.h"

/* libcurl bears no more of an answer's headers, as they come. */
#define LULL_HEADERS_MOST ((size_t)300 << 10)

/* What a server answered. Owns its headers and body. */
struct lull_response {
  int status; /* 0: there is none */
  struct lull_headers headers;
  struct lull_sink sink;
};

void lull_response_init(struct lull_response *r,
                        const struct lull_client *client);
void lull_response_clear(struct lull_response *r);

struct lull_attempt {
  void *owner;  /* the engine's leg of a call */
  void *engine; /* the engine */
  /* Called when the request starts to leave, from within `next`; it must
     not call the world. */
  void (*leaving)(struct lull_attempt *a, lull_usec at);
  /* Called when status and headers of the final answer are there, also when
     that is its end; likewise from within `next`, or from a simulated
     server's words. `response.status` and its headers may be read. */
  void (*head)(struct lull_attempt *a, lull_usec at);
  const struct lull_request *request;
  const struct lull_client *client;
  uint64_t resume_from;  /* how much of the file there is; 0: begin anew */
  const char *validator; /* of that part; NULL: nobody told */
  bool fresh;            /* over a new connection, whatever is there */
  bool old;              /* by HTTP/1.1, since the server asked for it */
  lull_usec patience;    /* may last so long until it is connected; NEVER */
  lull_usec stall;       /* ends when no byte moves for so long; 0: never */
  lull_usec moved;       /* when one did last; the worlds tell */

  enum lull_class class; /* LULL_CLASS_NONE: the status counts */
  int proxy_status;      /* of a proxy that refused the tunnel; its headers are
                            the response's */
  enum lull_class cut; /* what ended its body before its end; NONE: nothing */
  struct lull_response response;
  bool connected;    /* there was a connection to send on */
  bool sent;         /* a byte of the request may have reached the server */
  bool answered;     /* a byte of an answer came */
  bool unproved;     /* refused, but all of the request had gone out */
  bool starved;      /* no file was to be had for it: nothing was sent */
  bool asks_old;     /* the server wants HTTP/1.1 */
  bool shared;       /* its connection may carry others: HTTP/2 */
  bool complete;     /* there was no more to come: the file was whole */
  lull_usec arrived; /* wall clock when the headers came */
  char detail[96];   /* what the transport says of an error */

  bool parked;                  /* simulated: waits for the driver's answer */
  bool handed_out;              /* simulated: the driver has it */
  struct lull_headers outgoing; /* simulated: what the server is to see */
  void *transfer;               /* real: the world's own */
};

void lull_attempt_init(struct lull_attempt *a,
                       const struct lull_request *request,
                       const struct lull_client *client);
void lull_attempt_clear(struct lull_attempt *a);

/* Status and headers of the final answer are there. Once for an attempt. */
void lull_attempt_head(struct lull_attempt *a, int status, lull_usec at);

/* It has ended: the head of an answer decides, and what ended the body can
   only add to it. But a success without its body is none. */
void lull_attempt_settle(struct lull_attempt *a);

/* Whether its body is decoded; `wish`: its Accept-Encoding, or NULL. */
bool lull_attempt_decodes(const struct lull_attempt *a, const char *wish);

/* All headers that go out, those for the rest of a file included. */
enum lull_err lull_attempt_headers(const struct lull_attempt *a,
                                   struct lull_headers *all);

#endif
