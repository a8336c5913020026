#include "bind/redis.h"
#include "bind/read.h"
#include "store/redis.h"
#include "store/relay.h"

#include <stdio.h>

struct lull_store *lull_bind_redis_open(lua_State *L, int index,
                                        const uint64_t draws[4], bool *passing,
                                        char *problem, size_t size)
{
  static const char *const names[LULL_SERVER_TEXTS] = {
      [LULL_SERVER_HOST] = "host",
      [LULL_SERVER_USER] = "user",
      [LULL_SERVER_PASSWORD] = "password",
      [LULL_SERVER_NAME] = "name",
      [LULL_SERVER_SHOWN] = "shown",
      [LULL_SERVER_JOIN] = "join",
      [LULL_SERVER_STEP] = "step",
      [LULL_SERVER_CHANNEL] = "channel",
      [LULL_SERVER_SENTINELS] = "sentinels",
      [LULL_SERVER_PRIMARY] = "primary",
      [LULL_SERVER_SENTINEL_USER] = "sentinel_username",
      [LULL_SERVER_SENTINEL_PASSWORD] = "sentinel_password",
      [LULL_SERVER_CACERT] = "cacert",
      [LULL_SERVER_CAPATH] = "capath",
      [LULL_SERVER_CERT] = "cert",
      [LULL_SERVER_KEY] = "key"};
  struct lull_server o = {.draws = draws};
  int i;
  for (i = 0; i < LULL_SERVER_TEXTS; i++)
    o.text[i] = lull_bind_string(L, index, names[i], NULL);
  o.port = (int)lull_bind_number(L, index, "port", 6379);
  o.database = (int)lull_bind_number(L, index, "database", 0);
  o.lease = (int)(lull_bind_number(L, index, "lease", 30) * 1000);
  o.tls = lull_bind_flag(L, index, "tls");
  o.assume_durable = lull_bind_flag(L, index, "assume_durable");
  if (lull_bind_flag(L, index, "relay")) {
    snprintf(problem, size, "out of memory");
    return lull_relay_open(&o);
  }
  return lull_redis_open(&o, passing, problem, size);
}
