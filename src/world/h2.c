#include "world/h2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lull_h2_begin(struct lull_h2 *h, const char *remote_ip, int remote_port,
                   int local_port)
{
  *h = (struct lull_h2){.stream = 0};
  snprintf(h->connection, sizeof h->connection, "%d %s %d", local_port,
           remote_ip ? remote_ip : "", remote_port);
}

/* The number after `words`; false when they are not there. */
static bool number_after(const char *line, const char *words,
                         unsigned long *number)
{
  const char *at = strstr(line, words);
  char *end;
  if (!at)
    return false;
  at += strlen(words);
  *number = strtoul(at, &end, 10);
  return end != at;
}

/* libcurl 7.88: "Using Stream ID: 1 (easy handle 0x55)"; 8: "[HTTP/2] [1]
   OPENED stream for https://..."; both: "received GOAWAY, error=0,
   last_stream=1" (with a slip of the pen in 7.88), "REFUSED_STREAM, retrying a
   fresh connect", "HTTP/2 stream 1 was not closed cleanly: REFUSED_STREAM (err
   7)". */
enum lull_h2_word lull_h2_read(const char *line, size_t len,
                               unsigned long *number)
{
  char text[160];
  snprintf(text, sizeof text, "%.*s", (int)(len < 159 ? len : 159), line);
  if (number_after(text, "Using Stream ID: ", number) ||
      (strstr(text, "OPENED stream") &&
       number_after(text, "[HTTP/2] [", number)))
    return LULL_H2_OPENED;
  if (strstr(text, "GOAWAY") && number_after(text, "last_stream=", number))
    return LULL_H2_GOAWAY;
  if (strstr(text, "HTTP_1_1_REQUIRED"))
    return LULL_H2_OLD;
  return strstr(text, "REFUSED_STREAM") ? LULL_H2_REFUSED_STREAM
                                        : LULL_H2_NOTHING;
}
