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
   secrets; the same one sees the URL's user. The way back is kept, unless
   the method has changed. LULL_EINVAL: a Location that cannot be followed (not
   http or https, or from https down to http); LULL_ENOMEM. */
enum lull_err lull_redirect_apply(struct lull_request *request, int status,
                                  const char *location);

/* Sends the request to another URL, absolute or relative to its own, for
   good; another origin sees none of the secrets so far, unless
   `cross_origin`. LULL_EINVAL, LULL_ENOMEM. */
enum lull_err lull_redirect_to(struct lull_request *request, const char *url,
                               bool cross_origin);

/* The next hop would be the same request again. */
bool lull_redirect_to_itself(const struct lull_request *request, int status,
                             const char *location);

/* Goes back to where redirects led away from, with the secrets that stayed
   there. LULL_ENOMEM: it is where it was. */
enum lull_err lull_redirect_back(struct lull_request *request);

/* The status is one that lull follows when it comes with a Location. */
bool lull_redirect_status(int status);

#endif
