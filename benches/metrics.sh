#!/bin/sh
# metrics.sh [SECONDS [FRAMES_PER_SECOND]]: what clients of --metrics do to scrapes, memory and the capture. While frames are captured, scrapes
# are timed alone, beside 20 idle connections, and beside 10,000 connections that say nothing and are never closed by their client.
#
# Default: 40 s, 20,000 frames of 64 bytes a second. In two network namespaces of its own. Needs root, iproute2 and python3.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-40}
pace=${2:-20000}
. benches/live/wire.sh
ip -n "$b" link set lo up

: >"$work/err"
ip netns exec "$b" "$bin/portlore" live -i veth0 --metrics 9464 --no-tui --format json >"$work/report" 2>"$work/err" &
pid=$!
until grep -q 'capturing on' "$work/err"; do sleep 0.1; done
ip netns exec "$a" "$bin/examples/sender" veth0 "$seconds" "$pace" >"$work/sent" &
sender=$!
ip netns exec "$b" python3 benches/live/metrics.py "$pid"
wait $sender
sleep 1
kill -INT $pid
wait $pid || true
python3 - "$work" <<'END'
import json, re, sys
folder = sys.argv[1]
sent = int(re.search(r"sent (\d+)", open(f"{folder}/sent").read()).group(1))
capture = json.load(open(f"{folder}/report"))["capture"]
dropped = capture["dropped"]
counted = capture["segments"] + sum(capture["skipped"].values()) + sum(dropped.values())
print(f"sent {sent}, segments {capture['segments']}, dropped {dropped}: {sent - counted} not accounted for")
END
