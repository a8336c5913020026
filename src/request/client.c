#include "request/client.h"

#include "http/prefix.h"

#include <string.h>

/* In the long run one retry for ten successes, so that an outage is not made
   worse by those who wait for its end (M. Brooker, "Fixing retries with
   token buckets", 2022), and 100 to begin with: the AWS SDKs' quota of 500
   at a cost of 5. */
static const struct lull_budget_conf default_budget = {
    .on = true, .capacity = 100000, .cost = 1000, .refund = 100};

struct lull_client *lull_client_new(void)
{
  static _Atomic uint64_t serial; /* states may run in threads */
  struct lull_client *c = lull_mem_zero(sizeof *c);
  if (!c)
    return NULL;
  c->users = 1;
  c->serial = ++serial;
  lull_policy_init(&c->policy);
  lull_headers_init(&c->headers);
  lull_headers_init(&c->secrets);
  c->lane.budget = default_budget;
  c->lane.pace = true;
  c->lane.adaptive = c->lane.slow_start = true;
  c->redirects = 10;
  c->max_body = (size_t)64 << 20;
  c->max_headers = (size_t)256 << 10;
  return c;
}

struct lull_client *lull_client_keep(struct lull_client *client)
{
  client->users++;
  return client;
}

static void clear_lane(struct lull_lane_conf *lane)
{
  unsigned i;
  for (i = 0; i < lane->route_count; i++) {
    lull_mem_free(lane->routes[i].name);
    lull_mem_free(lane->routes[i].method);
    lull_mem_free(lane->routes[i].path);
  }
}

void lull_client_drop(struct lull_client *c)
{
  if (!c || --c->users)
    return;
  lull_mem_free(c->base);
  lull_mem_free(c->home);
  lull_policy_clear(&c->policy);
  lull_headers_clear(&c->headers);
  lull_headers_clear(&c->secrets);
  clear_lane(&c->lane);
  lull_mem_free(c->transport.ca);
  lull_mem_free(c->transport.proxy);
  lull_mem_free(c->transport.cert);
  lull_mem_free(c->transport.cert_key);
  lull_mem_free(c->seen);
  lull_mem_free(c->seen_origin);
  lull_mem_free(c);
}

bool lull_client_recall(const struct lull_client *c, const char *url,
                        const char **origin, const char **path)
{
  *path = c->seen ? lull_prefix_rest(c->seen, url) : NULL;
  *origin = c->seen_origin;
  return *path != NULL;
}

void lull_client_remember(struct lull_client *c, const char *url,
                          const char *origin)
{
  size_t len = lull_prefix_len(url);
  lull_mem_free(c->seen);
  lull_mem_free(c->seen_origin);
  c->seen = c->seen_origin = NULL;
  if (!len)
    return;
  c->seen = lull_mem_copy(url, len);
  c->seen_origin = lull_mem_copy(origin, strlen(origin));
  if (c->seen && c->seen_origin)
    return;
  lull_mem_free(c->seen);
  lull_mem_free(c->seen_origin);
  c->seen = c->seen_origin = NULL;
}

bool lull_client_away(const struct lull_client *c, const char *origin)
{
  return c->home && !c->cross_origin && strcmp(c->home, origin) != 0;
}
