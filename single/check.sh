#!/bin/sh
# Whether Debian has newer versions of what is in the one file: asks the file
# what it is made of, and the lists of packages. A line for each that is newer,
# and then exit code 1.
#   check.sh [FILE]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
file=${1:-$here/../build/lull-single}
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
work=$top
. "$here/apt.sh"
"$file" --version | sed '1,/^with, of Debian:$/d' >"$top/parts"
[ -s "$top/parts" ] || { echo "single: $file does not tell what it is made of" >&2; exit 2; }

newest() { # SOURCE-PACKAGE
  best=""
  for version in $(own_apt apt-cache showsrc --only-source "$1" 2>/dev/null | sed -n 's/^Version: //p'); do
    if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best"; then best=$version; fi
  done
  echo "$best"
}

# The archives' release has suites beside it; a source's has none.
suites_of() { # SUITE
  if recipe suite | grep -qxF "$1"; then recipe suite; else echo "$1"; fi
}

for suite in $(cut -d' ' -f3 "$top/parts" | sort -u); do
  work=$top/$suite
  mkdir "$work"
  own_lists "$(for one in $(suites_of "$suite"); do source_list deb-src "$one"; done)" ||
    { echo "single: the lists of $suite cannot be fetched" >&2; exit 2; }
  while read -r package version from; do
    [ "$from" = "$suite" ] || continue
    there=$(newest "$package")
    if [ -z "$there" ]; then
      echo "$package: $version is in the file, $suite has none"
    elif dpkg --compare-versions "$there" gt "$version"; then
      echo "$package: $version is in the file, $suite has $there"
    fi
  done <"$top/parts"
done >"$top/newer"
cat "$top/newer"
[ ! -s "$top/newer" ] || exit 1
echo "single: nothing newer than the $(wc -l <"$top/parts") parts of the file"
