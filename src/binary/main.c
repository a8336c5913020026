/*
 * main: the binary: a Lua state, the embedded modules, signals, one
 * protected call, the exit code.
 *
 * The only file besides bind that knows Lua, and the only one that touches
 * the process's signals. The first SIGINT, SIGTERM or SIGHUP wakes the loop,
 * which drains; the second, or one before any task runs, ends the process at
 * once. A script that does not come back to the loop is stopped by a hook
 * after a second, and ended after two. A pipe that nobody reads any more ends
 * the script that writes into it, without a word.
 */
#define _POSIX_C_SOURCE 200809L
#include "binary/embedded.h"
#include "binary/stdout.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LATER 75 /* as lull/exit.lua has it */

int luaopen_lull_core(lua_State *L);
#ifdef LULL_SINGLE
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);
#endif

static int wake[2] = {-1, -1}; /* the handler writes, the loop reads */
static volatile sig_atomic_t signals, signal_number, alarms;
static lua_State *volatile running;   /* the task that runs now */
static volatile sig_atomic_t started; /* a task has run: a loop may hear */
static volatile sig_atomic_t unread;  /* nobody reads what is printed */

/* ---- signals ----------------------------------------------------------- */

static void stop_script(lua_State *L, lua_Debug *info)
{
  (void)info;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted");
}

static void on_signal(int number)
{
  if (signals++ || !started)
    _exit(128 + number);
  signal_number = number;
  if (write(wake[1], "!", 1) < 0)
    _exit(128 + number);
  alarm(1);
}

/* The loop has not answered: the script is busy. */
static void on_alarm(int number)
{
  static const char text[] = "lull: the script does not stop; ended\n";
  (void)number;
  if (alarms++ == 0) {
    if (running)
      lua_sethook(running, stop_script,
                  LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
    alarm(1);
    return;
  }
  if (unread)
    _exit(1);
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
    _exit(1);
  _exit(128 + signal_number);
}

/* The script has written to standard output, and nobody reads that. */
static void leave_script(lua_State *L, lua_Debug *info)
{
  (void)info;
  lua_sethook(L, NULL, 0, 0);
  if (!lull_stdout_unread())
    return; /* it was a connection */
  if (!unread && write(wake[1], "!", 1) < 0)
    _exit(1);
  if (!unread)
    alarm(1);
  unread = 1;
  luaL_error(L, "nobody reads standard output any more");
}

static void on_pipe(int number)
{
  (void)number;
  if (running)
    lua_sethook(running, leave_script,
                LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static void catch_signal(int number, void (*handler)(int))
{
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

static bool is_ignored(int number)
{
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void set_up_signals(void)
{
  int i;
  if (pipe(wake) != 0)
    return;
  for (i = 0; i < 2; i++) {
    fcntl(wake[i], F_SETFD, FD_CLOEXEC);
    fcntl(wake[i], F_SETFL, O_NONBLOCK);
  }
  catch_signal(SIGPIPE, on_pipe);
  catch_signal(SIGINT, on_signal);
  catch_signal(SIGTERM, on_signal);
  if (!is_ignored(SIGHUP)) /* as nohup has it */
    catch_signal(SIGHUP, on_signal);
  catch_signal(SIGALRM, on_alarm);
}

/* That task runs now, or none. Once the run is to end each has a second to
   come back to the loop. */
static void enter(lua_State *task)
{
  running = task;
  started = 1;
  if (!signals && !unread)
    return;
  if (task)
    alarms = 0;
  alarm(task ? 1 : 0);
}

static int run_on(lua_State *co, lua_State *L, int given, int *got)
{
#if LUA_VERSION_NUM >= 504
  return lua_resume(co, L, given, got);
#else
#if LUA_VERSION_NUM >= 502
  int status = lua_resume(co, L, given);
#else
  int status = lua_resume(co, given);
  (void)L;
#endif
  *got = lua_gettop(co);
  return status;
#endif
}

static int cannot(lua_State *L, const char *why)
{
  lua_pushboolean(L, false);
  lua_pushstring(L, why);
  return 2;
}

static bool is_dead(lua_State *co)
{
  int status = lua_status(co);
  return status > LUA_YIELD || (!status && lua_gettop(co) == 0);
}

/* host.resume(co, ...): as coroutine.resume, of a task that a signal may have
   to stop. */
static int resume(lua_State *L)
{
  lua_State *co = lua_tothread(L, 1), *before = running;
  int given = lua_gettop(L) - 1, got, status;
  if (!co || is_dead(co))
    return cannot(L, "cannot resume dead coroutine");
  if (!lua_checkstack(co, given))
    return cannot(L, "too many arguments to resume");
  lua_xmove(L, co, given);
  enter(co);
  status = run_on(co, L, given, &got);
  enter(before);
  lull_stdout_tell(NULL);
  if (status > LUA_YIELD)
    got = 1; /* the error */
  if (!lua_checkstack(L, got + 1)) {
    lua_pop(co, got);
    return cannot(L, "too many results to resume");
  }
  lua_pushboolean(L, status <= LUA_YIELD);
  lua_xmove(co, L, got);
  return got + 1;
}

/* host.acknowledge() -> the signal's number: the loop has seen it. */
static int acknowledge(lua_State *L)
{
  alarm(0);
  lua_pushinteger(L, signal_number);
  return 1;
}

/* host.unread() -> true when nobody reads standard output any more. */
static int is_unread(lua_State *L)
{
  if (unread)
    alarm(0);
  unread = unread || lull_stdout_unread();
  lua_pushboolean(L, unread);
  return 1;
}

/* host.tell_stdout(why): says that standard output failed. */
static int tell_stdout(lua_State *L)
{
  lull_stdout_tell(lua_tostring(L, 1));
  return 0;
}

static void push_host(lua_State *L)
{
  lua_newtable(L);
  lua_pushcfunction(L, is_unread);
  lua_setfield(L, -2, "unread");
  lua_pushcfunction(L, tell_stdout);
  lua_setfield(L, -2, "tell_stdout");
  lua_pushinteger(L, wake[0]);
  lua_setfield(L, -2, "interrupt_fd");
  lua_pushcfunction(L, resume);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, acknowledge);
  lua_setfield(L, -2, "acknowledge");
}

/* ---- the state --------------------------------------------------------- */

/* What loads an embedded module. */
static int load_embedded(lua_State *L)
{
  const struct embedded *m = lua_touserdata(L, lua_upvalueindex(1));
  if (luaL_loadbuffer(L, (const char *)m->bytes, m->len, m->chunk) != 0)
    return lua_error(L);
  lua_pushstring(L, m->name);
  lua_call(L, 1, 1);
  return 1;
}

/* What is linked in, beside the C library's own. */
static const luaL_Reg linked[] = {
    {"lull.core", luaopen_lull_core},
#ifdef LULL_SINGLE
    {"cjson", luaopen_cjson},
    {"cjson.safe", luaopen_cjson_safe},
#endif
};

/* package.preload[name], where a script has put nothing there: a start needs a
   third of all modules, and no list of them. */
static int find_embedded(lua_State *L)
{
  const char *name = lua_tostring(L, 2);
  size_t i;
  for (i = 0; name && i < embedded_count; i++)
    if (strcmp(embedded[i].name, name) == 0) {
      lua_pushlightuserdata(L, (void *)&embedded[i]);
      lua_pushcclosure(L, load_embedded, 1);
      return 1;
    }
  return 0;
}

static void preload(lua_State *L)
{
  size_t i;
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  for (i = 0; i < sizeof linked / sizeof *linked; i++) {
    lua_pushcfunction(L, linked[i].func);
    lua_setfield(L, -2, linked[i].name);
  }
  lua_newtable(L);
  lua_pushcfunction(L, find_embedded);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 2);
}

static void push_arguments(lua_State *L, int argc, char **argv)
{
  int i;
  lua_newtable(L);
  for (i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
}

struct command {
  int argc;
  char **argv;
  int code;
  bool closing;
};

/* What was not written may be all that was asked for. */
static int with_output(int code)
{
  lull_stdout_flush();
  return lull_stdout_failed() && (code == 0 || code == LATER) ? 1 : code;
}

/* Of the first object of all, and so called after all others have ended when
   the state is closed. What is left is memory, which goes with the process. */
static int leave(lua_State *L)
{
  const struct command *const *command = lua_touserdata(L, 1);
  if ((*command)->closing)
    exit(with_output((*command)->code));
  return 0;
}

static void leave_at_last(lua_State *L, const struct command *command)
{
  *(const struct command **)lua_newuserdata(L, sizeof command) = command;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, leave);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, "lull.command");
}

/* All that may raise. What is loaded stays: the collector begins after it. */
static int protected_main(lua_State *L)
{
  struct command *command = lua_touserdata(L, 1);
  lua_gc(L, LUA_GCSTOP, 0);
  leave_at_last(L, command);
  luaL_openlibs(L);
  preload(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "lull.cli.main");
  lua_call(L, 1, 1);
  lua_gc(L, LUA_GCRESTART, 0);
  lua_getfield(L, -1, "main");
  push_arguments(L, command->argc, command->argv);
  push_host(L);
  lua_call(L, 2, 1);
  command->code = (int)lua_tointeger(L, -1);
  return 0;
}

static int with_traceback(lua_State *L)
{
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "traceback");
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 2);
  lua_call(L, 2, 1);
  return 1;
}

static int run(lua_State *L, struct command *command)
{
  lua_pushcfunction(L, with_traceback);
  lua_pushcfunction(L, protected_main);
  lua_pushlightuserdata(L, command);
  if (lua_pcall(L, 1, 0, 1) != 0) {
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "lull: %s\n", text ? text : "unknown error");
    return 1;
  }
  return command->code;
}

/* A standard descriptor that is closed would be taken by the next one opened,
   and what is printed would go there. Reading or writing this one fails, as it
   would have: the end of an input that is not there is no empty input. */
static void fill_standard_descriptors(void)
{
  int fd;
  for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 &&
        open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
      _exit(1);
}

/* Each connection is an open file, and the soft limit is often 1024, for the
   sake of programs that use select. */
static void raise_file_limit(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
  struct command command = {argc, argv, 0, false};
  lua_State *L = luaL_newstate();
  fill_standard_descriptors();
  raise_file_limit();
  if (!L) {
    fputs("lull: out of memory\n", stderr);
    return 1;
  }
  set_up_signals();
  command.code = run(L, &command);
  running = NULL;
  command.closing = true;
  lua_close(L);
  return with_output(command.code);
}
