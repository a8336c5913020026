/*
 * revive: a lane knows again what it knew in another process, by what was
 * kept of it; see keep.
 */
#ifndef LULL_LANE_REVIVE_H
#define LULL_LANE_REVIVE_H

#include "base/buf.h"

struct lull_lane;

/* Once, after lull_lane_configure. LULL_EINVAL: the bytes are none of keep's,
   and the lane is as it was. */
enum lull_err lull_revive_lane(struct lull_lane *lane, lull_usec now,
                               lull_usec wall, const char *bytes, size_t len);

/* How many windows the lane has. */
unsigned lull_revive_count(const struct lull_lane *lane);

/* The same for its windows from that one on alone, which a lull_lane_configure
   after it has brought. */
void lull_revive_windows(struct lull_lane *lane, unsigned from, lull_usec now,
                         lull_usec wall, const struct lull_buf *bytes);

#endif
