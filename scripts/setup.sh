#!/bin/sh
# Install what the build needs and is missing: a C linker and libpcap's headers; with `test` as argument also Python 3, for
# the checks, and iproute2, for the live tests on Linux. Says what it does; uses sudo only where the caller is not root.
set -eu

works() { # a program against libpcap compiles and links
    command -v cc >/dev/null 2>&1 &&
        printf '#include <pcap.h>\nint main(void) { return pcap_lib_version() == 0; }\n' |
        cc -x c - -lpcap -o /dev/null 2>/dev/null
}

need_ip() {
    [ "${1:-}" = test ] && [ "$(uname)" = Linux ] && ! command -v ip >/dev/null 2>&1
}

need_python() {
    [ "${1:-}" = test ] && ! command -v python3 >/dev/null 2>&1
}

if works && ! need_ip "$@" && ! need_python "$@"; then
    exit 0
fi
command -v cargo >/dev/null 2>&1 || {
    echo "setup: Rust is missing: see https://rustup.rs" >&2
    exit 1
}
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
run() {
    echo "setup: $*"
    "$@"
}
extra=
if command -v apt-get >/dev/null 2>&1; then
    need_ip "$@" && extra=iproute2
    need_python "$@" && extra="$extra python3"
    command -v cc >/dev/null 2>&1 || extra="$extra gcc libc6-dev"
    run $as_root apt-get update -qq
    run $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libpcap-dev $extra
elif command -v dnf >/dev/null 2>&1; then
    need_ip "$@" && extra=iproute
    need_python "$@" && extra="$extra python3"
    run $as_root dnf install -y -q libpcap-devel gcc $extra
elif command -v pacman >/dev/null 2>&1; then
    need_ip "$@" && extra=iproute2
    need_python "$@" && extra="$extra python"
    run $as_root pacman -S --needed --noconfirm libpcap gcc $extra
elif command -v brew >/dev/null 2>&1; then
    run brew install libpcap
else
    echo "setup: no package manager that is known here. Install a C compiler and libpcap with its headers" >&2
    echo "       (Debian libpcap-dev, Fedora libpcap-devel, Arch libpcap, Alpine libpcap-dev), then run this again." >&2
    exit 1
fi
works || {
    echo "setup: a program against libpcap still does not link: see the messages above" >&2
    exit 1
}
