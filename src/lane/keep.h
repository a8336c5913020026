/*
 * keep: what a lane knows, as bytes that outlive the process.
 *
 * Kept are the end of a pause, the quota that was told, an open breaker, what
 * was sent in the windows of the script's rates, and what was learned: rate,
 * window, parallelism, the share of failures that is no limit's. Not kept:
 * the retry budget (a new run is a new beginning), calls, and a doubt that
 * was not settled yet; and the windows of a lane that others share, who know
 * of them.
 *
 *   save     before what a window counts leaves, after an answer that refused,
 *            when lull_lane_inspect's `learned.changes` moved, now and then,
 *            and at the end. At most a few kilobytes of text, one line a fact,
 *            with a version in front.
 *   revive   once, after lull_lane_configure (which says which windows there
 *            are, and whether it learns). What the lane knows by itself stays.
 *
 * What had started, and may have come to the server at any time since, counts
 * as sent when it is revived.
 *
 * Bytes of another version, broken ones and none are LULL_EINVAL, and the
 * lane is as it was: it learns anew. Lines that this version does not know
 * are passed over.
 *
 * Times are kept as what was left of them, and the wall clock tells how long
 * ago that was. When it was put back nobody knows, and nothing is taken to
 * have passed: a wait is never longer than what was left when it was saved.
 * When it was put forward all waits are over. What was learned is forgotten
 * after a day.
 */
#ifndef LULL_LANE_KEEP_H
#define LULL_LANE_KEEP_H

#include "base/buf.h"

#define LULL_KEEP_VERSION "lull-lane 1"
#define LULL_KEEP_MILLION 1e6 /* fractions are kept as whole millionths */

struct lull_lane;

/* Appends. `now` is monotonic, `wall` microseconds since 1970. *knows: there
   is something worth to be kept. LULL_ENOMEM, LULL_ELIMIT: the buffer holds a
   part that is of no use. */
enum lull_err lull_keep_save(const struct lull_lane *lane, lull_usec now,
                             lull_usec wall, struct lull_buf *out,
                             bool *knows);

#endif
