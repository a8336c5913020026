/*
 * reason: what an attempt came to, and the names a script knows it by.
 *
 * Pure tables. Everyone above http may read them.
 */
#ifndef LULL_POLICY_REASON_H
#define LULL_POLICY_REASON_H

#include "base/base.h"

/* Classes of transport error. A name is a path: "net.timeout.connect" is
   also "net.timeout" and "net". */
enum lull_class {
  LULL_CLASS_NONE = 0,      /* an answer came: its status counts */
  LULL_NET_DNS,             /* the name has no address */
  LULL_NET_REFUSED,         /* nobody listens there */
  LULL_NET_UNREACHABLE,     /* no way to the host, or to the proxy */
  LULL_NET_PROXY,           /* the proxy would not let it through */
  LULL_NET_TIMEOUT_CONNECT, /* no connection in time */
  LULL_NET_TIMEOUT_READ,    /* connected, but no whole answer in time */
  LULL_NET_RESET,           /* the connection was reset */
  LULL_NET_EMPTY,           /* closed without one byte of an answer */
  LULL_NET_SEND,            /* the request could not be sent whole */
  LULL_NET_OTHER,           /* a transport error of no other class */
  LULL_TLS_HANDSHAKE,       /* the handshake was cut or failed */
  LULL_TLS_CERT,            /* the certificate is not trusted */
  LULL_HTTP_TRUNCATED,      /* the answer ended before its end */
  LULL_HTTP_MALFORMED,      /* the answer is not HTTP */
  LULL_HTTP_CHECKSUM,       /* the body is not what its checksum says */
  LULL_HTTP_REDIRECTS,      /* too many redirects, or one not allowed */
  LULL_H2_REFUSED,          /* the server refused the stream unprocessed */
  LULL_LIMIT_BODY,          /* the answer's body is larger than max_body */
  LULL_LIMIT_HEADERS,       /* its headers are larger than max_headers */
  LULL_LOCAL_URL,           /* the URL cannot be used */
  LULL_LOCAL_FILE,          /* a local file could not be read or written */
  LULL_LOCAL_MEMORY,        /* no memory, or the transport has none */
  LULL_CLASSES
};

/* "net.dns" ...; "" for LULL_CLASS_NONE. */
const char *lull_class_name(enum lull_class class);

/* One short sentence part: "the connection was reset". */
const char *lull_class_text(enum lull_class class);

/* The class of exactly that name, LULL_CLASSES when there is none. */
enum lull_class lull_class_find(const char *name);

/* Trying again cannot help: a bad certificate, a limit, a local fault. */
bool lull_class_permanent(enum lull_class class);

/* What to do about an outcome. */
enum lull_action {
  LULL_DEFAULT = 0, /* nothing said: the next lower layer decides */
  LULL_ACCEPT,
  LULL_RETRY,
  LULL_STOP,
  LULL_FOLLOW, /* a redirect: the next hop of the same attempt */
  LULL_ACTIONS
};
const char *lull_action_name(enum lull_action action);

/* Which limit or rule ended a call. */
enum lull_why {
  LULL_WHY_NONE = 0,
  LULL_WHY_RULE,      /* a rule, or the table of defaults */
  LULL_WHY_ATTEMPTS,  /* all attempts are used up */
  LULL_WHY_DEADLINE,  /* the deadline, reached or certain to be */
  LULL_WHY_HINT,      /* the server asked for longer than is allowed */
  LULL_WHY_BUDGET,    /* the lane's retry budget is empty */
  LULL_WHY_BREAKER,   /* the lane's breaker is open */
  LULL_WHY_UNSAFE,    /* sending it again might do it twice */
  LULL_WHY_CANCELLED, /* the script, or a signal, cancelled it */
  LULL_WHYS
};
const char *lull_why_name(enum lull_why why);
const char *lull_why_text(enum lull_why why); /* "attempts used up" */

/* Where a wait came from. */
enum lull_source {
  LULL_SOURCE_NONE = 0,
  LULL_SOURCE_BACKOFF, /* the policy's backoff */
  LULL_SOURCE_RULE,    /* a rule's own backoff, or its function */
  LULL_SOURCE_HINT,    /* the server's answer */
  LULL_SOURCES
};
const char *lull_source_name(enum lull_source source);

/* The class of a fault of our own side, by what went wrong. */
enum lull_class lull_class_of(enum lull_err err);

#endif
