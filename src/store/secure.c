#define _DEFAULT_SOURCE
#include "store/secure.h"

#ifdef LULL_STORE_REDIS

#include "world/trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SYSTEM 0x80000000ul /* the error is an errno; from OpenSSL 3 on */

/* ---- what went wrong --------------------------------------------------- */

static enum lull_server_end wrong(struct lull_secure *s, const char *words,
                                  const char *more)
{
  snprintf(s->problem, sizeof s->problem, "%s%s", words, more);
  return LULL_SERVER_WRONG;
}

/* OpenSSL has no words for what the system says. */
static const char *reason(struct lull_secure *s)
{
  unsigned long error = s->api->next_error();
  const char *words = s->api->words(error);
  if (words)
    return words;
  return error & SYSTEM ? strerror((int)(error & (SYSTEM - 1)))
                        : "no reason is told";
}

/* A connection that ends may come back; a server that answers in another way
   than TLS, or refuses what was shown, stays as it is. */
static enum lull_server_end failed(struct lull_secure *s, int error,
                                   int number)
{
  const char *words = "Server closed the connection";
  if (error == LULL_OPENSSL_FAULT && !s->heard)
    return wrong(s, "TLS with Redis: ", reason(s));
  if (error == LULL_OPENSSL_FAULT)
    words = reason(s);
  else if (number == EAGAIN || number == EWOULDBLOCK)
    words = "no answer by TLS";
  else if (number)
    words = strerror(number);
  snprintf(s->problem, sizeof s->problem, "cannot reach Redis: %s", words);
  return LULL_SERVER_AWAY;
}

/* Whether to go on: something that is none of ours was read, as a new key. */
static bool is_aside(int error, int number)
{
  return (error == LULL_OPENSSL_WANT_READ ||
          error == LULL_OPENSSL_WANT_WRITE) &&
         number != EAGAIN && number != EWOULDBLOCK;
}

/* ---- opening ----------------------------------------------------------- */

static bool trust(struct lull_secure *s, const struct lull_server *options)
{
  const char *file = options->text[LULL_SERVER_CACERT];
  const char *path = options->text[LULL_SERVER_CAPATH];
  const char *usual = lull_trust_file();
  if (file || path)
    return s->api->ctx_trust(s->ctx, file, path) == 1;
  return (usual && s->api->ctx_trust(s->ctx, usual, NULL) == 1) ||
         s->api->ctx_trust_default(s->ctx) == 1;
}

static enum lull_server_end show_own(struct lull_secure *s,
                                     const struct lull_server *options)
{
  const char *cert = options->text[LULL_SERVER_CERT];
  const char *key = options->text[LULL_SERVER_KEY];
  if (!cert)
    return LULL_SERVER_OK;
  if (s->api->ctx_cert(s->ctx, cert) != 1)
    return wrong(s,
                 "the certificate that cert= names is no good: ", reason(s));
  if (s->api->ctx_key(s->ctx, key ? key : cert, LULL_OPENSSL_PEM) != 1)
    return wrong(s, "the key of the certificate that cert= names is no good: ",
                 reason(s));
  return LULL_SERVER_OK;
}

/* What is the same for each connection. */
static enum lull_server_end prepare(struct lull_secure *s,
                                    const struct lull_server *options)
{
  enum lull_server_end what;
  if (s->ctx)
    return LULL_SERVER_OK;
  s->api = lull_openssl();
  if (!s->api)
    return wrong(s, "rediss:// needs OpenSSL: install libssl3", "");
  s->api->clear_errors();
  s->ctx = s->api->ctx_new(s->api->method());
  if (!s->ctx)
    return wrong(s, "out of memory", "");
  s->api->ctx_options(s->ctx, LULL_OPENSSL_END);
  s->api->ctx_verify(s->ctx, LULL_OPENSSL_PEER, NULL);
  what =
      trust(s, options)
          ? show_own(s, options)
          : wrong(s, "the certificates to trust cannot be read: ", reason(s));
  if (what != LULL_SERVER_OK)
    lull_secure_free(s);
  return what;
}

/* A certificate is one of an address, or of a name. */
static bool name_host(struct lull_secure *s, const char *host)
{
  char name[256];
  if (s->api->param_ip(s->api->param(s->ssl), host) == 1)
    return true;
  s->api->clear_errors();
  snprintf(name, sizeof name, "%s", host);
  return s->api->set_host(s->ssl, name) == 1 &&
         s->api->ctrl(s->ssl, LULL_OPENSSL_SET_HOSTNAME, 0, name) == 1;
}

static enum lull_server_end shake_hands(struct lull_secure *s)
{
  int done, error, number;
  long verified;
  do {
    errno = 0;
    done = s->api->handshake(s->ssl);
    number = errno;
    error = done == 1 ? 0 : s->api->error(s->ssl, done);
  } while (error && is_aside(error, number));
  if (!error)
    return LULL_SERVER_OK;
  verified = s->api->verified(s->ssl);
  if (verified != LULL_OPENSSL_NO_ERROR)
    return wrong(s, "Redis's certificate is not to be trusted: ",
                 s->api->verify_words(verified));
  return failed(s, error, number);
}

enum lull_server_end lull_secure_open(struct lull_secure *s,
                                      const redisContext *context,
                                      const char *host,
                                      const struct lull_server *options)
{
  enum lull_server_end what = prepare(s, options);
  if (what != LULL_SERVER_OK)
    return what;
  s->api->clear_errors();
  s->heard = false;
  s->held = 0;
  s->ssl = s->api->make(s->ctx);
  if (!s->ssl || !name_host(s, host) ||
      s->api->set_fd(s->ssl, context->fd) != 1)
    return wrong(s, "out of memory", "");
  /* What is none of ours ends a read: nothing may follow it. */
  s->api->ctrl(s->ssl, LULL_OPENSSL_CLEAR_MODE, LULL_OPENSSL_AUTO_RETRY, NULL);
  return shake_hands(s);
}

/* ---- writing ----------------------------------------------------------- */

static enum lull_server_end push(struct lull_secure *s)
{
  int done, error = 0, number;
  if (!s->held)
    return LULL_SERVER_OK;
  do {
    errno = 0;
    s->api->clear_errors();
    done = s->api->write(s->ssl, s->chunk, (int)s->held);
    number = errno;
    error = done > 0 ? 0 : s->api->error(s->ssl, done);
  } while (error && is_aside(error, number));
  s->held = 0;
  return error ? failed(s, error, number) : LULL_SERVER_OK;
}

static enum lull_server_end put(struct lull_secure *s, const char *bytes,
                                size_t len)
{
  enum lull_server_end what = LULL_SERVER_OK;
  while (len && what == LULL_SERVER_OK) {
    size_t room = sizeof s->chunk - s->held, part = len < room ? len : room;
    memcpy(s->chunk + s->held, bytes, part);
    s->held += part;
    bytes += part;
    len -= part;
    if (s->held == sizeof s->chunk)
      what = push(s);
  }
  return what;
}

/* A number behind a letter, as the protocol has them. */
static enum lull_server_end put_number(struct lull_secure *s, char letter,
                                       size_t number)
{
  char line[32];
  int len = snprintf(line, sizeof line, "%c%zu\r\n", letter, number);
  return put(s, line, (size_t)len);
}

static enum lull_server_end put_command(struct lull_secure *s, int argc,
                                        const char **argv, const size_t *lens)
{
  enum lull_server_end what = put_number(s, '*', (size_t)argc);
  int i;
  for (i = 0; i < argc && what == LULL_SERVER_OK; i++) {
    size_t len = lens ? lens[i] : strlen(argv[i]);
    what = put_number(s, '$', len);
    if (what == LULL_SERVER_OK)
      what = put(s, argv[i], len);
    if (what == LULL_SERVER_OK)
      what = put(s, "\r\n", 2);
  }
  return what == LULL_SERVER_OK ? push(s) : what;
}

/* ---- reading ----------------------------------------------------------- */

/* What has come next; *some false: nothing of Redis's has. */
static enum lull_server_end pull(struct lull_secure *s, redisContext *context,
                                 bool *some)
{
  int done, error, number;
  errno = 0;
  s->api->clear_errors();
  done = s->api->read(s->ssl, s->chunk, sizeof s->chunk);
  number = errno;
  *some = done > 0;
  if (*some) {
    s->heard = true;
    if (s->hiredis->feed(context->reader, s->chunk, (size_t)done) == REDIS_OK)
      return LULL_SERVER_OK;
    return wrong(s, "what answers there is no Redis", "");
  }
  error = s->api->error(s->ssl, done);
  return is_aside(error, number) ? LULL_SERVER_OK : failed(s, error, number);
}

enum lull_server_end lull_secure_fill(struct lull_secure *s,
                                      redisContext *context)
{
  enum lull_server_end what;
  bool some;
  do
    what = pull(s, context, &some);
  while (what == LULL_SERVER_OK && some && s->api->pending(s->ssl) > 0);
  return what;
}

enum lull_server_end lull_secure_command(struct lull_secure *s,
                                         redisContext *context, int argc,
                                         const char **argv, const size_t *lens,
                                         void **reply)
{
  enum lull_server_end what = put_command(s, argc, argv, lens);
  bool some;
  *reply = NULL;
  while (what == LULL_SERVER_OK && !*reply) {
    if (s->hiredis->take(context, reply) != REDIS_OK)
      return wrong(s, "what answers there is no Redis", "");
    if (!*reply)
      what = pull(s, context, &some);
  }
  return what;
}

/* ---- closing ----------------------------------------------------------- */

void lull_secure_close(struct lull_secure *s)
{
  if (s->ssl)
    s->api->free(s->ssl);
  s->ssl = NULL;
}

void lull_secure_free(struct lull_secure *s)
{
  lull_secure_close(s);
  if (s->ctx)
    s->api->ctx_free(s->ctx);
  s->ctx = NULL;
}

#else

typedef int lull_secure_is_not_there; /* no file may be empty */

#endif
