#!/bin/sh
# static.sh [TARGET...]: builds the program for Linux as one file that depends on nothing but the kernel: with musl, and with a
# libpcap of its own. Prints the path of each. TARGET is x86_64-unknown-linux-musl or aarch64-unknown-linux-musl; without one,
# both are built.
#
# Needs Rust (rustup adds the standard library of a target), Python 3, flex, bison, make and xz.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- x86_64-unknown-linux-musl aarch64-unknown-linux-musl
for target in "$@"; do
    packaging/cross.sh "$target"
done
