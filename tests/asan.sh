#!/bin/sh
# The same specs, on Lua 5.4, with AddressSanitizer (leaks included) and
# UndefinedBehaviorSanitizer.
set -eu
cd "$(dirname "$0")/.."
flags="-O1 -g -fno-omit-frame-pointer"
flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all"
make -s -j"$(nproc)" all # which the commands of the manual run
make -s -j"$(nproc)" module unit build/lua5.4-asan/lull-bin-shared SAN=-asan LUA=lua5.4 CFLAGS="$flags"
[ $# -gt 0 ] || set -- tests scripts
# The interpreter itself is not instrumented, so the runtime comes first.
LULL_PRELOAD="$(gcc -print-file-name=libasan.so)" LULL_BUILD=-asan
LULL_BINARY=build/lua5.4-asan/lull-bin-shared
# GCC 12's runtime guesses where thread-local data of libraries is from what
# stands before it in memory, and may look for leaks where nothing is mapped.
ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:intercept_tls_get_addr=0
UBSAN_OPTIONS=print_stacktrace=1
export LULL_PRELOAD LULL_BUILD LULL_BINARY ASAN_OPTIONS UBSAN_OPTIONS
tests/specs.sh lua5.4 "$@"
