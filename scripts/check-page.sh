#!/bin/sh
# Check the page of --html in a browser.
#
#     check-page.sh BINARY FOLDER
#
# Makes pages in FOLDER and runs check-page.mjs over them; screenshots stay there. Installs what is missing: Debian's chromium
# and nodejs (with sudo unless the caller is root), and playwright-core from npm in FOLDER.
set -eu

binary=$1
folder=$2
here=$(dirname "$0")
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo

find_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

for needed in chromium nodejs npm; do
    case $needed in
        chromium) find_chromium >/dev/null && continue ;;
        nodejs) command -v node >/dev/null && continue ;;
        npm) command -v npm >/dev/null && continue ;;
    esac
    echo "check-page: $as_root apt-get install $needed"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $needed >/dev/null
done
mkdir -p "$folder"
test -d "$folder/node_modules/playwright-core" ||
    npm install --silent --no-audit --no-fund --no-save --prefix "$folder" playwright-core@1

maker=$here/../fixtures/make/make_hostile.py
fixtures=$here/../fixtures
page() { # NAME CAPTURE
    "$binary" replay --quiet --force --html "$folder/$1.html" "$2" >/dev/null
}
python3 "$maker" 1000 "$folder/many.pcap"
python3 "$maker" plain "$folder/plain.pcap"
cp "$fixtures/hostile-texts.pcap" "$folder/<img src=x onerror=alert(1)>$(printf '\342\200\256').pcap"
page analyst "$fixtures/cases/finding-analyst.pcap"
page many "$folder/many.pcap"
page plain "$folder/plain.pcap"
page hostile "$folder/<img src=x onerror=alert(1)>$(printf '\342\200\256').pcap"
node "$here/check-page.mjs" "$folder" "$(find_chromium)" "$folder"
