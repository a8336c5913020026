/*
 * thread: a store's own thread, and the pipes by which it and the loop wake
 * each other.
 *
 * Used by commit and crew only.
 */
#ifndef LULL_STORE_THREAD_H
#define LULL_STORE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* A pipe that no child inherits and nobody waits at: one byte in it is enough.
   On failure both ends are as they were. */
bool lull_thread_pipe(int ends[2]);

/* Closes what is open of it; -1 is not. */
void lull_thread_close(int ends[2]);

/* Starts it. Signals are for the threads that were there before; that of a
   closed connection is for nobody. */
bool lull_thread_begin(pthread_t *thread, void *(*work)(void *user),
                       void *user);

#endif
