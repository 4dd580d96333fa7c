#!/bin/sh
# soak.sh [SECONDS [FRAMES_PER_SECOND [NEW_FLOWS_PER_SECOND]]]: portlore's memory over a long capture, and whether every frame is
# accounted for at its end. Default: ten minutes, 100,000 frames of 64 bytes and 1,000 new flows a second.
#
# TCP=1 makes half of the flows connections of both sides that never end; the rest is UDP.
# SLOW=1 keeps the classifier from its work on purpose: its thread shares the sender's core at the lowest priority.
# BAD_DAY=1 saves the frames, too, and kills the process that looks up processes after a sixth of the time, fills the disk after two sixths
# and empties it a twelfth later, and after three sixths deletes the interface and makes it again five seconds later. Nothing is sent while
# there is no interface.
# In two network namespaces of its own. Needs root, iproute2, python3; util-linux for SLOW.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
pace=${2:-100000}
churn=${3:-1000}
. benches/live/wire.sh

save=
if [ -n "${BAD_DAY:-}" ]; then
    mkdir "$work/disk"
    # Room for all frames, each with the header of its record, and for what fills it.
    mount -t tmpfs -o size=$((seconds * pace * 100 + (64 << 20))) none "$work/disk"
    trap 'umount "$work/disk"; clear_up' EXIT
    save="-w $work/disk/saved.pcapng"
fi
: >"$work/err"
ip netns exec "$b" "$bin/portlore" live -i veth0 --workers 1 --format json $save >"$work/report" 2>"$work/err" &
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
begin=$(date +%s)
$pin ip netns exec "$a" "$bin/examples/sender" veth0 "$seconds" "$pace" "$churn" ${TCP:+tcp} >"$work/sent" &
sender=$!

# at TWELFTHS: waits for that part of the time.
at() {
    left=$((begin + seconds * $1 / 12 - $(date +%s)))
    [ "$left" -le 0 ] || sleep "$left"
}
# said WORDS: waits until portlore says them, for a minute at most, and prints when it did.
said() {
    from=$(date +%s.%N)
    tries=1200
    until grep -q "$1" "$work/err" || [ $((tries -= 1)) = 0 ]; do sleep 0.05; done
    echo "$from $(date +%s.%N)" | awk -v words="$1" -v begin="$begin" '{ printf "%4d s: \"%s\" said after %.1f s\n", $1 - begin, words, $2 - $1 }'
}
bad_day() {
    at 2
    kill -KILL "$(pgrep -P $pid -f process-lookup)"
    said 'process lookup has ended'
    at 4
    dd if=/dev/zero of="$work/disk/fill" bs=64k 2>/dev/null || true
    said 'until there is room'
    at 5
    rm "$work/disk/fill"
    said 'saving continues'
    at 6
    kill -STOP $sender
    ip -n "$b" link del veth0
    said 'disappeared'
    sleep 5
    veth
    said 'is back'
    kill -CONT $sender
}
trouble=
if [ -n "${BAD_DAY:-}" ]; then
    bad_day &
    trouble=$!
fi
# A tenth of the time, or ten seconds, between two looks.
step=$((seconds / 10 > 10 ? 10 : (seconds + 9) / 10))
: >"$work/memory"
while kill -0 $sender 2>/dev/null; do
    sleep "$step"
    awk -v at="$(date +%s)" '/^VmRSS/ { print at, $2 }' "/proc/$pid/status" >>"$work/memory"
done
[ -z "$trouble" ] || wait "$trouble"
sleep 1
kill -INT $pid
status=0
wait $pid || status=$?
echo "status $status; said:"
cat "$work/err"
[ -z "$save" ] || "$bin/portlore" replay --format json "$work"/disk/saved.pcapng* >"$work/saved" || echo "the saved file is not whole"
python3 benches/live/soak.py "$work" "$seconds"
