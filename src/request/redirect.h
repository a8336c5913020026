/*
 * redirect: what the next hop of a request is.
 *
 * lull follows redirects itself, so that each hop is seen, counted and
 * limited, and so that secrets stay where they belong. Pure but for memory.
 */
#ifndef LULL_REQUEST_REDIRECT_H
#define LULL_REQUEST_REDIRECT_H

#include "request/request.h"

/* Turns the request into its next hop. RFC 9110 section 15.4, and what
   browsers do: 303 asks for a GET (a HEAD stays one), 301 and 302 turn a
   POST into a GET, 307 and 308 change nothing. Another origin sees no
   secrets. LULL_EINVAL: a Location that cannot be followed (not http or
   https, or from https down to http); LULL_ENOMEM. */
enum lull_err lull_redirect_apply(struct lull_request *request, int status,
                                  const char *location);

/* Sends the request to another URL, absolute or relative to its own; another
   origin sees none of the secrets so far, unless `cross_origin`. LULL_EINVAL,
   LULL_ENOMEM. */
enum lull_err lull_redirect_to(struct lull_request *request, const char *url,
                               bool cross_origin);

/* The status is one that lull follows when it comes with a Location. */
bool lull_redirect_status(int status);

#endif
