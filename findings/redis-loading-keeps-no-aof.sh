#!/bin/sh
# Redis 7.0.15 says aof_enabled:0 in INFO while it reads its append-only file after
# a restart, though CONFIG GET appendonly says yes: who looks whether a Redis keeps
# what it takes refuses it, or raises an alarm, after each restart.
#
# The file is opened for writing once it has been read, and the field tells of that.
# In the same text stands loading:1: what is told beside that is not known yet.
#
# Seen with Debian 12's redis 5:7.0.15-1~deb12u10:
#   loading:1 aof_enabled:0 appendonly yes; when it has read, loading:0 aof_enabled:1
set -eu
here=$(mktemp -d)
# Ends only what was started here.
trap '[ ! -s "$here/pid" ] || kill "$(cat "$here/pid")" 2>/dev/null || true; sleep 1; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root redis-tools=5:7.0.15-1~deb12u10 libhiredis0.14 libjemalloc2 \
  liblua5.1-0 liblzf1 lua-bitop lua-cjson >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
ln -s redis-check-rdb usr/bin/redis-server # one program, by its name
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

ask() { usr/bin/redis-cli -p "$port" "$@" | tr -d '\r'; }
# The options that are given, and then the first answer.
start() {
  usr/bin/redis-server --port "$port" --bind 127.0.0.1 --dir "$here" --save '' --appendonly yes \
    --daemonize yes --pidfile "$here/pid" --logfile log "$@"
  until ask PING 2>/dev/null | grep -qE 'PONG|LOADING'; do sleep 0.1; done
}
told() { ask INFO persistence | grep -E '^(loading|aof_enabled):' | tr '\n' ' '; }

start
ask EVAL "for i = 1, 6000 do redis.call('SET', 'k' .. i, i) end" 0 >/dev/null
kill -9 "$(cat pid)"
sleep 1
start --key-load-delay 500 # so that it can be seen; a large file takes as long
while_loading="$(told)$(ask CONFIG GET appendonly | tr '\n' ' ')"
until told | grep -q 'loading:0'; do sleep 0.2; done
echo "while it reads its file: $while_loading"
echo "and then: $(told)"
[ "$while_loading" = "loading:1 aof_enabled:0 appendonly yes " ]
[ "$(told)" = "loading:0 aof_enabled:1 " ]
