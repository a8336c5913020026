#!/bin/sh
# The same specs, on Lua 5.4, with AddressSanitizer (leaks included) and
# UndefinedBehaviorSanitizer.
set -eu
cd "$(dirname "$0")/.."
flags="-O1 -g -fno-omit-frame-pointer"
flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all"
make -s all # which the commands of the manual run
make -s module unit build/lua5.4-asan/lull-bin-shared SAN=-asan LUA=lua5.4 CFLAGS="$flags"
[ $# -gt 0 ] || set -- tests scripts
# The interpreter itself is not instrumented, so the runtime comes first.
LD_PRELOAD="$(gcc -print-file-name=libasan.so)" \
ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 \
UBSAN_OPTIONS=print_stacktrace=1 \
LULL_BINARY=build/lua5.4-asan/lull-bin-shared LULL_LUA=lua5.4 \
LUA_PATH="./src/?.lua;./?.lua;;" LUA_CPATH="./build/lua5.4-asan/?.so;;" \
  lua5.4 tests/busted.lua --output=plainTerminal --pattern=_spec "$@"
