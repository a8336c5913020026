#define _DEFAULT_SOURCE
#include "store/line.h"

#ifdef LULL_STORE_REDIS

#include <stdio.h>
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
    {"ERR AUTH", false, "it wants no password"},
    {"NOPERM", false, "give the user what the manual's ACL line has"},
    {"MOVED", false, "name the node of the cluster that has the journal"},
    {"WRONGTYPE", false, "the keys of that name are no journal's"},
    {"", false, "it does not work as a journal"},
};

static const char no_redis[] = "what answers there is no Redis";

enum lull_server_end lull_line_end(struct lull_line *l,
                                   enum lull_server_end what,
                                   const char *sentence, const char *more)
{
  snprintf(l->problem, sizeof l->problem, "%s: %s%s",
           l->options->text[LULL_SERVER_SHOWN], sentence, more);
  return what;
}

enum lull_server_end lull_line_refused(struct lull_line *l, const char *says)
{
  const struct word *w = words;
  bool own = l->sentinel && strncmp(says, "NOAUTH", 6) == 0;
  while (strncmp(says, w->says, strlen(w->says)) != 0)
    w++;
  snprintf(l->problem, sizeof l->problem, "%s: %s says '%.100s': %s",
           l->options->text[LULL_SERVER_SHOWN],
           l->sentinel ? "a sentinel" : "Redis", says,
           own ? "name its password with sentinel_password=" : w->advice);
  return w->passes ? LULL_SERVER_AWAY : LULL_SERVER_WRONG;
}

/* ---- opening ----------------------------------------------------------- */

static enum lull_server_end broken(struct lull_line *l)
{
  bool other = l->context && l->context->err == REDIS_ERR_PROTOCOL;
  enum lull_server_end what =
      other ? lull_line_end(l, LULL_SERVER_WRONG, no_redis, "")
            : lull_line_end(l, LULL_SERVER_AWAY, "cannot reach Redis: ",
                            l->context ? l->context->errstr : "out of memory");
  lull_line_close(l);
  return what;
}

/* As TLS says it. */
static enum lull_server_end told(struct lull_line *l,
                                 enum lull_server_end what)
{
  if (what != LULL_SERVER_OK) {
    lull_line_end(l, what, l->secure.problem, "");
    lull_line_close(l);
  }
  return what;
}

enum lull_server_end lull_line_open(struct lull_line *l, const char *host,
                                    int port)
{
  struct timeval patience = {.tv_sec = PATIENCE};
  l->context = host[0] == '/' ? l->api->connect_unix(host, patience)
                              : l->api->connect(host, port, patience);
  if (!l->context || l->context->err)
    return broken(l);
  if (l->api->set_timeout(l->context, patience) != REDIS_OK)
    return broken(l);
  if (!l->options->tls)
    return LULL_SERVER_OK;
  l->secure.hiredis = l->api;
  return told(l, lull_secure_open(&l->secure, l->context, host, l->options));
}

/* ---- commands ---------------------------------------------------------- */

enum lull_server_end lull_line_command(struct lull_line *l, int argc,
                                       const char **argv, const size_t *lens,
                                       redisReply **reply)
{
  void *got = NULL;
  enum lull_server_end what = LULL_SERVER_OK;
  if (l->secure.ssl)
    what = told(l, lull_secure_command(&l->secure, l->context, argc, argv,
                                       lens, &got));
  else if ((got = l->api->command(l->context, argc, argv, lens)) == NULL)
    what = broken(l);
  *reply = got;
  return what;
}

void lull_line_drop(const struct lull_line *l, redisReply *reply)
{
  if (reply)
    l->api->free_reply(reply);
}

enum lull_server_end lull_line_ask(struct lull_line *l, int argc,
                                   const char **argv, int type,
                                   redisReply **reply)
{
  enum lull_server_end what = lull_line_command(l, argc, argv, NULL, reply);
  if (what != LULL_SERVER_OK)
    return what;
  if ((*reply)->type == REDIS_REPLY_ERROR)
    what = lull_line_refused(l, (*reply)->str);
  else if ((*reply)->type != type)
    what = lull_line_end(l, LULL_SERVER_WRONG, no_redis, "");
  if (what != LULL_SERVER_OK) {
    lull_line_drop(l, *reply);
    *reply = NULL;
  }
  return what;
}

enum lull_server_end lull_line_tell(struct lull_line *l, int argc,
                                    const char **argv)
{
  redisReply *reply;
  enum lull_server_end what =
      lull_line_ask(l, argc, argv, REDIS_REPLY_STATUS, &reply);
  lull_line_drop(l, reply);
  return what;
}

/* ---- hearing ----------------------------------------------------------- */

static enum lull_server_end fill_reader(struct lull_line *l)
{
  if (l->secure.ssl)
    return told(l, lull_secure_fill(&l->secure, l->context));
  return l->api->fill(l->context) == REDIS_OK ? LULL_SERVER_OK : broken(l);
}

enum lull_server_end lull_line_hear(struct lull_line *l, bool fill,
                                    redisReply **reply)
{
  void *message = NULL;
  enum lull_server_end what = fill ? fill_reader(l) : LULL_SERVER_OK;
  *reply = NULL;
  if (what != LULL_SERVER_OK)
    return what;
  if (l->api->take(l->context, &message) != REDIS_OK)
    return broken(l);
  *reply = message;
  return LULL_SERVER_OK;
}

/* ---- closing ----------------------------------------------------------- */

void lull_line_close(struct lull_line *l)
{
  lull_secure_close(&l->secure);
  if (l->context)
    l->api->free(l->context);
  l->context = NULL;
}

void lull_line_free(struct lull_line *l)
{
  lull_line_close(l);
  lull_secure_free(&l->secure);
}

#else

typedef int lull_line_is_not_there; /* no file may be empty */

#endif
