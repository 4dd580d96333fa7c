"""metrics.py PID: times scrapes of 127.0.0.1:9464 beside other connections, and watches the memory of the process."""

import pathlib
import re
import resource
import socket
import sys
import time

ADDRESS = ("127.0.0.1", 9464)
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
MANY = 10_000


def mib(name):
    status = pathlib.Path(f"/proc/{sys.argv[1]}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status).group(1)) / 1024


def scrape():
    begin = time.monotonic()
    text = b""
    with socket.create_connection(ADDRESS, timeout=60) as stream:
        stream.sendall(SCRAPE)
        while piece := stream.recv(1 << 16):
            text += piece
    assert text.startswith(b"HTTP/1.1 200 OK"), text[:200]
    return 1000 * (time.monotonic() - begin), b"portlore_frames_total" in text


def connected(begin=b""):
    stream = socket.create_connection(ADDRESS, timeout=60)
    stream.sendall(begin)
    return stream


def told(what, times):
    times.sort()
    print(
        f"{what}: {len(times)} scrapes, ms median {times[len(times) // 2]:.1f}, most {times[-1]:.1f};"
        f" MiB {mib('VmRSS'):.1f}, at most {mib('VmHWM'):.1f}",
        flush=True,
    )


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY + 1000), hard))
while not scrape()[1]:
    time.sleep(0.1)
told("alone", [scrape()[0] for _ in range(50)])

times = []
for _ in range(5):
    idle = [connected(b"GET /met") for _ in range(20)]
    times += [scrape()[0] for _ in range(10)]
    for stream in idle:
        stream.close()
told("beside 20 idle connections", times)

times, many = [], []
for n in range(MANY):
    many.append(connected())
    if n % 200 == 199:
        times.append(scrape()[0])
told(f"beside {len(many)} connections", times)
