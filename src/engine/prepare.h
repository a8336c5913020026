/*
 * prepare: headers that the script makes anew for each request.
 *
 * The lane lets a leg go, and an event asks for its headers: what a function
 * makes at once is as fresh as can be when it leaves. One that takes its time
 * may itself need a place in the lane, and so the leg gives its own away until
 * the headers are there.
 *
 * The engine and its driver use it. It calls flight and verdict.
 */
#ifndef LULL_ENGINE_PREPARE_H
#define LULL_ENGINE_PREPARE_H

#include "engine/call.h"

struct lull_engine;

/* The event that is about to be taken may ask for headers: remembers whose. */
void lull_prepare_note(struct lull_engine *e);

/* A step begins, and what was asked for last has not been made. */
void lull_prepare_step_back(struct lull_engine *e);

/* The headers that the script has made for the request that is to leave: set
   in the place of those of the same name, name NUL value NUL. `secrets` stay
   with the call's own origin. */
struct lull_made_headers {
  const char *headers, *secrets; /* NULL: none */
  size_t headers_len, secrets_len;
};

/* For a call whose headers were asked for. Unless it is made before the next
   step, the call gives its place in the lane away until then. LULL_ESTALE:
   nobody waits for it any more; LULL_EINVAL; LULL_ENOMEM. */
enum lull_err lull_prepare_headers(struct lull_engine *e, lull_id id,
                                   const struct lull_made_headers *made);

#endif
