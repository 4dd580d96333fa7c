#!/bin/sh
# libpcap.sh TARGET [FILE]: builds libpcap as a static library for a musl target, and prints the folder in which it is:
# target/cross/libpcap-TARGET. It captures on network interfaces and compiles filters, and has nothing for D-Bus, Bluetooth,
# USB, RDMA and other sources, so that the program depends on no other library.
#
# FILE is libpcap's source. Without it, it is downloaded from its authors, or taken from Debian's source package. The checksum
# decides: any other file is refused. Needs flex, bison, make and xz.
set -eu
cd "$(dirname "$0")/.."
VERSION=1.10.5
SHA256=84fa89ac6d303028c1c5b754abff77224f45eca0a94eb1a34ff0aa9ceece3925
DEBIAN=trixie
target=$1
source=${2:-${LIBPCAP_SOURCE:-}}
fail() {
    echo "libpcap.sh: $1" >&2
    exit 2
}
case $target in
*-unknown-linux-musl) ;;
*) fail "$target is not a musl target" ;;
esac
cross=${CARGO_TARGET_DIR:-target}/cross
mkdir -p "$cross"
cross=$(cd "$cross" && pwd)
folder=$cross/libpcap-$target
if [ "$(cat "$folder/version" 2>/dev/null || true)" = "$VERSION" ]; then
    echo "$folder"
    exit 0
fi
for tool in flex bison make xz; do
    command -v $tool >/dev/null || fail "$tool is missing; apt-get install flex bison make xz-utils"
done
tools=$(packaging/cross-tools.sh)

is_right() { [ -f "$1" ] && echo "$SHA256  $1" | sha256sum --check --status -; }

# The file of Debian's source package, by the package manager of a Debian system and with lists of its own.
from_debian() {
    command -v apt-get >/dev/null || return 1
    lists=$cross/apt
    mkdir -p "$lists/lists/partial" "$lists/sources"
    origin=$(sed -n 's/^URIs: *//p; s/^deb *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list \
        /etc/apt/sources.list.d/debian.sources 2>/dev/null | grep '/debian/*$' | head -1)
    [ -n "$origin" ] || return 1
    printf 'deb-src %s %s main\n' "$origin" "$DEBIAN" >"$lists/sources/source.list"
    (
        cd "$lists"
        set -- -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$lists/sources" -o Dir::State::lists="$lists/lists"
        set -- "$@" -o APT::Sandbox::User=root
        apt-get "$@" update && apt-get "$@" source --download-only --tar-only libpcap
    ) >"$lists/log" 2>&1 || return 1
    cp "$lists"/libpcap_"$VERSION".orig.tar.xz "$archive"
}

archive=$cross/libpcap-$VERSION.tar.xz
if [ -n "$source" ]; then
    is_right "$source" || fail "$source is not libpcap-$VERSION.tar.xz: its SHA-256 is not $SHA256"
    archive=$source
elif ! is_right "$archive"; then
    curl --silent --fail --location --max-time 60 --output "$archive" \
        "https://www.tcpdump.org/release/libpcap-$VERSION.tar.xz" 2>/dev/null || from_debian ||
        fail "libpcap-$VERSION.tar.xz cannot be had; download it and name it with LIBPCAP_SOURCE=FILE"
    is_right "$archive" || fail "$archive has another SHA-256 than $SHA256"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xf "$archive" --strip-components=1
# A C compiler of one word, as `configure` wants it.
triple=$(echo "$target" | sed 's/-unknown//')
printf '#!/bin/sh\nexec "%s/bin/python-zig" cc -target %s "$@"\n' "$tools" "$triple" >"$work/cc"
chmod +x "$work/cc"
(
    cd "$work"
    ./configure --host="$triple" CC="$work/cc" CFLAGS="-O2 -g0 -ffile-prefix-map=$work=/libpcap-$VERSION" --with-pcap=linux \
        --disable-shared --disable-usb --disable-bluetooth --disable-dbus --disable-rdma --disable-netmap --disable-remote \
        --without-libnl --without-dag --without-snf --without-turbocap --without-dpdk &&
        make libpcap.a
) >"$work/log" 2>&1 || {
    tail -5 "$work/log" >&2
    fail "libpcap $VERSION cannot be built for $target"
}
rm -rf "$folder"
mkdir -p "$folder"
cp "$work/libpcap.a" "$work/LICENSE" "$folder/"
echo "$VERSION" >"$folder/version"
echo "$folder"
