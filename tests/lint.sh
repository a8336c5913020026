#!/bin/sh
# Warnings are errors, under gcc and clang; luacheck is clean; C is laid out
# as .clang-format says; words are spelt as codespell knows them.
set -eu
cd "$(dirname "$0")/.."
for cc in gcc clang; do
  echo "lint: $cc"
  make -s -j"$(nproc)" all unit CC=$cc WERROR=-Werror SAN=-lint-$cc CFLAGS=-O2
done
echo "lint: the loop of other systems"
gcc -std=c11 -Wall -Wextra -Wconversion -Werror -U__linux__ -fsyntax-only -Isrc \
  $(pkg-config --cflags libcurl) src/world/netloop.c
# LuaRocks takes the compiler's own standard, whose headers have names of theirs:
# a function of ours was called as a macro of C23 is.
echo "lint: C23"
printf '%s\n' src/*/*.c | xargs -P "$(nproc)" -n 16 gcc -std=gnu2x -fsyntax-only -Werror -Isrc \
  '-Dunreachable()=__builtin_unreachable()' $(pkg-config --cflags lua5.4 libcurl)
echo "lint: clang-format"
clang-format --dry-run -Werror src/*/*.c src/*/*.h tests/unit/*.c tests/unit/*.h single/*.c
echo "lint: clang-tidy"
# shellcheck disable=SC2016
printf '%s\n' src/*/*.c | xargs -P "$(nproc)" -n 8 sh -c 'clang-tidy --quiet "$@" -- \
  -std=c11 $(pkg-config --cflags lua5.4 libcurl) -Isrc 2>/dev/null' sh
echo "lint: luacheck"
luacheck --quiet src library scripts tests docs bench single
echo "lint: codespell"
spelling() { codespell --ignore-words tests/codespell.txt "$@"; }
spelling --skip '*_spec.lua,codespell*' *.md docs man src library scripts tests \
  bench single completions debian rockspec Makefile .ci
# Of the specs some words are wrong on purpose.
spelling --ignore-words tests/codespell_specs.txt tests/*/*_spec.lua scripts/*_spec.lua
