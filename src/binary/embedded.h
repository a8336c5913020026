/*
 * embedded: lull's own Lua files as bytes in the binary, compiled and
 * written at build time by embed.
 */
#ifndef LULL_BINARY_EMBEDDED_H
#define LULL_BINARY_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

struct embedded {
  const char *name;  /* for require */
  const char *chunk; /* for messages: "@lull/sched.lua" */
  const unsigned char *bytes;
  size_t len;
};

extern const struct embedded embedded[];
extern const size_t embedded_count;

#endif
