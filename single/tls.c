/*
 * tls: OpenSSL begins when TLS is first spoken, in the one file.
 *
 * libcurl has it begin with the process: its configuration is read and its
 * words are listed, a fifth of all instructions of a start, also where no URL
 * is of https. OpenSSL begins by itself where a connection's settings are made
 * (SSL_CTX_new), and then with what libcurl asked for.
 */
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>

int begin_theirs(uint64_t wish, const OPENSSL_INIT_SETTINGS *how) __asm__(
    "__real_OPENSSL_init_ssl");
int lull_tls_begin(uint64_t wish, const OPENSSL_INIT_SETTINGS *how) __asm__(
    "__wrap_OPENSSL_init_ssl");

/* That its configuration is read is what libcurl asks for, and OpenSSL itself
   does not. A Redis is spoken to in another thread. */
int lull_tls_begin(uint64_t wish, const OPENSSL_INIT_SETTINGS *how)
{
  static atomic_uint_fast64_t later;
  if (!how && (wish & OPENSSL_INIT_LOAD_CONFIG) != 0) {
    later |= wish;
    return 1;
  }
  return begin_theirs(wish | later, how);
}
