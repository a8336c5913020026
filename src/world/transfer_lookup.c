/*
 * transfer_lookup: names are looked up by a thread of libcurl's, which nothing
 * can stop. libcurl would wait for it before it lets a transfer go, and all
 * others with that.
 */
#define _GNU_SOURCE /* dladdr */
#include "http/files.h"
#include "world/transfer.h"

#include <dlfcn.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif

#define ORPHANED 3600000L /* ms: longer than any resolver tries */

/* True when this code is in the program, and no module that may go. */
static bool is_program(void)
{
#ifdef __linux__
  static const char here;
  const union {
    unsigned long value;
    const void *address;
  } entry = {.value = getauxval(AT_ENTRY)};
  Dl_info own, program;
  return dladdr(&here, &own) && dladdr(entry.address, &program) &&
         own.dli_fbase == program.dli_fbase;
#else
  return false;
#endif
}

/* A thread of libcurl's may outlive this module: its code must not go with it,
   when a Lua state is closed. Each dlopen goes through all libraries that are
   loaded, and the program's stay. */
static void pin_library(void)
{
  static _Atomic bool pinned;
  union {
    CURLcode (*function)(long flags);
    void *address;
  } any = {.function = curl_global_init};
  Dl_info library;
  if (!pinned && !is_program() && dladdr(any.address, &library) &&
      library.dli_fname)
    dlopen(library.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  pinned = true;
}

/* A look-up that cannot open its files says that there is no such name. Each
   takes the two that tell of its end, and one or two more, later. Of the two
   libcurl 7.88 leaves both to children. */
static bool room_to_look_up(struct lull_sockets *s)
{
  bool first = s->open == 0 && s->look_ups == 0;
  int lowest;
  lull_ahead_seal(&s->ahead); /* of the look-up before this one */
  lowest = lull_ahead_look(&s->ahead);
  if (lowest < 0)
    return false;
  return first || !lull_files_tight(lowest, 2 * s->look_ups + 4);
}

/* Called before a thread of libcurl's looks a name up, which nothing can
   stop. */
static int about_to_look_up(void *resolver, void *reserved, void *user)
{
  struct lull_transfer *t = user;
  (void)resolver, (void)reserved;
  pin_library();
  if (t->attempt && !room_to_look_up(t->sockets)) {
    t->sockets->lacked++;
    return 1;
  }
  lull_sockets_look_up(t->sockets, &t->looks_up, true);
  return t->attempt ? 0 : 1;
}

void lull_transfer_heed_lookups(struct lull_transfer *t)
{
  CURL *easy = t->easy;
  curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, about_to_look_up);
  curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, t);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* joins no thread */
}

/* libcurl would wait for the thread that looks up, and all transfers with it:
   it is let go on instead, for longer than any resolver tries. Whoever is
   asked for a socket then gives none. */
void lull_transfer_orphan(struct lull_transfer *t, struct lull_transfer **list)
{
  lull_transfer_land(t);
  lull_transfer_fly(t, list);
  t->attempt->transfer = NULL;
  t->attempt = NULL;
  t->plain_for = 0; /* the option goes with the others */
  curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, ORPHANED);
}
