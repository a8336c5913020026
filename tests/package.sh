#!/bin/sh
# The Debian package: built in a copy, looked at by lintian, installed where
# we may, run and removed.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/lull"
tar -cf - --exclude=./build --exclude=./.git --exclude='*.o' . | tar -xf - -C "$work/lull"

quietly() {
  "$@" >"$work/log" 2>&1 || {
    cat "$work/log"
    echo "package: failed: $*"
    exit 1
  }
}

cd "$work/lull"
quietly dpkg-buildpackage -us -uc -b
cd "$work"
quietly lintian --fail-on error,warning ./*.changes
grep -E '^[EW]:' "$work/log" && exit 1

# Runs what is at a root: the command, its man page, its completions.
use() { # ROOT
  [ "$("$1/usr/bin/lull" get --sim "$root/scripts/worlds/examples.lua" http://api.test/hello)" = hello ]
  "$1/usr/bin/lull" --version >/dev/null
  zcat "$1/usr/share/man/man1/lull.1.gz" | cmp - "$root/man/lull.1"
  cmp "$1/usr/share/bash-completion/completions/lull" "$root/completions/lull.bash"
  cmp "$1/usr/share/zsh/vendor-completions/_lull" "$root/completions/_lull"
  cmp "$1/usr/share/fish/vendor_completions.d/lull.fish" "$root/completions/lull.fish"
  cmp "$1/usr/share/lull/library/lull.lua" "$root/library/lull.lua"
}

quietly dpkg -x lull_*.deb "$work/extracted"
cd /
use "$work/extracted"
if [ "$(id -u)" = 0 ] && ! dpkg -s lull >/dev/null 2>&1; then
  quietly dpkg -i "$work"/lull_*.deb
  use ""
  quietly dpkg -r lull
  [ ! -e /usr/bin/lull ]
fi
echo "package: built, checked, used and removed"
