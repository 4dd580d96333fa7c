#!/bin/sh
# soak.sh [SECONDS [FRAMES_PER_SECOND [NEW_FLOWS_PER_SECOND]]]: portlore's memory over a long capture, and whether every frame is
# accounted for at its end. Default: ten minutes, 100,000 frames of 64 bytes and 1,000 new flows a second.
#
# SLOW=1 keeps the classifier from its work on purpose: its thread shares the sender's core at the lowest priority.
# In two network namespaces of its own. Needs root, iproute2, python3; util-linux for SLOW.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
pace=${2:-100000}
churn=${3:-1000}
. benches/live/wire.sh

: >"$work/err"
ip netns exec "$b" "$bin/portlore" live -i veth0 --workers 1 --format json >"$work/report" 2>"$work/err" &
pid=$!
until grep -q 'capturing on' "$work/err"; do sleep 0.1; done
pin=
if [ -n "${SLOW:-}" ]; then
    pin="taskset -c 0"
    for task in /proc/$pid/task/*; do
        case $(cat "$task/comm") in
        classify-*) taskset -cp 0 "${task##*/}" >/dev/null && renice -n 19 -p "${task##*/}" >/dev/null ;;
        esac
    done
fi
$pin ip netns exec "$a" "$bin/examples/sender" veth0 "$seconds" "$pace" "$churn" >"$work/sent" &
sender=$!
# A tenth of the time, or ten seconds, between two looks.
step=$((seconds / 10 > 10 ? 10 : (seconds + 9) / 10))
: >"$work/memory"
while kill -0 $sender 2>/dev/null; do
    sleep "$step"
    awk -v at="$(date +%s)" '/^VmRSS/ { print at, $2 }' "/proc/$pid/status" >>"$work/memory"
done
sleep 1
kill -INT $pid
wait $pid
python3 benches/live/soak.py "$work" "$seconds"
