#include "store/openssl.h"

#if defined(LULL_STORE_REDIS) && defined(LULL_SINGLE)

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* It is in the one file. */
const struct lull_openssl *lull_openssl(void)
{
  static const struct lull_openssl api = {TLS_client_method,
                                          SSL_CTX_new,
                                          SSL_CTX_free,
                                          SSL_CTX_set_options,
                                          SSL_CTX_load_verify_locations,
                                          SSL_CTX_set_default_verify_paths,
                                          SSL_CTX_use_certificate_chain_file,
                                          SSL_CTX_use_PrivateKey_file,
                                          SSL_CTX_set_verify,
                                          SSL_new,
                                          SSL_free,
                                          SSL_ctrl,
                                          SSL_set1_host,
                                          SSL_get0_param,
                                          X509_VERIFY_PARAM_set1_ip_asc,
                                          SSL_set_fd,
                                          SSL_connect,
                                          SSL_read,
                                          SSL_write,
                                          SSL_pending,
                                          SSL_get_error,
                                          SSL_get_verify_result,
                                          X509_verify_cert_error_string,
                                          ERR_get_error,
                                          ERR_reason_error_string,
                                          ERR_clear_error};
  return &api;
}

#elif defined(LULL_STORE_REDIS)

#include "base/library.h"

/* The functions below are in all of them, with the same arguments. */
static const char *const files[] = {"libssl.so.3",
                                    "libssl.so.4",
                                    "libssl.so.1.1",
                                    "libssl.3.dylib",
                                    "libssl.4.dylib",
                                    "libssl.1.1.dylib",
                                    NULL};

/* In the order of the struct's fields; some are libcrypto's, which libssl
   brings. */
static const char *const names[] = {"TLS_client_method",
                                    "SSL_CTX_new",
                                    "SSL_CTX_free",
                                    "SSL_CTX_set_options",
                                    "SSL_CTX_load_verify_locations",
                                    "SSL_CTX_set_default_verify_paths",
                                    "SSL_CTX_use_certificate_chain_file",
                                    "SSL_CTX_use_PrivateKey_file",
                                    "SSL_CTX_set_verify",
                                    "SSL_new",
                                    "SSL_free",
                                    "SSL_ctrl",
                                    "SSL_set1_host",
                                    "SSL_get0_param",
                                    "X509_VERIFY_PARAM_set1_ip_asc",
                                    "SSL_set_fd",
                                    "SSL_connect",
                                    "SSL_read",
                                    "SSL_write",
                                    "SSL_pending",
                                    "SSL_get_error",
                                    "SSL_get_verify_result",
                                    "X509_verify_cert_error_string",
                                    "ERR_get_error",
                                    "ERR_reason_error_string",
                                    "ERR_clear_error"};

#define COUNT (sizeof names / sizeof *names)

_Static_assert(sizeof(struct lull_openssl) == COUNT * sizeof(void *),
               "a name for each function");

const struct lull_openssl *lull_openssl(void)
{
  static struct lull_openssl api;
  static bool loaded;
  if (!loaded)
    loaded = lull_library_load(files, names, COUNT, &api);
  return loaded ? &api : NULL;
}

#else

typedef int lull_openssl_is_not_there; /* no file may be empty */

#endif
