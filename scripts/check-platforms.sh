#!/bin/sh
# check-platforms.sh [--install] [TARGET...]: type-checks the program for other systems, as far as their standard library is here;
# --install adds it by rustup. Says in one line what is left out. Without TARGET: Windows, and both kinds of macOS.
#
# No C compiler for these systems is needed: type-checking links nothing, so what the libraries in C would be is left empty.
set -eu
cd "$(dirname "$0")/.."
install=
[ "${1:-}" != --install ] || {
    install=1
    shift
}
[ $# -gt 0 ] || set -- x86_64-pc-windows-gnu x86_64-apple-darwin aarch64-apple-darwin
root=$(rustc --print sysroot)/lib/rustlib
for target in "$@"; do
    [ -d "$root/$target/lib" ] || [ -z "$install" ] || rustup target add "$target" >/dev/null 2>&1 || true
    if ! [ -d "$root/$target/lib" ]; then
        echo "check-platforms: $target is left out: its standard library is not here (rustup target add $target)"
        continue
    fi
    name=$(echo "$target" | tr - _)
    # Empty commands, and the version of libpcap that the declarations are for.
    env "CC_$name=true" "CXX_$name=true" "AR_$name=true" "RANLIB_$name=true" LIBPCAP_VER=1.10.0 \
        cargo clippy --quiet --locked --target "$target" -- -D warnings
    echo "check-platforms: clippy has no warning for $target"
done
