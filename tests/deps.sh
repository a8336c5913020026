#!/bin/sh
# Installs what lull needs to be built and tested, from Debian's packages, as
# root or through sudo. Does nothing when all is there.
set -eu

luas="lua5.1 lua5.2 lua5.3 lua5.4"
packages="gcc make pkg-config git libcurl4-openssl-dev libmimalloc-dev libsqlite3-dev luajit libluajit-5.1-dev
  liblua5.1-0-dev liblua5.2-dev liblua5.3-dev liblua5.4-dev $luas
  lua-cjson lua-argparse lua-busted lua-cqueues lua-socket lua-luaossl lua-sec
  luarocks curl openssl redis-tools libhiredis-dev"
# For lint, the sanitizers and the package, which .ci/run adds.
[ "${1:-}" != ci ] || packages="$packages build-essential lua-check clang clang-format
  clang-tidy codespell mandoc zsh fish debhelper lintian lua-luv lua-copas
  lua-curl valgrind"

missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
    grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "deps: root or sudo is needed to install:$missing" >&2
    exit 1
  }
  sudo="sudo"
fi
echo "deps: installing$missing"
log=$(mktemp)
# What only some tests use, and not every release of Debian has.
drop_unknown() {
  known=""
  for package in $missing; do
    case $package in
      lua-curl | lua-luv | lua-copas | lua5.2 | liblua5.2-dev | redis-tools | libhiredis-dev)
        apt-cache show "$package" >/dev/null 2>&1 || {
          echo "deps: there is no $package here; what needs it is left out"
          continue
        }
        ;;
    esac
    known="$known $package"
  done
  missing=$known
}
install() {
  drop_unknown
  [ -n "$missing" ] || return 0
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends $missing >"$log" 2>&1
}
# The lists of a fresh machine are old or absent: fetch them, then install.
if ! { $sudo apt-get update >"$log" 2>&1 && install; }; then
  tail -20 "$log" >&2
  rm -f "$log"
  echo "deps: apt-get failed" >&2
  exit 1
fi
rm -f "$log"
