#!/usr/bin/env python3
"""Write a capture with many flows, the same bytes each time.

    make-flows.py FLOWS FILE

HTTP, DNS, SSH and OSC, refused and unanswered attempts, over IPv4 and IPv6, hundreds of them open at a time; some are open at
the end, and some five-tuples come again. Clients and servers call themselves what breaks careless tables: quotation marks,
commas, formulas, control characters. Checksums are zero, as offloading leaves them.
"""

import heapq
import ipaddress
import struct
import sys

BEGIN = 1_772_393_400_000_000  # microseconds: 2026-03-01T19:30:00Z
STEP = 40  # microseconds between the beginnings of two flows
DELAY = 3_000  # between two packets of a flow
FIN, SYN, RST, ACK = 1, 2, 4, 16

AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64)",
    "=1+1",
    "  -2+3",
    "+44",
    "@sum",
    "'quoted",
    'say "hi", twice',
    "back\\slash",
    "tab\tinside",
    "f\u00fc\u0308r \u202eevil",
    "curl/8.5.0",
]
SERVERS = ["nginx/1.24.0", "Apache/2.4.58", "=cmd", "a,b;c", "Werkzeug/3.0.1 Python/3.12"]


def addresses(i):
    """Client, client's port and server. Every 50th flow has the five-tuple of one that has ended."""
    i -= 2000 if i % 50 == 46 and i > 2000 else 0
    if i % 9 == 4:
        return ipaddress.ip_address(f"2001:db8::{i % 997:x}"), 1024 + i % 60000, ipaddress.ip_address(f"2001:db8:1::{i % 61:x}")
    client = ipaddress.ip_address("10.0.0.0") + (i * 7919) % 65_521
    return client, 1024 + i % 60000, ipaddress.ip_address(f"192.0.2.{1 + i % 97}")


def packet(source, destination, protocol, segment):
    """An Ethernet frame."""
    if source.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, protocol, 0)
        return b"\2" * 12 + b"\x08\0" + head + source.packed + destination.packed + segment
    head = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64)
    return b"\2" * 12 + b"\x86\xdd" + head + source.packed + destination.packed + segment


def udp(ends, payloads):
    """Datagrams; a payload is (from the client, bytes)."""
    client, port, server, service = ends
    for is_client, payload in payloads:
        ports = (port, service) if is_client else (service, port)
        datagram = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
        yield packet(*((client, server) if is_client else (server, client)), 17, datagram)


def tcp(ends, payloads, closes=True, refused=False):
    """A connection."""
    client, port, server, service = ends
    sent = {True: 1000, False: 5000}

    def segment(is_client, flags, payload=b""):
        ports = (port, service) if is_client else (service, port)
        acknowledged = sent[not is_client] if flags & ACK else 0
        head = struct.pack("!HHIIBBHHH", *ports, sent[is_client], acknowledged, 0x50, flags, 64000, 0, 0)
        sent[is_client] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        return packet(*((client, server) if is_client else (server, client)), 6, head + payload)

    yield segment(True, SYN)
    if refused:
        yield segment(False, RST | ACK)
        return
    yield segment(False, SYN | ACK)
    yield segment(True, ACK)
    for is_client, payload in payloads:
        yield segment(is_client, ACK, payload)
    if closes:
        yield segment(True, FIN | ACK)
        yield segment(False, FIN | ACK)
        yield segment(True, ACK)


def name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def osc(address):
    text = address.encode() + b"\0" * (4 - len(address) % 4)
    return text + b",\0\0\0"


def flow(i):
    """The packets of flow number `i`."""
    client, port, server = addresses(i)
    kind = i % 10
    if kind < 4:
        request = f"GET /{i} HTTP/1.1\r\nHost: host{i % 5000}.example\r\nUser-Agent: {AGENTS[i % len(AGENTS)]}\r\n\r\n"
        status = [200, 404, 500][i % 3]
        answer = f"HTTP/1.1 {status} X\r\nServer: {SERVERS[i % len(SERVERS)]}\r\nContent-Length: 0\r\n\r\n"
        payloads = [(True, request.encode()), (False, answer.encode())]
        return tcp((client, port, server, [80, 3000, 3001, 8080][kind]), payloads, closes=i % 7 > 0)
    if kind < 6:
        question = name(f"n{i}.example") + b"\0\1\0\1"
        query = struct.pack("!HHHHHH", i % 65536, 0x0100, 1, 0, 0, 0) + question
        answer = struct.pack("!HHHHHH", i % 65536, 0x8180, 1, 1, 0, 0) + question + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1"
        return udp((client, port, server, 53), [(True, query), (False, answer)])
    if kind == 6:
        payloads = [(False, b"SSH-2.0-OpenSSH_9.6\r\n"), (True, b"SSH-2.0-paramiko_3.4\r\n")]
        return tcp((client, port, server, 22), payloads)
    if kind == 7:
        return udp((client, port, server, 3037), [(True, osc("/eos/get/version")), (False, osc("/eos/out/get/version"))])
    if kind == 8:
        return tcp((client, port, server, 3002), [], refused=True)
    return udp((client, port, server, 40000 + i % 100), [(True, b"\xff\xfe" + i.to_bytes(6, "big"))])


def frames(flows):
    """Time and frame, in the order of time."""
    waiting = []
    for i in range(flows):
        begin = BEGIN + i * STEP
        for n, frame in enumerate(flow(i)):
            heapq.heappush(waiting, (begin + n * DELAY, i, n, frame))
        while waiting and waiting[0][0] <= begin:
            yield waiting[0][0], heapq.heappop(waiting)[3]
    while waiting:
        yield waiting[0][0], heapq.heappop(waiting)[3]


def main():
    flows, path = int(sys.argv[1]), sys.argv[2]
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for time, frame in frames(flows):
            file.write(struct.pack("<IIII", *divmod(time, 1_000_000), len(frame), len(frame)) + frame)


if __name__ == "__main__":
    main()
