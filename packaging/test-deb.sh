#!/bin/sh
# test-deb.sh [PACKAGE]: installs the Debian package in a root of its own, uses it as a user, and removes it again; nothing of
# it may be left. Builds the package with deb.sh if none is given. Needs root, debootstrap and a Debian mirror.
set -eu
cd "$(dirname "$0")/.."
package=${1:-$(packaging/deb.sh)}
command -v debootstrap >/dev/null || {
    echo "test-deb.sh: debootstrap is missing; apt-get install debootstrap" >&2
    exit 2
}
work=$(mktemp -d)
root=$work/debian
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
debootstrap --variant=minbase "$suite" "$root" ${MIRROR:-} >"$work/debootstrap.log" 2>&1 || {
    tail -5 "$work/debootstrap.log" >&2
    exit 2
}
mount -t proc proc "$root/proc"
cp "$package" fixtures/showcase.pcap "$root/tmp/"
chmod 644 "$root"/tmp/*
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
files() { inside find / -xdev ! -path '/proc/*' ! -path '/var/lib/dpkg/*' ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/tmp/*' | sort; }
as_user() { inside setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# What it depends on stays: only what the package itself brings has to be gone.
inside apt-get install -y -qq --no-install-recommends "/tmp/$(basename "$package")" >"$work/install.log" 2>&1 || {
    tail -5 "$work/install.log" >&2
    exit 1
}
inside dpkg -L portlore | sort >"$work/brings"
as_user portlore --version
as_user portlore port 3001 | head -4
as_user portlore replay /tmp/showcase.pcap >"$work/report"
grep -q 'osc' "$work/report"
as_user portlore replay --format json /tmp/showcase.pcap | grep -q '"schema"'
inside sh -c 'test -s /usr/share/man/man1/portlore.1.gz && test -s /usr/share/doc/portlore/copyright'
inside dpkg -V portlore
files >"$work/before"
inside apt-get purge -y -qq portlore >"$work/purge.log" 2>&1
files >"$work/after"
# Gone is what it brought, and nothing else; left is nothing by its name.
left=$(comm -12 "$work/brings" "$work/after" | while read -r path; do [ -d "$root$path" ] || echo "$path"; done)
named=$(inside find / -xdev -name '*portlore*' ! -path '/proc/*' ! -path '/var/log/*' ! -path '/tmp/*')
lost=$(comm -23 "$work/before" "$work/after" | comm -23 - "$work/brings")
[ -z "$left$named$lost" ] || {
    printf 'test-deb.sh: left: %s\nby name: %s\nlost: %s\n' "$left" "$named" "$lost" >&2
    exit 1
}
echo "test-deb.sh: $(basename "$package") installed, used and removed in a root of its own: nothing is left"
