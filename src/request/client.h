/*
 * client: what all calls of one client share: its policy, its headers, how
 * it connects, and the limits of its lanes.
 *
 * Built once, then read only. It counts its users, because a script may
 * drop a client while its calls are still in the engine.
 */
#ifndef LULL_REQUEST_CLIENT_H
#define LULL_REQUEST_CLIENT_H

#include "http/http.h"
#include "lane/lane.h"
#include "policy/policy.h"

enum lull_http_version {
  LULL_HTTP_ANY = 0, /* HTTP/2 over TLS where the server has it */
  LULL_HTTP_1_1,
  LULL_HTTP_2 /* also without TLS, by prior knowledge */
};

struct lull_transport {
  char *ca;    /* a file of trusted certificates instead of the system's */
  char *proxy; /* NULL: as the environment says; "": none */
  char *cert;  /* the client's own certificate and its key, PEM files */
  char *cert_key;
  bool insecure; /* the server's certificate is not checked */
  bool encoded;  /* bodies are left as they were encoded */
  enum lull_http_version http;
};

/* What a request's own headers may add up to; servers take far less. */
#define LULL_REQUEST_HEADERS_MAX ((size_t)1 << 20)

struct lull_client {
  unsigned users;
  uint64_t serial;   /* tells clients apart, also after one is gone */
  char *base;        /* of the URLs that are but a path; NULL: none */
  char *home;        /* the base's origin; NULL: none */
  bool cross_origin; /* its credentials go also where a script sends else */
  bool cert_of_call; /* the certificate came with the call's URL */
  struct lull_policy policy;
  struct lull_transport transport;
  struct lull_headers headers; /* sent with every request */
  struct lull_headers secrets; /* likewise, but never to another origin */
  struct lull_lane_conf lane;
  bool shared;        /* its lanes are those of other processes, too */
  bool apart;         /* they are not, wherever the others' are */
  lull_usec hedge;    /* a second attempt after this; 0: none */
  unsigned redirects; /* the most that are followed */
  size_t max_body, max_headers;
  bool max_body_given; /* then it holds for output files too */
  /* The prefix of the last URL ("https://host:port") and its origin: most
     calls of a client go to one place, and need not be parsed again. */
  char *seen, *seen_origin;
};

/* The origin and the path of a URL when its prefix is the one that was seen
   last, and nothing in the rest needs a parser; otherwise false. Borrowed. */
bool lull_client_recall(const struct lull_client *client, const char *url,
                        const char **origin, const char **path);

/* Remembers a URL that was parsed. A cache: without memory it stays empty. */
void lull_client_remember(struct lull_client *client, const char *url,
                          const char *origin);

/* True when its credentials are not for that origin: it has a base elsewhere,
   and does not say that they are. */
bool lull_client_away(const struct lull_client *client, const char *origin);

/* With the defaults and one user; NULL when there is no memory. */
struct lull_client *lull_client_new(void);
struct lull_client *lull_client_keep(struct lull_client *client);
void lull_client_drop(struct lull_client *client);

#endif
