#include "http/version.h"

#include <string.h>

void lull_version_clear(struct lull_version *v)
{
  lull_mem_free(v->etag);
  lull_mem_free(v->modified);
  *v = (struct lull_version){0};
}

enum lull_err lull_version_set(struct lull_version *v, const char *etag,
                               const char *modified, bool dated,
                               uint64_t total)
{
  lull_version_clear(v);
  v->etag = etag ? lull_mem_copy(etag, strlen(etag)) : NULL;
  v->modified = modified ? lull_mem_copy(modified, strlen(modified)) : NULL;
  v->dated = dated;
  v->total = total;
  if ((!etag || v->etag) && (!modified || v->modified))
    return LULL_OK;
  lull_version_clear(v);
  return LULL_ENOMEM;
}

const char *lull_version_validator(const struct lull_version *v)
{
  if (v->etag)
    return *v->etag == '"' ? v->etag : NULL;
  return v->dated ? v->modified : NULL;
}

static bool agree(const char *a, const char *b)
{
  return !a || !b || strcmp(a, b) == 0;
}

bool lull_version_agrees(const struct lull_version *a,
                         const struct lull_version *b)
{
  return agree(a->etag, b->etag) && agree(a->modified, b->modified) &&
         (!a->total || !b->total || a->total == b->total);
}
