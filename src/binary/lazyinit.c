#define _GNU_SOURCE /* RTLD_NEXT */
#include "binary/lazyinit.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#define LOAD_CONFIG UINT64_C(0x40) /* OPENSSL_INIT_LOAD_CONFIG */

#ifdef LULL_SINGLE
int begin_ssl(uint64_t wish,
              const void *how) __asm__("__real_OPENSSL_init_ssl");
#else
union function {
  void *address;
  int (*ssl)(uint64_t wish, const void *how);
  int (*ssh)(int flags);
};

/* The library's own, wherever it was loaded: a module in C may have brought
   one that libcurl has not. */
static union function theirs(const char *name, const char *const *files)
{
  union function f = {.address = dlsym(RTLD_NEXT, name)};
  for (; !f.address && *files; files++) {
    void *library = dlopen(*files, RTLD_LAZY | RTLD_NOLOAD);
    if (library)
      f.address = dlsym(library, name);
  }
  return f;
}

static int begin_ssl(uint64_t wish, const void *how)
{
  static const char *const files[] = {"libssl.so.3", "libssl.so.4",
                                      "libssl.so.1.1", NULL};
  union function f = theirs("OPENSSL_init_ssl", files);
  return f.ssl ? f.ssl(wish, how) : 0;
}

/* libcurl asks first, once. */
int lull_lazyinit_ssh(int flags)
{
  static const char *const files[] = {"libssh2.so.1", NULL};
  static atomic_flag asked = ATOMIC_FLAG_INIT;
  union function f;
  if (!atomic_flag_test_and_set(&asked))
    return 0;
  f = theirs("libssh2_init", files);
  return f.ssh ? f.ssh(flags) : -1;
}
#endif

/* That its configuration is read is what libcurl asks for, and OpenSSL itself
   does not. A Redis is spoken to in another thread. */
int lull_lazyinit_ssl(uint64_t wish, const void *how)
{
  static atomic_uint_fast64_t later;
  if (!how && (wish & LOAD_CONFIG) != 0) {
    later |= wish;
    return 1;
  }
  return begin_ssl(wish | later, how);
}
