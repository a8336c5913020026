/*
 * trust: where this system has the certificates of authorities, when it is
 * not where libcurl was built to look.
 *
 * A libcurl of the distribution's own knows. One that is in the binary was
 * built for Debian, and the binary runs elsewhere.
 */
#ifndef LULL_WORLD_TRUST_H
#define LULL_WORLD_TRUST_H

/* A file for CURLOPT_CAINFO; NULL: libcurl's own will do, or there is none. */
const char *lull_trust_elsewhere(void);

/* The file that libcurl takes on this system; NULL: it has none. */
const char *lull_trust_file(void);

/* The first of those files that can be read, when `usual` cannot; the list
   ends with NULL. */
const char *lull_trust_first(const char *usual, const char *const *places);

#endif
