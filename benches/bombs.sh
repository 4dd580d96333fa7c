#!/bin/sh
# bombs.sh [SECONDS [FRAMES_PER_SECOND [BOMBS]]]: whether compressed bodies that inflate to much more delay the counters and the report of a
# live capture. Connections that carry 32 such bodies from either side are spread over five seconds, beside frames of 64 bytes in UDP. The
# same without them comes first.
#
# Default: 15 s, 20,000 frames a second, 300 connections. In two network namespaces of its own. Needs root, iproute2 and python3.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-15}
pace=${2:-20000}
bombs=${3:-300}
. benches/live/wire.sh
ip -n "$b" link set lo up

for count in 0 "$bombs"; do
    before=$(ip netns exec "$b" cat /sys/class/net/veth0/statistics/rx_packets)
    : >"$work/err"
    ip netns exec "$b" "$bin/portlore" live -i veth0 --metrics 9464 --no-tui --format json >"$work/report" 2>"$work/err" &
    pid=$!
    until grep -q 'capturing on' "$work/err"; do sleep 0.1; done
    ip netns exec "$a" "$bin/examples/sender" veth0 "$seconds" "$pace" >"$work/sent" &
    sender=$!
    ip netns exec "$a" python3 benches/live/bombs.py send veth0 "$count" 5 >"$work/bombs" &
    bomber=$!
    ip netns exec "$b" python3 benches/live/bombs.py watch "$pid" "$seconds" "$before" >"$work/delays"
    wait $sender $bomber || true
    wait $pid || true
    python3 benches/live/bombs.py told "$work" "$count"
done
