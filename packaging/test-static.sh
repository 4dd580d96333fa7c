#!/bin/sh
# test-static.sh [PROGRAM]: runs the static program in a root folder with nothing in it but the program, in a network namespace:
# it has to capture on lo, with root given up and the sandbox in force. Builds the program if none is given. Needs root, unshare
# and ip (iproute2), and Python 3, which is the server of the connections.
set -eu
cd "$(dirname "$0")/.."
program=${1:-$(packaging/static.sh "$(uname -m)-unknown-linux-musl")}
fail() {
    echo "test-static.sh: $1" >&2
    exit 1
}
case $(file -bL "$program") in
*"statically linked"* | *"static-pie linked"*) ;;
*) fail "$program is not static" ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -m 755 "$work/root"
cp "$program" "$work/root/portlore"
mkdir -m 777 "$work/root/out"
cat >"$work/serve.py" <<'END'
import http.client, http.server, sys, threading, time
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8123), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for _ in range(20):
    client = http.client.HTTPConnection("127.0.0.1", 8123)
    client.request("GET", "/")
    client.getresponse().read()
    client.close()
    time.sleep(0.2)
END
cat >"$work/trial.sh" <<'END'
set -eu
cd "$1"
: >said
ip link set lo up
chroot root /portlore live -i lo --for 6s --format json -o /out/report.json 2>said &
live=$!
until grep -q 'capturing on' said; do
    kill -0 $live 2>/dev/null || exit 0
    sleep 0.1
done
grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/$live/status >status
ls -A /proc/$live/root >folder
python3 serve.py 2>/dev/null
wait $live
END
unshare --net --mount --pid --fork --mount-proc sh "$work/trial.sh" "$work" || fail "the capture failed: $(cat "$work/said")"
field() { sed -n "s/^$1:[[:space:]]*//p" "$work/status" | tr -s '[:space:]' ' ' | sed 's/ *$//'; }
[ -s "$work/status" ] || fail "no capture began: $(cat "$work/said")"
[ "$(field Uid)" = "65534 65534 65534 65534" ] || fail "it runs as $(field Uid)"
[ "$(field Gid)" = "65534 65534 65534 65534" ] || fail "its group is $(field Gid)"
[ -z "$(field Groups)" ] || fail "it kept the groups $(field Groups)"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    [ "$(field $set)" = 0000000000000000 ] || fail "$set is $(field $set)"
done
[ "$(field NoNewPrivs) $(field Seccomp)" = "1 2" ] || fail "no_new_privs and seccomp are $(field NoNewPrivs) and $(field Seccomp)"
[ ! -s "$work/folder" ] || fail "its root folder has $(cat "$work/folder")"
grep -q '"service": *"python-http-server"' "$work/root/out/report.json" || fail "the report does not name the server"
chroot "$work/root" /portlore doctor --sandbox-test >"$work/calls" || fail "a call is allowed: $(grep ALLOWED "$work/calls")"
echo "test-static.sh: $program captures on lo in an empty root, as user 65534 without capabilities; $(tail -1 "$work/calls")"
