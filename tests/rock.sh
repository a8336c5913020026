#!/bin/sh
# The rock, for each Lua: built from a copy of the source in a path with
# spaces, by the lines that README prints, packed, installed into an empty tree,
# and used when the source is gone. Asks no server: what Debian supplies is told
# to LuaRocks as provided.
#   tests/rock.sh [LUA]
set -eu
cd "$(dirname "$0")/.."
make -s -j"$(nproc)" all
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# All Luas: a process each, as many at once as there are processors. Whatever a
# process printed stands in a file, whose last line counts.
if [ $# = 0 ]; then
  for lua in lua5.1 lua5.2 lua5.3 lua5.4 luajit; do
    command -v "$lua" >/dev/null && printf '%s\n' "$lua"
  done >"$work/luas"
  # shellcheck disable=SC2016
  xargs -P "$(nproc)" -n 1 sh -c 'tests/rock.sh "$2" >"$1/said.$2" 2>&1' sh "$work" <"$work/luas" || true
  cat "$work"/said.*
  awk '/^rock: / { last[FILENAME] = $2 "," $4 + 0 } END {
    for (f in last) { split(last[f], n, ","); good += n[1]; bad += n[2]; files++ }
    bad += luas - files
    printf "rock: %d passed, %d failed\n", good, bad
    exit bad > 0 || good == 0 }' luas="$(wc -l <"$work/luas")" "$work"/said.*
  exit
fi
lua=$1
copy="$work/a copy of lull"
passed=0
failed=0

check() { # NAME COMMAND...
  name=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $name"
    cat "$work/log"
  fi
}

copy_source() {
  mkdir -p "$copy"
  tar -cf - --exclude=./build --exclude=./.git --exclude='*.o' . | tar -xf - -C "$copy"
}

# The examples outlive the source; what they print is the same on every Lua.
mkdir -p "$work/used" "$work/printed"
cp -r scripts/*.lua scripts/worlds LICENSE "$work/used"
binary=$(pwd)/build/lull

# Runs each example in virtual time; what it prints goes into a folder.
run_examples() { # FOLDER COMMAND...
  folder=$1
  shift
  cd "$work/used"
  for example in *.lua; do
    world=worlds/examples.lua arguments=http://api.test
    case $example in
      *_spec.lua) continue ;;
      copyleaks.lua) world=worlds/copyleaks.lua arguments=LICENSE ;;
      get.lua) arguments="http://api.test/hello http://api.test/nothing" ;;
    esac
    code=0
    "$@" --sim "$world" --seed 1 "$example" $arguments >"$folder/$example" 2>&1 || code=$?
    echo "exit code $code" >>"$folder/$example"
  done
}

(run_examples "$work/printed" "$binary")

configure() { # TREE
  cat >"$work/config.lua" <<END
rocks_servers = {}
rocks_trees = { { name = "tree", root = "$1" } }
rocks_provided = { ["lua-cjson"] = "2.1.0-1", argparse = "0.7.1-1", busted = "2.1.1-1" }
home_tree = "$work/home"
local_cache = "$work/cache"
END
  export LUAROCKS_CONFIG="$work/config.lua" HOME="$work"
}

rocks() { # VERSION TREE COMMAND...
  version=$1 tree=$2
  shift 2
  luarocks --lua-version "$version" --tree "$tree" "$@"
}

in_folder() (
  cd "$1"
  shift
  "$@"
)

# Uses what is in a tree, and nothing else of lull.
use() { # LUA VERSION TREE ROCK-VERSION
  lua=$1 version=$2 tree=$3
  run="$tree/bin/lull"
  [ "$lua" != luajit ] || run="luajit $tree/lib/luarocks/rocks-$version/lull/$4/bin/lull"
  LUA_PATH="$tree/share/lua/$version/?.lua;;"
  LUA_CPATH="$tree/lib/lua/$version/?.so;;"
  export LUA_PATH LUA_CPATH
  cd "$work/used"
  $lua -e 'local lull = require "lull"; assert(lull.version); assert(package.loaded["lull.core"])' || return 1
  cmp "$tree/share/lua/$version/lull/types.lua" "$types" || return 1
  rm -rf "$work/now"
  mkdir "$work/now"
  (run_examples "$work/now" $run) || return 1
  diff -r "$work/printed" "$work/now" || return 1
  [ "$($run get --sim worlds/examples.lua http://api.test/hello)" = hello ] || return 1
  $run --version | grep "^lull " || return 1
  code=0
  $run get --wrong 2>"$work/err" || code=$?
  [ "$code" = 2 ] && [ "$(cat "$work/err")" = "lull: unknown option '--wrong'; try lull get --help" ]
}

using() (use "$@")

# A rockspec whose source is a file beside it.
pack_source() { # VERSION-OF-ROCK
  tar -czf "$work/lull-0.1.0.tar.gz" --exclude=./build --exclude=./.git --exclude='*.o' \
    --transform 's,^\.,lull-0.1.0,' .
  lua5.4 rockspec/make.lua 0.1.0-1 "file://$work/lull-0.1.0.tar.gz" >"$work/lull-0.1.0-1.rockspec"
}

types="$work/types.lua"
cp library/lull.lua "$types"
configure "$work/none"

# README's lines, one a line, for another version of Lua.
printed_lines() { # VERSION WHAT
  sed -n "s/^    \(luarocks .*$2.*\)/\1/p" README.md | sed "s/ --lua-version 5.4 / --lua-version $1 /"
}

as_printed() { # FOLDER VERSION WHAT [MORE]
  line=$(printed_lines "$2" "$3")
  [ -n "$line" ] || return 1
  cd "$1" && sh -ec "$line ${4:-}"
}

in_readme() (as_printed "$@")

[ "$lua" != lua5.4 ] || pack_source
copy_source
version=${lua#lua}
[ "$lua" != luajit ] || version=5.1
made="$work/made" packed="$work/packed"
[ "$lua" != lua5.4 ] || for rockspec in rockspec/*.rockspec; do
  check "lint of $rockspec" luarocks lint "$rockspec"
done
configure "$made"
check "$lua: make" in_readme "$copy" "$version" " make "
mv "$copy" "$work/away"
check "$lua: use of what was made" using "$lua" "$version" "$made" scm-1
mv "$work/away" "$copy"
check "$lua: test" in_readme "$copy" "$version" " test " tests/lull/text_spec.lua
rock=scm-1
# From a rockspec whose source is a file, once; the copy is what the first build
# left, which must not harm another.
if [ "$lua" = lua5.4 ]; then
  check "$lua: removal of what was made" in_readme "$copy" "$version" " remove "
  rock=0.1.0-1
  check "$lua: source rock" in_folder "$copy" rocks "$version" "$made" install "$work/lull-$rock.rockspec"
fi
check "$lua: pack" in_folder "$work" rocks "$version" "$made" pack lull "$rock"
rm -rf "$made"
check "$lua: install of the packed rock" rocks "$version" "$packed" install "$work/lull-$rock".*.rock
mv "$copy" "$work/away"
check "$lua: use of what was installed" using "$lua" "$version" "$packed" "$rock"
check "$lua: removal" rocks "$version" "$packed" remove lull
echo "rock: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
