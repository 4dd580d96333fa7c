#!/bin/sh
# cross-tools.sh: installs what builds the program for other systems in target/cross/tools, and prints that folder: Zig, which
# is a C compiler and linker for all of them, and cargo-zigbuild, which lets cargo use it. Both are programs from PyPI, taken by
# their checksums. Needs Python 3 and, for other machines than Linux on x86-64, the wheels of these versions for them.
set -eu
cd "$(dirname "$0")/.."
tools=${CARGO_TARGET_DIR:-target}/cross/tools
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
done=$tools/done-1
if ! [ -e "$done" ]; then
    python3 -m venv "$tools" >&2
    cat >"$tools/requirements.txt" <<'END'
cargo-zigbuild==0.24.0 --hash=sha256:484412e39e4c6039474535ce97ee75a22bab22d58233056f8ec8a8f9034bb957
ziglang==0.17.1 --hash=sha256:ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54
END
    hashes=--require-hashes
    [ "$(uname -sm)" = "Linux x86_64" ] || {
        # The checksums are those of the wheels for Linux on x86-64.
        hashes=
        sed -i.bak 's/ --hash.*//' "$tools/requirements.txt"
    }
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: $hashes \
        --requirement "$tools/requirements.txt" >&2 || {
        echo "cross-tools.sh: Zig and cargo-zigbuild cannot be had from PyPI" >&2
        exit 2
    }
    : >"$done"
fi
echo "$tools"
