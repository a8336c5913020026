#define _DEFAULT_SOURCE
#include "bind/input.h"
#include "bind/write.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIECE 16384 /* bytes, at most, in one go */

/* Past stdio's own buffer: nothing else may have read from the file. */
int lull_bind_input(lua_State *L)
{
  FILE **file = luaL_checkudata(L, 1, "FILE*");
  struct pollfd look = {.events = POLLIN};
  char bytes[PIECE];
  ssize_t n;
  if (!*file)
    return lull_bind_problem(L, "the file is closed");
  look.fd = fileno(*file);
  if (poll(&look, 1, 0) == 0)
    return lull_bind_problem(L, "later");
  n = read(look.fd, bytes, sizeof bytes);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return lull_bind_problem(L, "later");
  if (n < 0)
    return lull_bind_problem(L, errno == EBADF ? "it is closed"
                                               : strerror(errno));
  lua_pushlstring(L, bytes, (size_t)n);
  return 1;
}

int lull_bind_terminal(lua_State *L)
{
  FILE **file = luaL_checkudata(L, 1, "FILE*");
  struct winsize size = {0};
  bool is_one = *file && isatty(fileno(*file));
  lua_pushboolean(L, is_one);
  if (!is_one || ioctl(fileno(*file), TIOCGWINSZ, &size) != 0 || !size.ws_col)
    return 1;
  lua_pushinteger(L, size.ws_col);
  return 2;
}
