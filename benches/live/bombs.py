"""The parts of bombs.sh.

bombs.py send IFACE CONNECTIONS SECONDS: sends connections with compressed bodies, and prints how many frames that were.
bombs.py watch PID SECONDS BEFORE: how far the counters of the metrics are behind those of the interface, and how long the report takes after
    SIGINT; ends a second before SECONDS are over, so that frames still come. BEFORE is what the interface had received before.
bombs.py told FOLDER CONNECTIONS: what came of it.
"""

import gzip
import json
import os
import pathlib
import re
import signal
import socket
import struct
import sys
import threading
import time

BODIES = 32
INFLATED = 64 << 10
MSS = 1460


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def connection(number):
    """The frames of one connection: BODIES requests and responses, each in its turn."""
    body = gzip.compress(b"\xff" * INFLATED, 9)
    fields = b"Content-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    client, server = (bytes([10, 1, number >> 8, number & 255]), 20_000 + number), (bytes([10, 255, 0, 2]), 3001)
    next_of = {client: 0, server: 0}

    def frame(source, target, flags, payload=b""):
        tcp = struct.pack(
            "!HHIIBBHHH", source[1], target[1], next_of[source], next_of[target], 5 << 4, flags, 65535, 0, 0
        )
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 1, 0, 64, 6, 0, source[0], target[0])
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        next_of[source] += len(payload) + (flags & 3 != 0)
        return bytes.fromhex("0200000000ee0200000000dd0800") + ip + tcp + payload

    yield frame(client, server, 0x02)
    yield frame(server, client, 0x12)
    yield frame(client, server, 0x10)
    for _ in range(BODIES):
        for source, target, start in ((client, server, b"POST / HTTP/1.1\r\n"), (server, client, b"HTTP/1.1 200 OK\r\n")):
            message = start + fields + body
            for at in range(0, len(message), MSS):
                yield frame(source, target, 0x18, message[at : at + MSS])
    yield frame(client, server, 0x11)
    yield frame(server, client, 0x11)
    yield frame(client, server, 0x10)


def send(interface, connections, seconds):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    begin, sent = time.monotonic(), 0
    for number in range(connections):
        time.sleep(max(0.0, begin + seconds * number / connections - time.monotonic()))
        for frame in connection(number):
            wire.send(frame)
            sent += 1
    print(f"sent {sent}")


def scrape():
    text = b""
    with socket.create_connection(("127.0.0.1", 9464), timeout=60) as stream:
        stream.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while piece := stream.recv(1 << 16):
            text += piece
    found = re.search(rb"^portlore_frames_total(?:\{[^}]*\})? (\d+)", text, re.M)
    return int(found.group(1)) if found else 0


def runs(pid):
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def watch(pid, seconds, before):
    received = pathlib.Path("/sys/class/net/veth0/statistics/rx_packets")
    seen, over = [], threading.Event()

    def look():
        while not over.wait(0.01):
            seen.append((time.monotonic(), int(received.read_text()) - before))

    threading.Thread(target=look).start()
    begin, scrapes = time.monotonic(), []
    while time.monotonic() < begin + seconds - 1:
        now = time.monotonic()
        scrapes.append((now, scrape()))
        time.sleep(0.1)
    interrupted = time.monotonic()
    os.kill(pid, signal.SIGINT)
    while runs(pid):
        time.sleep(0.005)
    ended = time.monotonic()
    over.set()
    delays = []
    for now, count in scrapes:
        # When as many frames had come as the scrape knows of.
        then = next((at for at, frames in seen if frames > count), None)
        if then is not None:
            delays.append(max(0.0, now - then))
    delays.sort()
    print(
        f"{len(delays)} scrapes, s behind: median {delays[len(delays) // 2]:.2f}, most {delays[-1]:.2f};"
        f" report {ended - interrupted:.2f} s after SIGINT"
    )


def told(folder, connections):
    folder = pathlib.Path(folder)
    capture = json.loads((folder / "report").read_text())["capture"]
    print(f"{connections} connections: {(folder / 'delays').read_text().strip()}; dropped {capture['dropped']}")


match sys.argv[1:]:
    case ["send", interface, connections, seconds]:
        send(interface, int(connections), float(seconds))
    case ["watch", pid, seconds, before]:
        watch(int(pid), float(seconds), int(before))
    case ["told", folder, connections]:
        told(folder, int(connections))
    case _:
        sys.exit(__doc__)
