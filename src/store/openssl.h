/*
 * openssl: its functions, loaded when a Redis is first named that is spoken to
 * by TLS: lull works where OpenSSL is not installed, and needs no headers of
 * it.
 *
 * Only store's own files use it.
 */
#ifndef LULL_STORE_OPENSSL_H
#define LULL_STORE_OPENSSL_H

#include "store/hiredis.h"

#ifdef LULL_STORE_REDIS

/* OpenSSL's own names, of which nothing more is known here. */
struct ssl_st;
struct ssl_ctx_st;
struct ssl_method_st;
struct x509_store_ctx_st;
struct X509_VERIFY_PARAM_st;

/* What its headers have as macros; the same since 1.1. */
enum {
  LULL_OPENSSL_PEM = 1,           /* SSL_FILETYPE_PEM */
  LULL_OPENSSL_PEER = 1,          /* SSL_VERIFY_PEER */
  LULL_OPENSSL_WANT_READ = 2,     /* SSL_ERROR_WANT_READ */
  LULL_OPENSSL_WANT_WRITE = 3,    /* SSL_ERROR_WANT_WRITE */
  LULL_OPENSSL_FAULT = 1,         /* SSL_ERROR_SSL */
  LULL_OPENSSL_END = 1 << 7,      /* SSL_OP_IGNORE_UNEXPECTED_EOF */
  LULL_OPENSSL_CLEAR_MODE = 78,   /* SSL_CTRL_CLEAR_MODE */
  LULL_OPENSSL_AUTO_RETRY = 4,    /* SSL_MODE_AUTO_RETRY */
  LULL_OPENSSL_SET_HOSTNAME = 55, /* SSL_CTRL_SET_TLSEXT_HOSTNAME */
  LULL_OPENSSL_NO_ERROR = 0       /* X509_V_OK */
};

struct lull_openssl {
  const struct ssl_method_st *(*method)(void);
  struct ssl_ctx_st *(*ctx_new)(const struct ssl_method_st *);
  void (*ctx_free)(struct ssl_ctx_st *);
  uint64_t (*ctx_options)(struct ssl_ctx_st *, uint64_t);
  int (*ctx_trust)(struct ssl_ctx_st *, const char *, const char *);
  int (*ctx_trust_default)(struct ssl_ctx_st *);
  int (*ctx_cert)(struct ssl_ctx_st *, const char *);
  int (*ctx_key)(struct ssl_ctx_st *, const char *, int);
  void (*ctx_verify)(struct ssl_ctx_st *, int,
                     int (*)(int, struct x509_store_ctx_st *));
  struct ssl_st *(*make)(struct ssl_ctx_st *);
  void (*free)(struct ssl_st *);
  long (*ctrl)(struct ssl_st *, int, long, void *);
  int (*set_host)(struct ssl_st *, const char *);
  struct X509_VERIFY_PARAM_st *(*param)(struct ssl_st *);
  int (*param_ip)(struct X509_VERIFY_PARAM_st *, const char *);
  int (*set_fd)(struct ssl_st *, int);
  int (*handshake)(struct ssl_st *);
  int (*read)(struct ssl_st *, void *, int);
  int (*write)(struct ssl_st *, const void *, int);
  int (*pending)(const struct ssl_st *);
  int (*error)(const struct ssl_st *, int);
  long (*verified)(const struct ssl_st *);
  const char *(*verify_words)(long);
  unsigned long (*next_error)(void);
  const char *(*words)(unsigned long);
  void (*clear_errors)(void);
};

/* NULL when it cannot be loaded. */
const struct lull_openssl *lull_openssl(void);

#endif
#endif
