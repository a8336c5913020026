/*
 * proxy: whether a proxy's URL can be one.
 *
 * libcurl says of one that it cannot read, or that it reads otherwise than it
 * was meant, that its name has no address; trying again is no use there.
 */
#ifndef LULL_WORLD_PROXY_H
#define LULL_WORLD_PROXY_H

#include <stdbool.h>

/* What is said of one that cannot be used. */
#define LULL_PROXY_PROBLEM                                                    \
  "the proxy is no URL; in its password %2F %23 %3F %20 are / # ? and space"

/* False also for one in which an @ stands behind the host: its password holds
   a byte that ends it (/, ?, #), and host and port are parts of it. */
bool lull_proxy_usable(const char *url);

/* True when the environment names a proxy, for whatever URLs. */
bool lull_proxy_named(void);

/* False when one of those cannot be used. */
bool lull_proxy_named_usable(void);

#endif
