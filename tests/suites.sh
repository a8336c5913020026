#!/bin/sh
# README's two commands on bare machines: a chroot of each release by debootstrap,
# with git and make, and nothing else. Ends with a table. As root; asks Debian's
# mirror, and sends nothing elsewhere.
#   suites.sh [--wire] [SUITE ...]
# With --wire only the build and the specs over real sockets, on Lua 5.4.
# LULL_SUITES is a folder for the chroots as debootstrap made them, which are
# copied for each run; else they are made anew. The mirror is the one that apt
# asks, or LULL_MIRROR.
set -u
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "suites: root is needed for chroots" >&2; exit 1; }
wire=""
[ "${1:-}" != --wire ] || { wire=1; shift; }
[ $# -gt 0 ] || set -- bookworm trixie sid
mirror=${LULL_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -1)}
command -v debootstrap >/dev/null || {
  apt-get update >/dev/null && apt-get install -y --no-install-recommends debootstrap >/dev/null ||
    { echo "suites: debootstrap cannot be installed" >&2; exit 1; }
}
work=$(mktemp -d)
bases=${LULL_SUITES:-$work/bases}
mkdir -p "$bases"

# What is mounted goes before what is removed.
leave() {
  for root in "$work"/*/; do
    umount "$root/dev/pts" "$root/proc" 2>/dev/null
  done
  rm -rf --one-file-system "$work"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

inside() { # ROOT COMMAND...
  root=$1
  shift
  chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

prepare() { # SUITE ROOT
  [ -x "$bases/$1/bin/sh" ] || debootstrap --variant=minbase "$1" "$bases/$1" "$mirror" || return 1
  mkdir "$2" && cp -a --reflink=auto "$bases/$1/." "$2" &&
    cp /etc/resolv.conf "$2/etc/resolv.conf" &&
    mount -t proc proc "$2/proc" || return 1
  [ -c "$2/dev/full" ] || mknod -m 666 "$2/dev/full" c 1 7
  # Terminals of its own, for what is printed to one.
  mkdir -p "$2/dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$2/dev/pts" &&
    ln -sf pts/ptmx "$2/dev/ptmx" || return 1
  # A mirror may keep an index for longer than Debian wanted: sid's is.
  echo 'Acquire::Check-Valid-Until "false";' >"$2/etc/apt/apt.conf.d/10mirror"
  inside "$2" apt-get update &&
    inside "$2" apt-get install -y --no-install-recommends git make || return 1
  mkdir "$2/root/lull" &&
    tar -cf - --exclude=./build --exclude=./.git --exclude='*.o' . | tar -xf - -C "$2/root/lull"
}

lull() { # ROOT COMMAND
  inside "$1" sh -c "cd /root/lull && $2"
}

table=""
bad=0
row() { # SUITE RESULT...
  table="$table$(printf '%-10s %s' "$1" "$2")
"
}

run_wire() { # SUITE ROOT
  lull "$2" "make -s deps && LULL_TEST_LUAS=lua5.4 tests/run.sh tests/wire" >"$work/log" 2>&1 || {
    bad=1
    cat "$work/log"
  }
  row "$1" "wire: $(tail -1 "$work/log")"
}

run_all() { # SUITE ROOT
  demo=done
  lull "$2" "make demo" >"$work/demo" 2>&1 || { bad=1; demo=failed; cat "$work/demo"; }
  # The first words are lull's own, and not a missing compiler's.
  head -1 "$work/demo" | grep -q "^deps: " || { bad=1; demo="$demo, but began with: $(head -1 "$work/demo")"; }
  lull "$2" "make test" >"$work/log" 2>&1 || { bad=1; cat "$work/log"; }
  row "$1" "demo: $demo; test: $(tail -1 "$work/log" | grep -E 'passed|failed' || grep -E '^[0-9]+ passed' "$work/log" | tail -1)"
}

for suite in "$@"; do
  root=$work/$suite
  echo "suites: $suite"
  if prepare "$suite" "$root" >"$work/made" 2>&1; then
    if [ -n "$wire" ]; then run_wire "$suite" "$root"; else run_all "$suite" "$root"; fi
  else
    bad=1
    tail -20 "$work/made"
    row "$suite" "could not be made"
  fi
  umount "$root/dev/pts" "$root/proc" 2>/dev/null
  rm -rf --one-file-system "$root"
done
echo
printf '%s' "$table"
exit "$bad"
