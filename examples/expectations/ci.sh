#!/bin/sh
# A gate for CI: checks what the integration tests did on the network. Usage: ci.sh CAPTURE
#
# The capture was made around the tests:
#   sudo tcpdump -i lo -w tests.pcap & make integration-tests; sudo kill $!
set -eu
here=$(dirname "$0")
# junit.xml is for the CI server; the lines are for the log.
portlore check "$here/ci.toml" "$1" --format junit -o junit.xml --force --quiet || true
portlore check "$here/ci.toml" "$1"
