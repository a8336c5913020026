/*
 * shared: a lane that other processes have, too, as who talks to them sees
 * it: its share, who wants to start, and what its windows are.
 *
 * Beside `lane` and `facts` the only file that looks inside one.
 */
#ifndef LULL_LANE_SHARED_H
#define LULL_LANE_SHARED_H

#include "lane/lane.h"
#include "lane/share.h"

/* From now on nothing starts that counts in a window but in a place that was
   given. LULL_ENOMEM. It must expect that starts are told of. */
enum lull_err lull_shared_begin(struct lull_lane *lane);

/* NULL: nobody shares it. */
struct lull_share *lull_shared_of(const struct lull_lane *lane);

/* How many wait that count in the same windows, at most `most`: of the kind
   number `kind`, from 0; its windows are told. False: no such kind. */
bool lull_shared_wanted(const struct lull_lane *lane, unsigned kind,
                        unsigned most, unsigned *windows, unsigned *count);

/* The end of its pause, or of the last there was. */
lull_usec lull_shared_pause(const struct lull_lane *lane);

/* "COUNT LENGTH GAP ROOM METHOD PATH" of the window of that number, times in
   us; how long that is, 0: there is none. Cut when it is too long for `text`.
 */
size_t lull_shared_window(const struct lull_lane *lane, unsigned i, char *text,
                          size_t size);

/* The others cannot be asked since `lost`, and what was theirs and ours is
   divided: of each window, once all that they may have sent is out of it, so
   much as falls to one of those that were there; and the slots that it had.
   Off: as before. */
void lull_shared_part(struct lull_lane *lane, bool on, lull_usec lost);

/* Nobody need be told any more of what is out of all windows at `now`. */
void lull_shared_fade(struct lull_lane *lane, lull_usec now);

/* The length of its shortest window; LULL_NEVER: there is none. */
lull_usec lull_shared_shortest(const struct lull_lane *lane);

#endif
