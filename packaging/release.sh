#!/bin/sh
# release.sh [FOLDER]: makes everything of a release in FOLDER (default: target/release-VERSION), checks it, and prints what to
# publish. Uploads nothing.
#
# Steps: the tree is clean and the changelog has the version; tests; the program, an archive and a Debian package; the crate as
# `cargo publish` would send it; checksums. SKIP_TESTS=1 leaves the tests out, when .ci/run has just passed for this commit.
set -eu
cd "$(dirname "$0")/.."
fail() {
    echo "release.sh: $1" >&2
    exit 2
}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
target=${CARGO_TARGET_DIR:-target}
folder=${1:-$target/release-$version}
[ -z "$(git status --porcelain)" ] || fail "the working tree has changes; commit them first"
grep -q "^## \[*$version\]*" CHANGELOG.md ||
    fail "CHANGELOG.md has no heading for $version; give what is below Unreleased that heading and a date"
[ ! -e "$folder" ] || fail "$folder exists; remove it first"
[ -n "${SKIP_TESTS:-}" ] || make test

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
cargo build --release --locked
mkdir -p "$folder"
name=portlore-$version-$(rustc -vV | sed -n 's/^host: //p')
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
make --no-print-directory install DESTDIR="$stage" PREFIX="/$name"
packaging/licences.py >"$stage/$name/LIBRARIES.txt"
cp README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE packaging/portlore.service "$stage/$name/"
tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -9n >"$folder/$name.tar.gz"
if command -v dpkg-deb >/dev/null; then
    packaging/deb.sh "$folder"
else
    echo "release.sh: no Debian package: dpkg-deb is missing" >&2
fi
# Builds what is in the crate, from the crate alone.
cargo package --locked
cp "$target/package/portlore-$version.crate" "$folder/"
(cd "$folder" && sha256sum ./*.* >SHA256SUMS)

echo
echo "To publish, in this order:"
echo "  git tag -s v$version && git push origin v$version"
echo "  cargo publish --locked"
echo "  with the tag: everything in $folder"
cat "$folder/SHA256SUMS"
