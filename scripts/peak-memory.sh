#!/bin/sh
# peak-memory.sh BINARY FOLDER…: the ten captures below the folders for which portlore takes most memory, in MiB, and those at which it
# takes more than ten seconds or dies. Needs GNU time and coreutils.
set -eu
binary=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find "$@" -type f ! -name '*.csv' ! -name '*.md' ! -name '*.txt' ! -name '*.py' ! -name '*.sh' ! -name '*.lua' | sort >"$work/files"
while read -r file; do
    status=0
    /usr/bin/time -q -f %M -o "$work/kib" timeout 10 "$binary" replay --format json "$file" >/dev/null 2>&1 || status=$?
    case $status in
    0 | 2 | 3) ;;
    *) echo "status $status: $file" ;;
    esac
    echo "$(cat "$work/kib") $file"
done <"$work/files" >"$work/all"
grep '^status' "$work/all" || true
echo "$(wc -l <"$work/files") captures, MiB:"
grep -v '^status' "$work/all" | sort -rn | head -n 10 | awk '{ kib = $1; sub(/^[0-9]+ /, ""); printf "%6.1f %s\n", kib / 1024, $0 }'
