#!/usr/bin/env python3
"""Compare portlore's protocols with nDPI's, flow by flow, over a folder of captures.

    agreement.py BINARY TRUTH.csv FOLDER [--all]

TRUTH.csv has a row per flow of nDPI's test results (columns cfg, file, l4, src, sport, dst, dport, proto, master, evidence, …); FOLDER holds
`cfgs/CFG/pcap/FILE`. Only flows that nDPI confirms by payload (`evidence` is `dpi`) and whose protocol is one of ours are
compared. Prints the share that agrees, each flow that does not, and what we claim of flows that nDPI calls something else.
With `--all` also what we claim of flows that nDPI knows nothing of, to be looked at by eye.
"""

import collections
import csv
import ipaddress
import json
import pathlib
import subprocess
import sys

# nDPI's names for what our table has; several of ours where nDPI does not tell them apart, or names what is carried.
SAME = {
    "HTTP": "http websocket", "HTTP_Proxy": "http", "HTTP_Connect": "http", "WebSocket": "websocket http", "TLS": "tls", "QUIC": "quic", "DNS": "dns",
    "MDNS": "mdns", "SSH": "ssh", "SIP": "sip", "RTP": "rtp", "STUN": "stun", "MQTT": "mqtt", "PostgreSQL": "postgresql", "MySQL": "mysql",
    "Redis": "redis", "RESP": "redis", "MongoDB": "mongodb", "Memcached": "memcached", "AMQP": "amqp", "Nats": "nats", "Kafka": "kafka",
    "SMTP": "smtp", "SMTPS": "tls smtp", "IMAP": "imap", "IMAPS": "tls imap", "POP3": "pop3", "POPS": "tls pop3", "FTP_CONTROL": "ftp", "LDAP": "ldap",
    "SMBv1": "smb", "SMBv23": "smb", "RDP": "rdp", "VNC": "vnc", "NTP": "ntp", "DHCP": "dhcp", "DHCPV6": "dhcp", "SNMP": "snmp",
    "Syslog": "syslog", "NetFlow": "netflow ipfix", "BitTorrent": "bittorrent", "WireGuard": "wireguard", "HTTP2": "http2 grpc",
    "gRPC": "grpc", "DoH_DoT": "tls", "IPP": "http",
}
# Of these one may say the other's name: the same bytes under another heading.
ALSO = {"http2": "http", "dns": "mdns", "mdns": "dns"}


def claims(binary, capture):
    run = subprocess.run([binary, "replay", "-q", "--flows", "--format", "json", str(capture)], capture_output=True)
    if run.returncode not in (0, 3):
        return []
    return json.loads(run.stdout)["flows"]


def key(transport, a, b):
    norm = lambda end: (str(ipaddress.ip_address(end[0])), int(end[1]))
    return transport, *sorted([norm(a), norm(b)])


def main():
    binary, truth, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    files = collections.defaultdict(list)
    for row in csv.DictReader(open(truth)):
        if row["l4"] in ("TCP", "UDP"):
            files[row["cfg"], row["file"]].append(row)
    right, total, others = collections.Counter(), collections.Counter(), []
    for (cfg, name), rows in sorted(files.items()):
        ours = collections.defaultdict(list)
        capture = folder / "cfgs" / cfg / "pcap" / name
        for flow in claims(binary, capture) if capture.exists() else []:
            ends = [(flow[side]["address"], flow[side]["port"]) for side in ("initiator", "responder")]
            ours[key(flow["transport"], *ends)].append(flow["verdict"])
        for row in rows:
            try:
                known = ours.get(key(row["l4"].lower(), (row["src"], row["sport"]), (row["dst"], row["dport"])))
            except ValueError:
                continue
            if not known:
                continue
            said = sorted({v["protocol"] for v in known if v["protocol"]})
            where = f"{cfg}/{name} {row['l4']} {row['src']}:{row['sport']} {row['dst']}:{row['dport']}"
            want = SAME.get(row["master"], "").split() if row["evidence"] == "dpi" else []
            if want:
                total[row["master"]] += 1
                if any(s in want or ALSO.get(s) in want for s in said):
                    right[row["master"]] += 1
                else:
                    print(f"differs   {where}: nDPI {row['proto']}, we {' '.join(said) or 'nothing'}")
            elif said and (row["evidence"] == "dpi" or "--all" in sys.argv):
                others.append(f"claimed   {where}: nDPI {row['proto']} ({row['evidence']}), we {' '.join(said)}")
    print(*others, sep="\n")
    for master, n in total.most_common():
        print(f"{master:16} {right[master]:5} of {n:5}")
    n = sum(total.values())
    print(f"{'all':16} {sum(right.values()):5} of {n:5}  {100 * sum(right.values()) / max(n, 1):.1f} %")


main()
