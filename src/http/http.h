/*
 * http: plain values: an ordered header list, and what is known of methods.
 *
 * A header list owns its bytes: name NUL value NUL, in the order of arrival,
 * so that it is one block of memory, and one string on its way to Lua.
 */
#ifndef LULL_HTTP_HTTP_H
#define LULL_HTTP_HTTP_H

#include "base/base.h"

/* Small, because each of a million calls has some that are empty. */
struct lull_headers {
  struct lull_header_block *block; /* NULL while empty */
};

void lull_headers_init(struct lull_headers *h);
void lull_headers_clear(struct lull_headers *h);

/* Appends one field; white space around the value is dropped. LULL_EINVAL
   for an empty name or for CR, LF or NUL in either (a request that would
   smuggle a line is never sent); LULL_ELIMIT when all names and values would
   come to more than `max` bytes, with a NUL after each; LULL_ENOMEM. */
enum lull_err lull_headers_add(struct lull_headers *h, size_t max,
                               const char *name, size_t name_len,
                               const char *value, size_t value_len);

/* Appends a line as it came from the wire ("Name: value", the line end may
   be there). A line that begins with a blank goes on with the value before
   it; one that is no field is ignored, with the lines that go on with it. */
enum lull_err lull_headers_add_line(struct lull_headers *h, size_t max,
                                    const char *line, size_t len);

/* Appends a copy of a field of another list, whatever it comes to. */
enum lull_err lull_headers_copy(struct lull_headers *h, const char *name,
                                const char *value);

/* The value of the nth (from 0) field of that name, case ignored, or NULL.
   Borrowed until the next add. */
const char *lull_headers_get(const struct lull_headers *h, const char *name,
                             unsigned nth);

/* How many fields, and all of them as one string, borrowed. */
unsigned lull_headers_count(const struct lull_headers *h);
const char *lull_headers_raw(const struct lull_headers *h, size_t *len);

/* Walks the list: start with *at = 0; false at its end. */
bool lull_headers_next(const struct lull_headers *h, size_t *at,
                       const char **name, const char **value);

/* Appends a list that `raw` holds (name NUL value NUL ...). */
enum lull_err lull_headers_add_raw(struct lull_headers *h, size_t max,
                                   const char *raw, size_t len);

/* Methods, after RFC 9110 section 9.2: safe ones change nothing, idempotent
   ones (PUT, DELETE and the safe ones) may be sent twice. */
bool lull_method_safe(const char *method);
bool lull_method_idempotent(const char *method);
bool lull_method_valid(const char *method); /* an upper-case token */

/* "Not Found" for 404; "" for a code that no RFC names. */
const char *lull_status_text(int status);

#endif
