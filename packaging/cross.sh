#!/bin/sh
# cross.sh TARGET [COMMAND...]: builds the program for a target, checks what it depends on, and prints its path. With COMMAND,
# cargo runs that instead with the target's compilers: `cross.sh x86_64-pc-windows-gnu clippy -- -D warnings`.
#
# TARGET is one of
#   x86_64-unknown-linux-musl  aarch64-unknown-linux-musl    one file that depends on nothing but the kernel
#   x86_64-apple-darwin        aarch64-apple-darwin          libraries of macOS alone; SDKROOT names an SDK, if there is one
#   x86_64-pc-windows-gnu                                    libraries of Windows alone
#
# Needs Rust (rustup adds the standard library of a target), Python 3, and for musl flex, bison, make and xz.
set -eu
cd "$(dirname "$0")/.."
target=$1
shift
fail() {
    echo "cross.sh: $1" >&2
    exit 2
}
case $target in
*-unknown-linux-musl | *-apple-darwin | *-pc-windows-gnu) ;;
*) fail "no such target: $target" ;;
esac
has_std() { [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; }
has_std || rustup target add "$target" >&2 2>/dev/null || fail "the standard library of $target cannot be had: rustup target add"
tools=$(packaging/cross-tools.sh)
PATH=$tools/bin:$PATH
# Not that of this machine.
LIBPCAP_VER=1.10.5
export PATH LIBPCAP_VER
case $target in
*-musl)
    LIBPCAP_LIBDIR=$(packaging/libpcap.sh "$target")
    export LIBPCAP_LIBDIR
    ;;
*-apple-darwin)
    # libpcap is part of macOS: without an SDK, the linker is told what it has.
    if [ -z "${SDKROOT:-}" ] && [ "$(uname)" != Darwin ]; then
        LIBPCAP_LIBDIR=$tools/../libpcap-apple
        mkdir -p "$LIBPCAP_LIBDIR"
        cp packaging/libpcap.tbd "$LIBPCAP_LIBDIR/"
        export LIBPCAP_LIBDIR
    fi
    ;;
esac
# The times that C programs have in them are fixed (.cargo/config.toml), which Zig does not know.
name=$(echo "$target" | tr - _)
export "CFLAGS_$name=-Wno-error=date-time"
# Two builds are the same bytes without the names of symbols, too.
export CARGO_PROFILE_RELEASE_STRIP=symbols
if [ $# -gt 0 ]; then
    command=$1
    shift
    exec cargo-zigbuild "$command" --locked --target "$target" "$@"
fi
cargo-zigbuild zigbuild --release --locked --target "$target" --bin portlore >&2
name=portlore
case $target in *-windows-*) name=portlore.exe ;; esac
program=${CARGO_TARGET_DIR:-target}/$target/release/$name
case $target in
*-musl)
    case $(file -bL "$program") in
    *"statically linked"* | *"static-pie linked"*) ;;
    *) fail "$program is not static: $(file -bL "$program")" ;;
    esac
    ;;
*-windows-*)
    # Zig brings LLVM's tools for libraries, and none that lists what a program needs.
    needed=$("$tools/bin/python" - "$program" <<'PYTHON'
import re, sys
names = set(re.findall(rb"[\w.-]+\.dll\0", open(sys.argv[1], "rb").read(), re.I))
system = rb"(kernel32|ntdll|advapi32|ws2_32|userenv|bcrypt|bcryptprimitives|user32|shell32|ole32|iphlpapi|psapi|powrprof" \
    rb"|combase|synchronization|secur32|msvcrt|ucrtbase|dbghelp|pdh|api-ms-win-[\w-]+)\.dll\0"
print(b" ".join(name[:-1] for name in sorted(names) if not re.fullmatch(system, name, re.I)).decode())
PYTHON
    )
    [ -z "$needed" ] || fail "$program needs libraries that not every Windows has: $needed"
    ;;
*-apple-*)
    needed=$(strings "$program" | grep -E '^/.*\.dylib$|^/System/Library/Frameworks/|^@rpath/' | grep -vE '^/(usr/lib|System)/' || true)
    [ -z "$needed" ] || fail "$program needs libraries that not every Mac has: $needed"
    ;;
esac
echo "cross.sh: $target: $(wc -c <"$program") bytes, $(file -bL "$program")" >&2
echo "$program"
