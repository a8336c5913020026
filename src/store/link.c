#define _DEFAULT_SOURCE
#include "store/link.h"

#ifdef LULL_STORE_REDIS

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- opening ----------------------------------------------------------- */

/* As the options' user, whose password is the text behind. */
static enum lull_server_end sign_in(struct lull_link *l,
                                    enum lull_server_text who)
{
  const char *user = l->line.options->text[who];
  const char *password = l->line.options->text[who + 1];
  const char *with_user[] = {"AUTH", user, password};
  const char *without[] = {"AUTH", password};
  if (!password)
    return LULL_SERVER_OK;
  return user ? lull_line_tell(&l->line, 3, with_user)
              : lull_line_tell(&l->line, 2, without);
}

static enum lull_server_end choose(struct lull_link *l)
{
  char number[16];
  const char *argv[] = {"SELECT", number};
  snprintf(number, sizeof number, "%d", l->line.options->database);
  return l->line.options->database ? lull_line_tell(&l->line, 2, argv)
                                   : LULL_SERVER_OK;
}

static bool has(const char *info, const char *line)
{
  return strstr(info, line) != NULL;
}

/* A Redis that forgets what it has taken is no journal. */
static enum lull_server_end look(struct lull_link *l)
{
  const char *argv[] = {"INFO"}, *wrong = NULL;
  redisReply *reply;
  enum lull_server_end what;
  if (l->line.options->assume_durable)
    return LULL_SERVER_OK;
  what = lull_line_ask(&l->line, 1, argv, REDIS_REPLY_STRING, &reply);
  if (what != LULL_SERVER_OK)
    return what;
  /* While it reads its file, it says that it keeps none. */
  if (has(reply->str, "\nloading:1"))
    what = lull_line_refused(&l->line, "LOADING");
  else if (!has(reply->str, "\naof_enabled:1"))
    wrong = "it keeps no append-only file, and forgets with a restart what "
            "it has taken: set appendonly yes";
  else if (!has(reply->str, "\nmaxmemory_policy:noeviction"))
    wrong = "it may drop keys when its memory is full: set maxmemory-policy "
            "noeviction";
  lull_line_drop(&l->line, reply);
  return wrong ? lull_line_end(&l->line, LULL_SERVER_WRONG, wrong,
                               ", or use --assume-durable")
               : what;
}

static enum lull_server_end load(struct lull_link *l, int script)
{
  const char *argv[] = {"SCRIPT", "LOAD",
                        l->line.options->text[LULL_SERVER_JOIN + script]};
  redisReply *reply;
  enum lull_server_end what =
      lull_line_ask(&l->line, 3, argv, REDIS_REPLY_STRING, &reply);
  if (reply)
    snprintf(l->sha[script], sizeof l->sha[script], "%s", reply->str);
  lull_line_drop(&l->line, reply);
  return what;
}

static enum lull_server_end subscribe(struct lull_link *l)
{
  const char *argv[] = {"SUBSCRIBE",
                        l->line.options->text[LULL_SERVER_CHANNEL]};
  redisReply *reply;
  enum lull_server_end what =
      lull_line_ask(&l->line, 2, argv, REDIS_REPLY_ARRAY, &reply);
  lull_line_drop(&l->line, reply);
  return what;
}

static enum lull_server_end prepare(struct lull_link *l)
{
  enum lull_server_end what = choose(l);
  if (what == LULL_SERVER_OK)
    what = look(l);
  if (what == LULL_SERVER_OK)
    what = load(l, LULL_LINK_JOIN);
  if (what == LULL_SERVER_OK)
    what = load(l, LULL_LINK_STEP);
  return what;
}

static enum lull_server_end set_up(struct lull_link *l)
{
  enum lull_server_end what = sign_in(l, LULL_SERVER_USER);
  if (what == LULL_SERVER_OK)
    what = l->ear ? subscribe(l) : prepare(l);
  if (what != LULL_SERVER_OK)
    lull_line_close(&l->line);
  return what;
}

/* ---- who is the primary ------------------------------------------------ */

/* {host, port}; a sentinel that does not know it says nothing. */
static bool is_place(const redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
         reply->element[0]->type == REDIS_REPLY_STRING &&
         reply->element[1]->type == REDIS_REPLY_STRING;
}

static enum lull_server_end ask_sentinel(struct lull_link *l, char *host,
                                         size_t size, int *port)
{
  const char *argv[] = {"SENTINEL", "get-master-addr-by-name",
                        l->line.options->text[LULL_SERVER_PRIMARY]};
  redisReply *reply;
  enum lull_server_end what =
      lull_line_command(&l->line, 3, argv, NULL, &reply);
  if (what != LULL_SERVER_OK)
    return what;
  if (reply->type == REDIS_REPLY_ERROR) {
    what = lull_line_refused(&l->line, reply->str);
  } else if (!is_place(reply)) {
    what = lull_line_end(&l->line, LULL_SERVER_AWAY,
                         "no sentinel knows a primary of the name ", argv[2]);
  } else {
    snprintf(host, size, "%s", reply->element[0]->str);
    *port = atoi(reply->element[1]->str);
  }
  lull_line_drop(&l->line, reply);
  return what;
}

/* The next of the lines of sentinels. */
static const char *next_sentinel(const char *lines, char *host, size_t size,
                                 int *port)
{
  size_t len = strcspn(lines, " ");
  snprintf(host, size, "%.*s", (int)len, lines);
  *port = atoi(lines + len);
  lines += strcspn(lines, "\n");
  return *lines ? lines + 1 : lines;
}

/* The first that knows it says where it is now. */
static enum lull_server_end find(struct lull_link *l, char *host, size_t size,
                                 int *port)
{
  const char *lines = l->line.options->text[LULL_SERVER_SENTINELS];
  enum lull_server_end what = LULL_SERVER_AWAY;
  l->line.sentinel = true;
  while (*lines && what != LULL_SERVER_OK) {
    lines = next_sentinel(lines, host, size, port);
    what = lull_line_open(&l->line, host, *port);
    if (what == LULL_SERVER_OK)
      what = sign_in(l, LULL_SERVER_SENTINEL_USER);
    if (what == LULL_SERVER_OK)
      what = ask_sentinel(l, host, size, port);
    lull_line_close(&l->line);
  }
  l->line.sentinel = false;
  return what;
}

enum lull_server_end lull_link_open(struct lull_link *l)
{
  const struct lull_server *options = l->line.options;
  char host[256];
  int port = options->port;
  enum lull_server_end what = LULL_SERVER_OK;
  if (l->line.context)
    return LULL_SERVER_OK;
  if (options->text[LULL_SERVER_SENTINELS])
    what = find(l, host, sizeof host, &port);
  else
    snprintf(host, sizeof host, "%s", options->text[LULL_SERVER_HOST]);
  if (what == LULL_SERVER_OK)
    what = lull_line_open(&l->line, host, port);
  return what == LULL_SERVER_OK ? set_up(l) : what;
}

/* ---- scripts ----------------------------------------------------------- */

enum lull_server_end lull_link_run(struct lull_link *l, int script, int argc,
                                   const char **argv, size_t *lens,
                                   redisReply **reply)
{
  enum lull_server_end what = lull_link_open(l);
  bool again = false;
  *reply = NULL;
  while (what == LULL_SERVER_OK && !*reply) {
    argv[0] = "EVALSHA";
    argv[1] = l->sha[script];
    argv[2] = "1";
    lens[0] = strlen(argv[0]);
    lens[1] = strlen(argv[1]);
    lens[2] = 1;
    what = lull_line_command(&l->line, argc, argv, lens, reply);
    if (what != LULL_SERVER_OK)
      return what;
    if ((*reply)->type == REDIS_REPLY_ARRAY)
      return LULL_SERVER_OK;
    what = (*reply)->type == REDIS_REPLY_ERROR
               ? lull_line_refused(&l->line, (*reply)->str)
               : lull_line_end(&l->line, LULL_SERVER_WRONG,
                               "a script gave no list", "");
    /* A restart, or SCRIPT FLUSH: it is not known any more. */
    if (!again && (*reply)->type == REDIS_REPLY_ERROR &&
        strncmp((*reply)->str, "NOSCRIPT", 8) == 0) {
      what = load(l, script);
      again = true;
    }
    lull_line_drop(&l->line, *reply);
    *reply = NULL;
  }
  return what;
}

#else

typedef int lull_link_is_not_there; /* no file may be empty */

#endif
