#!/usr/bin/env python3
"""Measure what many captures of many sensors cost: the figures of docs/scale.md.

    benches/scale.py BINARY FOLDER [CAPTURE…]

For each capture: CPU seconds per GB without and with a snapshot, its size, and the CPU seconds of a run that only continues from it.
Then makes snapshots of 1,000 sensors in FOLDER, with a server on each of 100 ports and without or with 100 open connections, and
merges 1, 10, 100 and all of them: CPU milliseconds and memory. CPU time is that of all threads and processes; the least of three
runs counts.
"""

import importlib.util
import os
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUNS = 3
SENSORS = 1000

spec = importlib.util.spec_from_file_location("make_flows", ROOT / "scripts/make-flows.py")
make_flows = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_flows)


def measure(command, runs=RUNS):
    """CPU seconds and the largest resident memory, in MB."""
    least, memory = float("inf"), 0
    for _ in range(runs):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status) not in (0, 3):
            sys.exit(f"scale: {command}: {said}")
        least, memory = min(least, used.ru_utime + used.ru_stime), max(memory, used.ru_maxrss / 1000)
    return least, memory


def capture_of(sensor, ended):
    """A capture with three HTTP connections to the server on each of 100 ports; this number of them ends."""
    frames = []
    for n in range(300):
        client = make_flows.ipaddress.ip_address("10.0.0.0") + (sensor * 300 + n) % 65_521
        server = make_flows.ipaddress.ip_address("192.0.2.1") + n % 100
        request = f"GET /{n} HTTP/1.1\r\nHost: host{n}.example\r\nUser-Agent: curl/8.5.0\r\n\r\n".encode()
        answer = b"HTTP/1.1 200 OK\r\nServer: nginx/1.24.0\r\nContent-Length: 0\r\n\r\n"
        ends = (client, 30_000 + n, server, 3000 + n % 100)
        frames += make_flows.tcp(ends, [(True, request), (False, answer)], closes=n < ended)
    # Connections that closed are gone ten seconds later, when other packets have come.
    frames += make_flows.udp((client, 30_000, server, 40_000), [(True, b"\xff\xfe")] * 300)
    packed = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for n, frame in enumerate(frames):
        seconds, micros = divmod(make_flows.BEGIN + sensor * 1000 + n * 100_000, 1_000_000)
        packed.append(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)
    return b"".join(packed)


def measure_captures(binary, folder, captures):
    print("| capture | GB | s/GB | s/GB with `--snapshot` | open connections | snapshot, MB | bytes each | read, written and judged, µs each |")
    print("|---|---|---|---|---|---|---|---|")
    empty = folder / "empty.pcap"
    empty.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    for capture in map(pathlib.Path, captures):
        state, second, rows = folder / "one.plore", folder / "two.plore", folder / "open.csv"
        command = [binary, "replay", "--quiet", "--force", "--chain"]
        plain, _ = measure([*command, capture])
        snapshot = ["--sensor", "one", "--snapshot", state]
        with_snapshot, _ = measure([*command, *snapshot, capture])
        # What continuing costs: a run without packets reads the state, writes it again and judges open connections for its report.
        again, _ = measure([*command, "--sensor", "one", "--resume", state, "--snapshot", second, empty])
        measure([binary, "report", "--quiet", "--force", "--flows-to", rows, state], 1)
        with open(rows) as lines:
            count = sum(1 for _ in lines) - 1
        size, gigabytes = state.stat().st_size, capture.stat().st_size / 1e9
        each = f"{size / count:.0f} | {again * 1e6 / count:.2f}" if count else "- | -"
        figures = f"{plain / gigabytes:.1f} | {with_snapshot / gigabytes:.1f} | {count:,} | {size / 1e6:.1f} | {each}"
        print(f"| {capture.name} | {gigabytes:.2f} | {figures} |", flush=True)


def measure_merge(binary, folder, still_open):
    states = []
    for sensor in range(SENSORS):
        capture, state = folder / "sensor.pcap", folder / f"sensor{sensor:04}.plore"
        capture.write_bytes(capture_of(sensor, 300 - still_open))
        command = [binary, "replay", "--quiet", "--force", "--sensor", state.stem, "--chain", capture]
        measure([*command, "--snapshot", state], 1)
        states.append(state)
    print(f"\n{still_open} open connections in each:\n")
    print("| snapshots | MB | CPU, ms | ms per snapshot | memory, MB | MB for the report of the result |")
    print("|---|---|---|---|---|---|")
    for count in (1, 10, 100, SENSORS):
        merged, command = folder / "all.plore", [binary, "merge", "--quiet", "--force", "--format", "json"]
        seconds, memory = measure([*command, *states[:count]])
        measure([*command, *states[:count], "-o", merged], 1)
        _, alone = measure([binary, "report", "--quiet", "--format", "json", merged])
        size = sum(state.stat().st_size for state in states[:count])
        figures = f"{seconds * 1000:.0f} | {seconds * 1000 / count:.1f} | {memory:.0f} | {alone:.0f}"
        print(f"| {count:,} | {size / 1e6:.2f} | {figures} |", flush=True)


def main():
    binary, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    measure_captures(binary, folder, sys.argv[3:])
    for still_open in (0, 100):
        measure_merge(binary, folder, still_open)


if __name__ == "__main__":
    main()
