#!/bin/sh
# deb.sh [FOLDER]: builds portlore's Debian package in FOLDER (default: target/deb), and prints its path.
#
# Environment: RELEASE=FILE takes this program instead of building one. ARCHITECTURE=arm64 makes the package for another machine
# than this one; RELEASE is then a static program, such as packaging/static.sh builds, and the package depends on nothing.
# Needs Debian's dpkg-dev, binutils and file, and Python 3.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
folder=${1:-$target/deb}
for tool in dpkg-deb dpkg-shlibdeps strip file python3; do
    command -v $tool >/dev/null || {
        echo "deb.sh: $tool is missing; apt-get install dpkg-dev binutils file python3" >&2
        exit 2
    }
done
[ -n "${RELEASE:-}" ] || {
    cargo build --release --locked
    RELEASE=$target/release/portlore
}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
architecture=${ARCHITECTURE:-$(dpkg --print-architecture)}
# A static program is stripped already, and perhaps for another processor than that of `strip`.
strip=-s
target_of_licences=
case $(file -bL "$RELEASE") in
*"statically linked"* | *"static-pie linked"*)
    strip=
    case $architecture in
    amd64) target_of_licences=x86_64-unknown-linux-musl ;;
    arm64) target_of_licences=aarch64-unknown-linux-musl ;;
    esac
    ;;
esac
# The same input gives the same package: all times are that of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
umask 022
# Debian's place for zsh; its manual pages are compressed.
make --no-print-directory install DESTDIR="$root" PREFIX=/usr ZSH="$root/usr/share/zsh/vendor-completions" RELEASE="$RELEASE" STRIP="$strip" >&2
gzip -9n "$root"/usr/share/man/man1/*.1
install -d "$root/usr/lib/systemd/system"
sed 's#/usr/local/bin/#/usr/bin/#; s#^\# Install:.*#\# Start: systemctl enable --now portlore.#' \
    packaging/portlore.service >"$root/usr/lib/systemd/system/portlore.service"

doc=$root/usr/share/doc/portlore
install -d "$doc"
install -m 644 README.md SECURITY.md "$doc"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
packaging/licences.py $target_of_licences >"$work/libraries"
gzip -9nc "$work/libraries" >"$doc/libraries.txt.gz"
cat >"$doc/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: portlore

Files: *
Copyright: $(sed -n 's/^Copyright (c) //p' LICENSE-MIT)
License: Expat or Apache-2.0
 Apache-2.0 is in /usr/share/common-licenses/Apache-2.0; the other one is below. The licences of
 the libraries in the program are in libraries.txt.gz beside this file.
 .
$(sed 's/^$/./; s/^/ /' LICENSE-MIT)
END

# dpkg-shlibdeps wants the source package's control file.
mkdir -p "$work/debian"
printf 'Source: portlore\n\nPackage: portlore\nArchitecture: any\n' >"$work/debian/control"
depends=
if [ -n "$strip" ]; then
    depends=$(cd "$work" && dpkg-shlibdeps -O "$root/usr/bin/portlore" 2>/dev/null | sed -n 's/^shlibs:Depends=/Depends: /p')
    [ -n "$depends" ] || {
        echo "deb.sh: dpkg-shlibdeps finds no packages for the libraries of $RELEASE" >&2
        exit 1
    }
fi
install -d "$root/DEBIAN"
sed '/^$/d' >"$root/DEBIAN/control" <<END
Package: portlore
Version: $version
Architecture: $architecture
Maintainer: the portlore authors
Installed-Size: $(du -ks "$root" | cut -f1)
$depends
Section: net
Priority: optional
Description: tells what is really speaking on each port
 portlore reads packets, from capture files or from an interface, and says which protocol and
 which program speaks on each port, beside what is registered and customary there, and why it
 says so, down to the packet.
END
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs md5sum >DEBIAN/md5sums)
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$folder"
package=$folder/portlore_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >&2
echo "$package"
