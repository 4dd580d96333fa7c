#!/usr/bin/env python3
"""Count alerts and warnings on captures of ordinary traffic, where there should be none.

    quiet-captures.py BINARY FOLDER... [--all FOLDER]... [--limit PERCENT] [--seconds N]

Of each FOLDER those captures are chosen in which tshark shows nothing above TCP and UDP but DNS, HTTP, TLS, QUIC,
SMTP, IMAP, POP3, DHCP, NTP and mDNS, each on a port that is registered for it; of a folder after --all every one.
Prints each alert and warning; exit status 1 if more than PERCENT (2) of the files have some.
"""

import argparse
import json
import pathlib
import subprocess
import sys

# Layers that carry others, and those that are no protocol of an application.
BELOW = set(
    "frame eth ethertype sll ip ipv6 tcp udp vlan llc null raw data-text-lines json media urlencoded-form "
    "mime_multipart image-gif image-jfif png arp icmp icmpv6 igmp pkcs1 x509sat x509ce x509af pkix1implicit pkix1explicit "
    "ocsp ber xml imf gzip _ws.malformed".split()
)
# The protocols, and the ports that are registered for them.
ORDINARY = {
    "dns": {53},
    "http": {80, 8080},
    "http2": {80, 443},
    "tls": {443, 465, 587, 25, 143, 110, 993, 995, 853, 8443},
    "quic": {443},
    "smtp": {25, 587},
    "imap": {143},
    "pop": {110},
    "dhcp": {67, 68},
    "dhcpv6": {546, 547},
    "ntp": {123},
    "mdns": {5353},
}
FIELDS = ["frame.protocols", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"]


def is_ordinary(path, seconds):
    """Whether tshark shows ordinary protocols alone, and some."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False
    seen = False
    for line in run.stdout.splitlines():
        protocols, *ports = line.split("\t")
        ports = {int(port) for field in ports for port in field.split(",") if port}
        for protocol in protocols.split(":"):
            if protocol in BELOW:
                continue
            if not ORDINARY.get(protocol, set()) & ports:
                return False
            seen = True
    return seen


def captures(folder):
    names = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in names if any(part in path.name for part in (".pcap", ".cap"))]


def findings(binary, path, seconds):
    """The alerts and warnings; None where the capture cannot be read."""
    command = [binary, "replay", "-q", "--only", "findings", "--format", "json", str(path)]
    run = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    if run.returncode not in (0, 3):
        return None
    document = json.loads(run.stdout)
    return [one for one in document["findings"] if one["severity"] != "note"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("folders", nargs="*", type=pathlib.Path)
    parser.add_argument("--all", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--limit", type=float, default=2)
    parser.add_argument("--seconds", type=int, default=60)
    args = parser.parse_intermixed_args()
    chosen = [path for folder in args.all for path in captures(folder)]
    for folder in args.folders:
        chosen += [path for path in captures(folder) if is_ordinary(path, args.seconds)]
    read, loud = 0, 0
    for path in chosen:
        found = findings(args.binary, path, args.seconds)
        if found is None:
            continue
        read += 1
        loud += bool(found)
        for one in found:
            place = f"{one['port']}/{one['transport']} {one['server'] or ''}"
            print(f"{path}: {one['severity']} {one['kind']} {place}: {one['sentence']} (frame {one['frame']})")
    share = 100 * loud / read if read else 0
    print(f"{loud} of {read} captures have alerts or warnings ({share:.1f} %)")
    return 1 if not read or share > args.limit else 0


if __name__ == "__main__":
    sys.exit(main())
