#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

static void *open_first(const char *const *files)
{
  void *library = NULL;
  for (; *files && !library; files++)
    library = dlopen(*files, RTLD_NOW | RTLD_LOCAL);
  return library;
}

/* POSIX has functions in pointers to data; ISO C copies their bytes. */
bool lull_library_load(const char *const *files, const char *const *names,
                       size_t count, void *table)
{
  void *library = open_first(files);
  size_t i;
  for (i = 0; library && i < count; i++) {
    void *function = dlsym(library, names[i]);
    if (!function)
      return false;
    memcpy((char *)table + i * sizeof function, &function, sizeof function);
  }
  return library != NULL;
}
