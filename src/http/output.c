#define _POSIX_C_SOURCE 200809L
#include "http/output.h"
#include "http/files.h"
#include "http/note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- problems ---------------------------------------------------------- */

static char *describe(const char *path, int number)
{
  const char *reason = strerror(number);
  size_t size = strlen(path) + strlen(reason) + 3;
  char *text = lull_mem_alloc(size);
  if (text)
    snprintf(text, size, "%s: %s", path, reason);
  return text;
}

static enum lull_err fault(struct lull_output *o, int number)
{
  if (!number)
    return LULL_OK;
  lull_mem_free(o->problem);
  o->problem = describe(o->name, number);
  return number == ENOMEM ? LULL_ENOMEM : LULL_EIO;
}

static void let_go(struct lull_output *o)
{
  if (o->held >= 0)
    close(o->held);
  o->held = -1;
}

void lull_output_discard(struct lull_output *o)
{
  lull_part_remove(&o->part);
  lull_version_clear(&o->version);
  o->have = 0;
  o->onto = false;
}

/* ---- life -------------------------------------------------------------- */

/* Whether a file can be made there shows only when one is. */
static int try_folder(struct lull_output *o)
{
  int err;
  if (o->place.kind != LULL_PLACE_FILE || o->place.there)
    return 0;
  err = lull_part_make(&o->part, &o->place, false);
  lull_part_remove(&o->part);
  return err;
}

enum lull_err lull_output_new(struct lull_output **output, const char *path,
                              char **problem)
{
  struct lull_output *o = lull_mem_zero(sizeof *o);
  int err;
  *output = NULL;
  *problem = NULL;
  if (!o)
    return LULL_ENOMEM;
  lull_part_init(&o->part);
  o->held = -1;
  o->name = lull_mem_copy(path, strlen(path));
  err = o->name ? lull_place_find(&o->place, path) : ENOMEM;
  if (!err)
    err = try_folder(o);
  if (!err) {
    *output = o;
    return LULL_OK;
  }
  *problem = err == ENOMEM ? NULL : describe(path, err);
  lull_output_free(o);
  return *problem ? LULL_EIO : LULL_ENOMEM;
}

void lull_output_keep(struct lull_output *o, const char *url)
{
  struct lull_sha256 sha;
  lull_sha256_init(&sha);
  lull_sha256_add(&sha, url, strlen(url));
  lull_sha256_hex(&sha, o->key);
  o->keep = o->place.kind == LULL_PLACE_FILE;
}

void lull_output_expect(struct lull_output *o, const char *sum)
{
  unsigned i;
  for (i = 0; i < LULL_SHA256_HEX; i++)
    o->sum[i] = (char)(sum[i] >= 'A' && sum[i] <= 'F' ? sum[i] + 32 : sum[i]);
  o->checked = true;
}

void lull_output_free(struct lull_output *o)
{
  if (!o)
    return;
  lull_output_pause(o);
  if (!o->part.note)
    lull_part_remove(&o->part);
  lull_part_forget(&o->part);
  lull_version_clear(&o->version);
  lull_place_clear(&o->place);
  lull_mem_free(o->problem);
  lull_mem_free(o->name);
  lull_mem_free(o);
}

/* ---- attempts ---------------------------------------------------------- */

static bool continuable(const struct lull_output *o)
{
  return o->part.path && o->part.size > 0 &&
         lull_version_validator(&o->version);
}

/* What another run, or an attempt before, has left under the stable name. */
static bool take_up_stable(struct lull_output *o)
{
  struct lull_version noted = {0};
  bool same;
  int err = lull_part_find(&o->part, &o->place);
  o->lacking = lull_files_lacking(err);
  if (err)
    return false;
  if (!lull_note_read(o->part.note, o->key, &noted) || o->part.size == 0 ||
      (noted.total && o->part.size > noted.total)) {
    lull_version_clear(&noted);
    lull_part_close(&o->part);
    return false;
  }
  same =
      lull_version_agrees(&noted, &o->version) && o->sha.count == o->part.size;
  lull_version_clear(&o->version);
  o->version = noted;
  if (!same)
    o->sha.count = 0; /* to be read again, once it is whole */
  return true;
}

/* The file that is there already, which nobody has a note of. */
static uint64_t look_at_target(struct lull_output *o)
{
  struct stat st;
  o->have = 0;
  if (o->onto && stat(o->place.path, &st) == 0 && S_ISREG(st.st_mode))
    o->have = (uint64_t)st.st_size;
  o->have_since = o->have ? (int64_t)st.st_mtime : 0;
  return o->have;
}

uint64_t lull_output_take_up(struct lull_output *o)
{
  bool own = o->part.path && !o->part.note;
  let_go(o);
  o->have = 0;
  if (own && continuable(o) && lull_part_reopen(&o->part))
    return o->part.size;
  if (own)
    lull_part_remove(&o->part);
  if (o->keep && take_up_stable(o))
    return o->part.size;
  lull_part_forget(&o->part);
  lull_version_clear(&o->version);
  return look_at_target(o);
}

bool lull_output_hold(struct lull_output *o, bool first)
{
  if (o->lacking)
    return false;
  if (o->part.fd >= 0 || o->held >= 0)
    return true;
  o->held = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (o->held < 0)
    return !lull_files_lacking(errno);
  if (first || !lull_files_tight(o->held, 0))
    return true;
  let_go(o);
  return false;
}

static int rewind_part(struct lull_output *o)
{
  struct lull_part *part = &o->part;
  int err = 0;
  let_go(o);
  if (part->fd < 0) {
    if (!part->note)
      lull_part_remove(part);
    err = lull_part_make(part, &o->place, o->keep);
  }
  if (!err && part->note)
    unlink(part->note);
  if (!err && part->fd >= 0 && o->place.kind != LULL_PLACE_NULL &&
      (ftruncate(part->fd, 0) != 0 || lseek(part->fd, 0, SEEK_SET) < 0))
    err = errno;
  part->size = 0;
  return err;
}

static enum lull_err begin(struct lull_output *o)
{
  int err = rewind_part(o);
  lull_version_clear(&o->version);
  lull_sha256_init(&o->sha);
  return fault(o, err);
}

enum lull_err lull_output_begin(struct lull_output *o)
{
  o->have = 0;
  return begin(o);
}

/* Copies the file that is there, of which the answer has the rest. */
static enum lull_err copy_target(struct lull_output *o)
{
  int from;
  enum lull_err err;
  let_go(o);
  from = open(o->place.path, O_RDONLY | O_CLOEXEC);
  err = from < 0 ? fault(o, errno) : begin(o);
  uint64_t left = o->have;
  char bytes[1 << 16];
  while (!err && left) {
    ssize_t n =
        read(from, bytes, left < sizeof bytes ? (size_t)left : sizeof bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      err = fault(o, n < 0 ? errno : EIO);
    else
      err = lull_output_write(o, bytes, (size_t)n);
    left -= n > 0 ? (uint64_t)n : 0;
  }
  if (from >= 0)
    close(from);
  return err;
}

enum lull_err lull_output_append(struct lull_output *o)
{
  if (o->have)
    return copy_target(o);
  if (o->part.fd < 0)
    return begin(o);
  return lseek(o->part.fd, 0, SEEK_END) < 0 ? fault(o, errno) : LULL_OK;
}

void lull_output_set_version(struct lull_output *o, struct lull_version *v)
{
  lull_version_clear(&o->version);
  o->version = *v;
  *v = (struct lull_version){0};
  if (o->part.note && lull_version_validator(&o->version) &&
      lull_note_write(o->part.note, o->key, &o->version) != 0)
    unlink(o->part.note); /* the next run begins anew */
}

enum lull_err lull_output_write(struct lull_output *o, const void *bytes,
                                size_t len)
{
  enum lull_err err = fault(o, lull_place_write_all(o->part.fd, bytes, len));
  if (err)
    return err;
  if (o->checked && o->sha.count == o->part.size)
    lull_sha256_add(&o->sha, bytes, len);
  o->part.size += len;
  return LULL_OK;
}

void lull_output_pause(struct lull_output *o)
{
  let_go(o);
  if (o->part.fd < 0)
    return;
  if (continuable(o))
    lull_part_close(&o->part);
  else
    lull_output_discard(o);
}

/* ---- the end ----------------------------------------------------------- */

/* Of a file from its beginning, as far as `size`. */
static bool hash(struct lull_sha256 *sha, int fd, uint64_t size)
{
  char bytes[1 << 16];
  lull_sha256_init(sha);
  while (sha->count < size) {
    ssize_t n = pread(fd, bytes, sizeof bytes, (off_t)sha->count);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    lull_sha256_add(sha, bytes, (size_t)n);
  }
  return true;
}

static bool is_expected(const struct lull_output *o,
                        const struct lull_sha256 *sha)
{
  char hex[LULL_SHA256_HEX + 1];
  lull_sha256_hex(sha, hex);
  return strcmp(hex, o->sum) == 0;
}

bool lull_output_matches(struct lull_output *o)
{
  if (o->checked && o->sha.count != o->part.size &&
      !hash(&o->sha, o->part.fd, o->part.size))
    return false;
  return !o->checked || is_expected(o, &o->sha);
}

bool lull_output_expects(const struct lull_output *o, const char *body,
                         size_t len)
{
  struct lull_sha256 sha;
  if (!o->checked)
    return true;
  lull_sha256_init(&sha);
  lull_sha256_add(&sha, body, len);
  return is_expected(o, &sha);
}

static int give_name(struct lull_output *o)
{
  int err = EXDEV;
  if (o->part.path)
    err = lull_place_rename(&o->place, o->part.path, o->part.fd);
  if (err == EXDEV) {
    err = lull_place_write(&o->place, o->part.fd, NULL, 0);
    if (!err && o->part.path)
      unlink(o->part.path);
  }
  return err;
}

enum lull_err lull_output_commit(struct lull_output *o)
{
  enum lull_err err = fault(o, give_name(o));
  if (err) {
    lull_output_discard(o);
    return err;
  }
  if (o->part.note)
    unlink(o->part.note);
  o->written = o->part.size;
  lull_part_close(&o->part);
  lull_part_forget(&o->part);
  return LULL_OK;
}

enum lull_err lull_output_put(struct lull_output *o, const char *bytes,
                              size_t len)
{
  enum lull_err err = lull_output_begin(o);
  if (!err)
    err = lull_output_write(o, bytes, len);
  return err ? err : lull_output_commit(o);
}
