/*
 * transfer_h2: which of the transfers that fly HTTP/2 has refused.
 */
#include "world/transfer.h"

#include <string.h>

void lull_transfer_fly(struct lull_transfer *t, struct lull_transfer **list)
{
  t->flying = list;
  t->flies_before = NULL;
  t->flies_after = *list;
  if (*list)
    (*list)->flies_before = t;
  *list = t;
}

void lull_transfer_land(struct lull_transfer *t)
{
  if (!t->flying)
    return;
  if (t->flies_before)
    t->flies_before->flies_after = t->flies_after;
  else
    *t->flying = t->flies_after;
  if (t->flies_after)
    t->flies_after->flies_before = t->flies_before;
  t->flying = NULL;
}

/* Whoever of a connection's transfers is told, it is said to all of them. */
static void leave_out(const struct lull_transfer *told, unsigned long last)
{
  struct lull_transfer *t = told->flying ? *told->flying : NULL;
  for (; t; t = t->flies_after)
    if (t->h2.stream > last &&
        strcmp(t->h2.connection, told->h2.connection) == 0)
      t->h2.left_out = true;
}

/* Whether there was more of the request to come. */
static bool is_whole(const struct lull_transfer *t)
{
  const struct lull_body *body = t->attempt->request->body;
  curl_off_t up = 0;
  curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
  return !body || up >= (curl_off_t)body->len;
}

static void refuse(struct lull_transfer *t)
{
  if (!t->h2.refused)
    t->attempt->unproved = is_whole(t);
  t->h2.refused = true;
}

int lull_transfer_watch(CURL *easy, curl_infotype kind, char *line, size_t len,
                        void *user)
{
  struct lull_transfer *t = user;
  unsigned long number = 0;
  (void)easy;
  if (kind != CURLINFO_TEXT || !t->attempt)
    return 0;
  lull_transfer_hear_tls(t, line, len);
  switch (lull_h2_read(line, len, &number)) {
  case LULL_H2_OPENED:
    t->h2.stream = number;
    t->attempt->shared = true;
    break;
  case LULL_H2_GOAWAY:
    leave_out(t, number);
    break;
  case LULL_H2_OLD:
    t->attempt->asks_old = true;
    refuse(t);
    break;
  case LULL_H2_REFUSED_STREAM:
    refuse(t);
    break;
  case LULL_H2_NOTHING:
    break;
  }
  return 0;
}
