/*
 * room: what becomes of attempts for which no file could be opened (EMFILE,
 * ENFILE). Nothing is wrong over there: the call goes back into the queue of
 * its lane, and is not counted as tried. From then on no more fly than had
 * their files, and one more whenever some of them have landed.
 *
 * Owns nothing; its figures are the engine's. Called by verdict and engine.
 */
#ifndef LULL_ENGINE_ROOM_H
#define LULL_ENGINE_ROOM_H

#include "engine/state.h"

/* The leg's attempt has starved: it stands in its lane's queue again. */
void lull_room_put_back(struct lull_engine *e, struct lull_leg *leg);

/* An attempt has landed. */
void lull_room_land(struct lull_engine *e);

/* Whether one more may fly; else *when is at the latest when to ask again. */
bool lull_room_for_one(struct lull_engine *e, lull_usec *when);

/* All lanes are looked at again, if there is room. */
void lull_room_wake(struct lull_engine *e);

#endif
