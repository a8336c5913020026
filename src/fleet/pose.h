/*
 * pose: one call of the engine's stands for all of a fleet's, so that the
 * engine's judge can read it. Part of a call's end; only call uses it.
 */
#ifndef LULL_FLEET_POSE_H
#define LULL_FLEET_POSE_H

#include "fleet/state.h"

/* Makes the pose that of this leg's call after this leg's outcome. */
void lull_fleet_pose(struct lull_fleet *f, struct lull_fleet_leg *leg);

#endif
