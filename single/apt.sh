# For build.sh and check.sh: apt, over lists of its own, so that the machine's
# stay as they are and no root is needed. Wants $here and $work. The mirror is
# the one that apt asks here, or LULL_MIRROR; what is of security, LULL_SECURITY,
# is else beside it.
recipe() { sed -n "s/^$1 //p" "$here/recipe"; }

asked() { # SUITE'S-PATTERN
  apt-get indextargets --format '$(SUITE) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    sed -nE "s/^$1 //p" | sed 's/^[^ ]* //' | head -1
}
debian=${LULL_MIRROR:-$(asked '(stable|oldstable|oldoldstable|testing|unstable)')}
debian=${debian%/}
security=${LULL_SECURITY:-$debian-security}

source_list() { # deb|deb-src SUITE
  uri=$debian
  case $2 in *-security) uri=$security ;; esac
  printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$1" "$uri" "$2"
}

own_apt() { # COMMAND ARGUMENTS
  command=$1
  shift
  "$command" -q=2 -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" \
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User= -o APT::Default-Release= "$@"
}

own_lists() { # SOURCES, as source_list prints them
  mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
  : >"$work/apt/status"
  printf '%s\n' "$1" >"$work/sources.list"
  own_apt apt-get update >"$work/log" 2>&1 && ! grep -q '^[EW]:' "$work/log" || {
    cat "$work/log" >&2
    return 1
  }
}
