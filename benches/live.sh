#!/bin/sh
# live.sh [SECONDS [FRAMES_PER_SECOND]]: what reaches portlore, tcpdump and ndpiReader of a stream of 64-byte frames, and what it costs.
#
# Two network namespaces of its own with a veth pair between them; one core sends as fast as it can (or at the pace given), the
# tools listen one after the other, those that are installed. Needs root, iproute2, GNU time and python3.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-10}
pace=${2:-0}
. benches/live/wire.sh

# listen NAME READY COMMAND…: runs a tool while the sender sends; READY is what it says on stderr when it listens.
listen() {
    name=$1 ready=$2
    shift 2
    : >"$work/$name.err"
    ip netns exec "$b" /usr/bin/time -f '%U %S %M' -o "$work/$name.time" "$@" >"$work/$name.out" 2>"$work/$name.err" &
    timer=$!
    until grep -q "$ready" "$work/$name.out" "$work/$name.err" 2>/dev/null; do sleep 0.1; done
    ip netns exec "$a" "$bin/examples/sender" veth0 "$seconds" "$pace" >"$work/$name.sent"
    # The last frames are on their way.
    sleep 1
    pkill -INT -P "$timer" || true
    wait "$timer" || true
    python3 benches/live/figures.py "$name" "$work"
}

printf '%s s, %s\n' "$seconds" "$(uname -sr)"
printf '%-10s %11s %9s %11s %9s %9s %9s %12s %8s\n' tool sent per-s seen kernel interface queue us-per-frame MiB
listen portlore 'capturing on' "$bin/portlore" live -i veth0 --format json
command -v tcpdump >/dev/null && listen tcpdump 'listening on' tcpdump -ni veth0 -w /dev/null
command -v ndpiReader >/dev/null && listen ndpiReader 'Running thread' stdbuf -oL ndpiReader -i veth0
