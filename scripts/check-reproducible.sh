#!/bin/sh
# Check that a build in another folder gives the same program: build what is committed in two folders, compare the digests,
# and look for names of folders. Takes two release builds.
set -eu
cd "$(dirname "$0")/.."

commit=$(git rev-parse HEAD)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset CARGO_TARGET_DIR

# Names of different lengths: lengths show in debug information.
for name in first another-folder/second; do
    mkdir -p "$folder/$name"
    git archive "$commit" | tar -x -C "$folder/$name"
    (cd "$folder/$name" && cargo build --release --locked --bin portlore)
done
first=$folder/first/target/release/portlore
second=$folder/another-folder/second/target/release/portlore
sha256sum "$first" "$second"
cmp "$first" "$second"
for path in "$folder" "${CARGO_HOME:-$HOME/.cargo}"; do
    if grep -aqF "$path" "$first"; then
        echo "check-reproducible: the program names $path" >&2
        exit 1
    fi
done
echo "check-reproducible: both are the same, and name no folder of this machine"
