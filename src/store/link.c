#define _DEFAULT_SOURCE
#include "store/link.h"

#ifdef LULL_STORE_REDIS

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE 5 /* s that a server has for an answer, or a connection */

/* What Redis may say, and what there is to do. */
static const struct word {
  const char *says;
  bool passes;
  const char *advice;
} words[] = {
    {"LOADING", true, "it is reading its data; wait for it"},
    {"BUSY", true, "another script keeps it busy; wait for that"},
    {"MASTERDOWN", true, "its primary is away; wait for it"},
    {"CLUSTERDOWN", true, "its cluster is away; wait for it"},
    {"TRYAGAIN", true, "its cluster moves the journal; wait for it"},
    {"READONLY", true, "it is a replica; name the primary"},
    {"NOREPLICAS", true, "its replicas are away; wait for them"},
    {"MISCONF", true, "it cannot write to its disk; make room there"},
    {"OOM", true, "it has no memory left; raise its maxmemory"},
    {"NOAUTH", false, "name the password before the host: :PASSWORD@HOST"},
    {"WRONGPASS", false, "the user or the password is another one"},
    {"ERR invalid password", false, "the password is another one"},
    {"NOPERM", false, "give the user what the manual's ACL line has"},
    {"MOVED", false, "name the node of the cluster that has the journal"},
    {"WRONGTYPE", false, "the keys of that name are no journal's"},
    {"", false, "it does not work as a journal"},
};

static const char no_redis[] = "what answers there is no Redis";

static enum lull_link_end end(struct lull_link *l, enum lull_link_end what,
                              const char *sentence, const char *more)
{
  snprintf(l->problem, sizeof l->problem, "%s: %s%s",
           l->options->text[LULL_SERVER_SHOWN], sentence, more);
  return what;
}

/* What the server refuses, in its words and ours. */
static enum lull_link_end refused(struct lull_link *l, const char *says)
{
  const struct word *w = words;
  while (strncmp(says, w->says, strlen(w->says)) != 0)
    w++;
  snprintf(l->problem, sizeof l->problem, "%s: Redis says '%.100s': %s",
           l->options->text[LULL_SERVER_SHOWN], says, w->advice);
  return w->passes ? LULL_LINK_AWAY : LULL_LINK_WRONG;
}

static enum lull_link_end broken(struct lull_link *l)
{
  bool other = l->context && l->context->err == REDIS_ERR_PROTOCOL;
  enum lull_link_end what =
      other ? end(l, LULL_LINK_WRONG, no_redis, "")
            : end(l, LULL_LINK_AWAY, "cannot reach Redis: ",
                  l->context ? l->context->errstr : "out of memory");
  lull_link_close(l);
  return what;
}

static void drop(struct lull_link *l, redisReply *reply)
{
  if (reply)
    l->api->free_reply(reply);
}

/* Sends a command, and takes its answer of that type. */
static enum lull_link_end ask(struct lull_link *l, int argc, const char **argv,
                              const size_t *lens, int type, redisReply **reply)
{
  enum lull_link_end what = LULL_LINK_OK;
  *reply = l->api->command(l->context, argc, argv, lens);
  if (!*reply)
    return broken(l);
  if ((*reply)->type == REDIS_REPLY_ERROR)
    what = refused(l, (*reply)->str);
  else if ((*reply)->type != type)
    what = end(l, LULL_LINK_WRONG, no_redis, "");
  if (what != LULL_LINK_OK) {
    drop(l, *reply);
    *reply = NULL;
  }
  return what;
}

static enum lull_link_end tell(struct lull_link *l, int argc,
                               const char **argv)
{
  redisReply *reply;
  enum lull_link_end what =
      ask(l, argc, argv, NULL, REDIS_REPLY_STATUS, &reply);
  drop(l, reply);
  return what;
}

/* ---- opening ----------------------------------------------------------- */

static enum lull_link_end sign_in(struct lull_link *l)
{
  const char *user = l->options->text[LULL_SERVER_USER];
  const char *password = l->options->text[LULL_SERVER_PASSWORD];
  const char *with_user[] = {"AUTH", user, password};
  const char *without[] = {"AUTH", password};
  if (!password)
    return LULL_LINK_OK;
  return user ? tell(l, 3, with_user) : tell(l, 2, without);
}

static enum lull_link_end choose(struct lull_link *l)
{
  char number[16];
  const char *argv[] = {"SELECT", number};
  snprintf(number, sizeof number, "%d", l->options->database);
  return l->options->database ? tell(l, 2, argv) : LULL_LINK_OK;
}

static bool has(const char *info, const char *line)
{
  return strstr(info, line) != NULL;
}

/* A Redis that forgets what it has taken is no journal. */
static enum lull_link_end look(struct lull_link *l)
{
  const char *argv[] = {"INFO"}, *wrong = NULL;
  redisReply *reply;
  enum lull_link_end what;
  if (l->options->assume_durable)
    return LULL_LINK_OK;
  what = ask(l, 1, argv, NULL, REDIS_REPLY_STRING, &reply);
  if (what != LULL_LINK_OK)
    return what;
  /* While it reads its file, it says that it keeps none. */
  if (has(reply->str, "\nloading:1"))
    what = refused(l, "LOADING");
  else if (!has(reply->str, "\naof_enabled:1"))
    wrong = "it keeps no append-only file, and forgets with a restart what "
            "it has taken: set appendonly yes";
  else if (!has(reply->str, "\nmaxmemory_policy:noeviction"))
    wrong = "it may drop keys when its memory is full: set maxmemory-policy "
            "noeviction";
  drop(l, reply);
  return wrong ? end(l, LULL_LINK_WRONG, wrong, ", or use --assume-durable")
               : what;
}

static enum lull_link_end load(struct lull_link *l, int script)
{
  const char *argv[] = {"SCRIPT", "LOAD",
                        l->options->text[LULL_SERVER_JOIN + script]};
  redisReply *reply;
  enum lull_link_end what = ask(l, 3, argv, NULL, REDIS_REPLY_STRING, &reply);
  if (reply)
    snprintf(l->sha[script], sizeof l->sha[script], "%s", reply->str);
  drop(l, reply);
  return what;
}

static enum lull_link_end subscribe(struct lull_link *l)
{
  const char *argv[] = {"SUBSCRIBE", l->options->text[LULL_SERVER_CHANNEL]};
  redisReply *reply;
  enum lull_link_end what = ask(l, 2, argv, NULL, REDIS_REPLY_ARRAY, &reply);
  drop(l, reply);
  return what;
}

static enum lull_link_end prepare(struct lull_link *l)
{
  enum lull_link_end what = choose(l);
  if (what == LULL_LINK_OK)
    what = look(l);
  if (what == LULL_LINK_OK)
    what = load(l, LULL_LINK_JOIN);
  if (what == LULL_LINK_OK)
    what = load(l, LULL_LINK_STEP);
  return what;
}

static enum lull_link_end set_up(struct lull_link *l)
{
  enum lull_link_end what = sign_in(l);
  if (what == LULL_LINK_OK)
    what = l->ear ? subscribe(l) : prepare(l);
  if (what != LULL_LINK_OK)
    lull_link_close(l);
  return what;
}

enum lull_link_end lull_link_open(struct lull_link *l)
{
  const char *host = l->options->text[LULL_SERVER_HOST];
  struct timeval patience = {.tv_sec = PATIENCE};
  if (l->context)
    return LULL_LINK_OK;
  l->context = host[0] == '/'
                   ? l->api->connect_unix(host, patience)
                   : l->api->connect(host, l->options->port, patience);
  if (!l->context || l->context->err)
    return broken(l);
  if (l->api->set_timeout(l->context, patience) != REDIS_OK)
    return broken(l);
  return set_up(l);
}

/* ---- scripts ----------------------------------------------------------- */

enum lull_link_end lull_link_run(struct lull_link *l, int script, int argc,
                                 const char **argv, size_t *lens,
                                 redisReply **reply)
{
  enum lull_link_end what = lull_link_open(l);
  bool again = false;
  *reply = NULL;
  while (what == LULL_LINK_OK && !*reply) {
    argv[0] = "EVALSHA";
    argv[1] = l->sha[script];
    argv[2] = "1";
    lens[0] = strlen(argv[0]);
    lens[1] = strlen(argv[1]);
    lens[2] = 1;
    *reply = l->api->command(l->context, argc, argv, lens);
    if (!*reply)
      return broken(l);
    if ((*reply)->type == REDIS_REPLY_ARRAY)
      return LULL_LINK_OK;
    what = (*reply)->type == REDIS_REPLY_ERROR
               ? refused(l, (*reply)->str)
               : end(l, LULL_LINK_WRONG, "a script gave no list", "");
    /* A restart, or SCRIPT FLUSH: it is not known any more. */
    if (!again && (*reply)->type == REDIS_REPLY_ERROR &&
        strncmp((*reply)->str, "NOSCRIPT", 8) == 0) {
      what = load(l, script);
      again = true;
    }
    drop(l, *reply);
    *reply = NULL;
  }
  return what;
}

/* ---- hearing ----------------------------------------------------------- */

enum lull_link_end lull_link_hear(struct lull_link *l, bool fill,
                                  redisReply **reply)
{
  void *message = NULL;
  *reply = NULL;
  if (fill && l->api->fill(l->context) != REDIS_OK)
    return broken(l);
  if (l->api->take(l->context, &message) != REDIS_OK)
    return broken(l);
  *reply = message;
  return LULL_LINK_OK;
}

void lull_link_close(struct lull_link *l)
{
  if (l->context)
    l->api->free(l->context);
  l->context = NULL;
}

#else

typedef int lull_link_is_not_there; /* no file may be empty */

#endif
