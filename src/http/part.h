/*
 * part: the file that a download is written to before it has its name.
 *
 * Under a stable name beside its target, with a note, it outlives the run that
 * made it; a lock keeps two runs apart. Or it is one call's alone, under a
 * name that nobody has.
 *
 * Owns its paths and its descriptor.
 */
#ifndef LULL_HTTP_PART_H
#define LULL_HTTP_PART_H

#include "http/place.h"

#include <stdint.h>

struct lull_part {
  char *path; /* NULL: there is none */
  char *note; /* its note's path; NULL: it is one call's alone */
  int fd;     /* while it is open, and locked if it has a note; or -1 */
  uint64_t size;
};

void lull_part_init(struct lull_part *part);

/* Opens the part of that target that is there. EAGAIN when another run has
   it, or it is none of ours; or another errno. */
int lull_part_find(struct lull_part *part, const struct lull_place *target);

/* Makes one, or takes what is there; a stable one if `keep`, and if nobody
   else has it. 0, or an errno. */
int lull_part_make(struct lull_part *part, const struct lull_place *target,
                   bool keep);

/* Opens it anew, at its end; only one of this call's alone. */
bool lull_part_reopen(struct lull_part *part);

/* The file stays. */
void lull_part_close(struct lull_part *part);
void lull_part_forget(struct lull_part *part);

/* Closes and removes it, unless another run has it now. */
void lull_part_remove(struct lull_part *part);

#endif
