/*
 * lazyinit: libraries of libcurl's begin when they are first needed.
 *
 * libcurl has OpenSSL and libssh2 begin with the process: OpenSSL reads its
 * configuration and lists its words, a tenth of all instructions of a start
 * and a fifth of the one file's, also where no URL is of https. Both begin by
 * themselves later: OpenSSL where a connection's settings are made
 * (SSL_CTX_new), and then with what libcurl asked for; libssh2 with a session.
 *
 * The dynamic linker takes a function of the binary before a library's of the
 * same name; in the one file the linker leads the calls here. Called by these
 * libraries alone; where libcurl is of others, by nobody.
 */
#ifndef LULL_BINARY_LAZYINIT_H
#define LULL_BINARY_LAZYINIT_H

#include <stdint.h>

#ifdef LULL_SINGLE
#define LAZYINIT_AS(name) __asm__("__wrap_" name)
#else
#define LAZYINIT_AS(name) __asm__(name) __attribute__((visibility("default")))
#endif

/* As OpenSSL has it: what is wished, how (NULL: as usual) -> 1, or 0. */
int lull_lazyinit_ssl(uint64_t wish, const void *how)
    LAZYINIT_AS("OPENSSL_init_ssl");

/* As libssh2 has it; 0, or an error below it. */
int lull_lazyinit_ssh(int flags) LAZYINIT_AS("libssh2_init");

#endif
