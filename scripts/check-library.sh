#!/bin/sh
# The library alone builds without the program's dependencies: without libpcap, whose headers may be
# absent, and without the terminal. `cargo tree` shows that nothing brings them back.
set -eu
cargo build --locked --lib --no-default-features
brought=$(cargo tree --locked --no-default-features --edges normal --prefix none |
    grep -E '^(caps|clap|landlock|mimalloc|pcap|ratatui|seccompiler) ' || true)
[ -z "$brought" ] || {
    echo "check-library: the library without features depends on: $brought" >&2
    exit 1
}
