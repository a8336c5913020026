/*
 * event: one thing that the engine tells its driver. A plain value, made by
 * events and read by whoever drives the engine.
 */
#ifndef LULL_ENGINE_EVENT_H
#define LULL_ENGINE_EVENT_H

#include "engine/call.h"

enum lull_event_kind {
  LULL_EV_NONE,    /* nothing is under way: it would wait for ever */
  LULL_EV_IDLE,    /* the caller's patience is over */
  LULL_EV_HEADERS, /* its lane lets it go: the script makes its headers */
  LULL_EV_SEND,    /* simulated: this attempt wants an answer */
  LULL_EV_ASK,     /* the script has a function for this outcome */
  LULL_EV_VERDICT, /* traced: an outcome has been judged */
  LULL_EV_DONE,    /* the call is over, and gone after this event */
  LULL_EV_TIMER,   /* a sleep is over */
  LULL_EV_INTR,    /* the process is asked to end */
  LULL_EV_FILES,   /* no more files may be open: calls are held; once */
  LULL_EV_SCRIPT,  /* simulated: a shared store's server has one to run */
  LULL_EV_STORE    /* nothing is kept any more: the run is to end */
};

/* Borrowed until the event is consumed. */
struct lull_event {
  enum lull_event_kind kind;
  lull_id id;
  const struct lull_call *call;     /* HEADERS, SEND, ASK, VERDICT, DONE */
  const struct lull_record *record; /* ASK, VERDICT, DONE: the judged one, or
                                       NULL when nothing was sent */
  const struct lull_leg *leg;       /* HEADERS, SEND */
};

#endif
