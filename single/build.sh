#!/bin/sh
# build/lull-single: lull, Lua and all libraries in one file, which needs libc
# and libm alone. What goes into it stands in single/recipe: archives of Debian,
# and two libraries that are built here from Debian's sources. Nothing is
# installed, and nothing fetched but packages.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
work=$(pwd)/build/single
root=$work/root
mkdir -p "$work"
say() { echo "single: $*"; }
die() { say "$*" >&2; exit 1; }
quietly() {
  "$@" >"$work/log" 2>&1 || { tail -30 "$work/log" >&2; die "failed: $*"; }
}
for tool in gcc make nm dpkg-source patch apt-get; do
  command -v "$tool" >/dev/null || die "$tool is needed: apt-get install gcc make binutils dpkg-dev patch"
done
. "$here/apt.sh"
flags="-O2 -g -fPIC -ffunction-sections -fdata-sections -fstack-protector-strong"

# ---- what Debian has made ---------------------------------------------------

fetch_archives() {
  rm -rf "$root" "$work/debs"
  mkdir -p "$root/lib" "$root/include" "$work/debs"
  packages=$(recipe archive | cut -d' ' -f1; recipe lua | cut -d' ' -f1)
  (cd "$work/debs" && own_apt apt-get download $packages) >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; die "the archives cannot be fetched"; }
  for deb in "$work"/debs/*.deb; do
    dpkg-deb -x "$deb" "$work/debs/x"
  done
  recipe archive | while read -r package files; do
    for file in $files; do
      cp "$work"/debs/x/usr/lib/*/"$file" "$root/lib/" || die "$package has no $file"
    done
  done
  recipe lua | while read -r package file; do
    cp "$work/debs/x/usr/share/lua/5.4/$file" "$root/lib/" || die "$package has no $file"
  done
  cp -R "$work"/debs/x/usr/include/. "$root/include"
  for folder in "$root"/include/*-linux-gnu*; do # some are of one machine
    [ ! -d "$folder" ] || cp -R "$folder/." "$root/include"
  done
}

# ---- what is built here -----------------------------------------------------

fetch_source() { # SUITE PACKAGE VERSION SUM
  rm -rf "$work/$2" && mkdir "$work/$2" && cd "$work/$2"
  own_apt apt-get source --download-only "$2=$3" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    die "$2 $3 is no longer in $1, it seems: single/check.sh tells what is, docs/releasing.md what to do"
  }
  dsc=$(echo *.dsc)
  echo "$4  $dsc" | sha256sum --check --quiet || die "$dsc is not the one that single/recipe names"
  quietly dpkg-source --extract "$dsc" source # checks the sums that it names
  cd source
}

build_mimalloc() {
  quietly gcc $flags -DNDEBUG -DMI_MALLOC_OVERRIDE -ftls-model=initial-exec -fno-builtin-malloc \
    -std=gnu11 -Iinclude -c -o "$root/lib/mimalloc.o" src/static.c
  cp include/mimalloc*.h "$root/include"
}

# Debian's patches touch what makes `configure`, to no end that matters here: it
# is younger, as a release has it.
build_curl() {
  find . -name aclocal.m4 -exec touch {} +
  find . \( -name configure -o -name Makefile.in -o -name curl_config.h.in \) -exec touch {} +
  libs="$root/lib"
  quietly env CPPFLAGS="-I$root/include" LDFLAGS="-L$libs" CFLAGS="$flags" \
    LIBS="-lssl -lcrypto -lidn2 -lunistring -lbrotlidec -lbrotlicommon -lzstd -lz -ldl -lpthread" \
    PKG_CONFIG=/bin/false ./configure --prefix="$root" --disable-shared --enable-static --disable-dependency-tracking \
    --with-openssl --with-nghttp2 --with-zlib --with-brotli --with-zstd --with-libidn2 --without-libpsl \
    --without-libssh2 --without-libssh --without-gssapi --without-libgsasl --disable-ldap --disable-ldaps \
    --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --with-ca-path=/etc/ssl/certs \
    --enable-threaded-resolver --enable-ipv6 --disable-ares --disable-docs --disable-manual --disable-libcurl-option \
    --disable-ftp --disable-file --disable-ipfs --disable-rtsp --disable-dict --disable-telnet --disable-tftp --disable-pop3 \
    --disable-imap --disable-smb --disable-smtp --disable-gopher --disable-mqtt --disable-websockets \
    --disable-aws --disable-ntlm --disable-doh --disable-netrc
  for feature in BROTLI IDN2 NGHTTP2 ZSTD; do
    grep -qE "#define (HAVE_|USE_)(LIB)?$feature" lib/curl_config.h || die "curl's configure has not found $feature"
  done
  # All of it would build the library a second time, for its own tests.
  quietly make -C lib -j"$(nproc)" libcurl.la
  cp lib/.libs/libcurl.a "$root/lib/"
  quietly make -C include install
  check_wrapped
}

# What is ours instead of libcurl's (wrap in single/recipe): libcurl still calls
# each of them, or the linker would say nothing, and ours do what its own do.
check_wrapped() {
  wraps=""
  for name in $(recipe wrap); do
    nm "$root/lib/libcurl.a" 2>/dev/null | grep -qE " U $name\$" ||
      die "libcurl calls $name no more: single/text.c and src/binary/lazyinit.c have to follow it"
    wraps="$wraps -Wl,--wrap=$name"
  done
  quietly gcc -std=c11 -Wall -Wextra -Werror -Wno-format -I"$root/include" $wraps -DLULL_SINGLE -I"$here/../src" \
    -o "$work/text_check" "$here"/*.c "$here/../src/binary/lazyinit.c" -Wl,--start-group "$root"/lib/lib*.a -Wl,--end-group -lm
  "$work/text_check" || die "single/text.c does not do what libcurl does"
}

# ---- all together -----------------------------------------------------------

# What is in it, as its own --version tells: by its source package and version.
list_parts() {
  for deb in "$work"/debs/*.deb; do
    version=$(dpkg-deb -f "$deb" Version)
    source=$(dpkg-deb -f "$deb" Source)
    case $source in *\(*) version=${source#*(} version=${version%)} ;; esac
    source=${source%% *}
    [ -n "$source" ] || source=$(dpkg-deb -f "$deb" Package)
    echo "$source $version $(recipe suite | head -1)"
  done
  recipe source | while read -r suite package version sum; do
    echo "$package $version $suite"
  done
}

print_parts() {
  echo 'return [['
  list_parts | sort -u
  echo ']]'
}

say "fetching archives"
own_lists "$(
  recipe suite | while read -r suite; do source_list deb "$suite"; done
  recipe source | while read -r suite rest; do source_list deb-src "$suite"; done | sort -u
)" || die "the lists of packages cannot be fetched"
fetch_archives
recipe source | while read -r suite package version sum; do
  say "building $package $version"
  (fetch_source "$suite" "$package" "$version" "$sum" && "build_$package") </dev/null
done
print_parts >"$root/lib/parts.lua"
make -s SINGLE=1 build/lull-single
say "$(du -h build/lull-single | cut -f1) in build/lull-single"
