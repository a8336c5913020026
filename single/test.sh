#!/bin/sh
# The specs of the one file: those of the binary here, and bare_spec.lua in bare
# roots of several Debian releases by debootstrap, as root. Not part of
# `make test`, since it needs the mirror.
#   test.sh [--bare] [SUITE ...]
# LULL_SUITES is a folder for the roots as debootstrap made them, which are
# copied; else they are made anew.
set -u
cd "$(dirname "$0")/.."
here=$PWD/single
only=""
[ "${1:-}" != --bare ] || { only=1; shift; }
[ $# -gt 0 ] || set -- bookworm trixie sid
[ -x build/lull-single ] || make -s single || exit 1
export LULL_BINARY="$PWD/build/lull-single" LULL_TEST_LUAS=lua5.4
bad=0
[ -n "$only" ] || tests/run.sh tests/cli tests/sim tests/manual tests/batch tests/wire tests/fleet || bad=1
[ "$(id -u)" = 0 ] || { echo "single: root is needed for the bare roots, which are left out"; exit "$bad"; }
command -v debootstrap >/dev/null || { echo "single: debootstrap is needed: apt-get install debootstrap" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
. "$here/apt.sh"
bases=${LULL_SUITES:-$work/bases}
mkdir -p "$bases"
LULL_ROOTS=""
for suite in "$@"; do
  [ -x "$bases/$suite/bin/sh" ] || debootstrap --variant=minbase "$suite" "$bases/$suite" "$debian" >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
  mkdir "$work/$suite" && cp -a --reflink=auto "$bases/$suite/." "$work/$suite" && cp /etc/resolv.conf "$work/$suite/etc/" || exit 1
  LULL_ROOTS="$LULL_ROOTS $work/$suite"
done
export LULL_ROOTS
tests/specs.sh lua5.4 single || bad=1
exit "$bad"
