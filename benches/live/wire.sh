# To be sourced: builds portlore and the sender, and makes two network namespaces, $a and $b, with a veth pair between them, and a
# folder, $work; all go away when the script ends. BIN=FOLDER takes what was built there. Needs root and iproute2.
bin=${BIN:-$PWD/target/release}
[ -n "${BIN:-}" ] || cargo build --release --locked --quiet --bin portlore --example sender
work=$(mktemp -d)
a=plbench$$a
b=plbench$$b
clear_up() {
    ip netns del "$a" 2>/dev/null
    ip netns del "$b" 2>/dev/null
    rm -rf "$work"
}
trap clear_up EXIT
# The pair between the namespaces.
veth() {
    ip link add veth0 netns "$a" type veth peer name veth0 netns "$b"
    for side in "$a" "$b"; do ip -n "$side" link set veth0 up; done
}
for side in "$a" "$b"; do
    ip netns add "$side"
    # Nothing but the stream is to be on the wire.
    ip netns exec "$side" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
veth
