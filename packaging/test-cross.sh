#!/bin/sh
# test-cross.sh NATIVE: builds the program for other systems, and runs it on every capture here: the text and the JSON are the same
# bytes as those of NATIVE, a build for this machine. Says what cannot be run here.
#
# The static program for this machine is also tried in an empty root folder, by root. Needs qemu-user for the other processor, and
# wine64 for Windows.
set -eu
cd "$(dirname "$0")/.."
native=$1
same() { scripts/check-same-output.py "$native" "$@"; }
left_out() { echo "test-cross.sh: $1 is left out: $2"; }

here=$(uname -m)
for processor in x86_64 aarch64; do
    target=$processor-unknown-linux-musl
    if [ $processor = "$here" ]; then
        program=$(packaging/static.sh $target)
        same "$program"
        if [ "$(id -u)" = 0 ]; then
            packaging/test-static.sh "$program"
        else
            left_out "the capture in an empty root folder" "only root can try it"
        fi
    elif command -v qemu-$processor >/dev/null; then
        program=$(packaging/static.sh $target)
        same qemu-$processor "$program"
    else
        left_out $target "qemu-$processor is missing; apt-get install qemu-user"
    fi
done
wine=$(command -v wine64 || command -v wine || ls /usr/lib/wine/wine64 2>/dev/null || true)
if [ -n "$wine" ]; then
    program=$(packaging/cross.sh x86_64-pc-windows-gnu)
    same "$wine" "$program"
else
    left_out x86_64-pc-windows-gnu "wine64 is missing; apt-get install wine64"
fi
left_out "macOS" "nothing here can run its programs; scripts/check-platforms.sh type-checks them"
