#!/usr/bin/env python3
"""Follow a folder of many capture files of one frame each, and measure it.

    follow.py BINARY [FILES] [IDLE]

Writes FILES captures (100,000) to a scratch folder, runs `BINARY replay --follow` on it, waits until all frames are counted, leaves it
idle for IDLE seconds (30), appends a frame to the last file, then adds a file, and interrupts the run. Frames are counted by
SIGUSR1, CPU seconds and peak memory by the operating system. Prints the figures, and the CPU time of a file with `replay --chain` beside
that of the backlog. Ends with status 1 where a frame is missing or counted twice, where the backlog takes more than 60 s of CPU or where the run
takes more than 256 MiB.
"""

import json
import os
import pathlib
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
MAX_CPU, MAX_MIB = 60, 256
TICKS = os.sysconf("SC_CLK_TCK")


def frame(n):
    """An Ethernet frame of a UDP datagram to port 9, in its record."""
    udp = struct.pack(">HHHH", 1024 + n % 60000, 9, 12, 0) + b"data"
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + udp
    data = bytes(12) + b"\x08\x00" + ip
    return struct.pack("<IIII", 1_700_000_000 + n, 0, len(data), len(data)) + data


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def counted(run, log):
    """The frames counted so far."""
    before = log.stat().st_size
    run.send_signal(signal.SIGUSR1)
    for _ in range(200):
        time.sleep(0.05)
        found = re.findall(r"(\d+) frames, ", log.read_text()[before:])
        if found:
            return int(found[-1])
        if run.poll() is not None:
            sys.exit(f"the run ended: {log.read_text()[-500:]}")
    return -1


def wait_for(run, log, frames, seconds):
    begin, now = time.monotonic(), -1
    while time.monotonic() - begin < seconds:
        now = counted(run, log)
        if now >= frames:
            break
        time.sleep(0.1)
    return now, time.monotonic() - begin


def main():
    binary, files, idle = sys.argv[1], int((sys.argv[2:] or [100_000])[0]), float((sys.argv[3:] or [30])[0])
    bad = []

    def expect(name, got, wanted):
        if got != wanted:
            bad.append(f"{name}: {got} frames, not {wanted}")

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        scratch.chmod(0o755)  # Started by root, portlore gives up its rights and reads as anybody.
        folder, log, report = scratch / "captures", scratch / "log", scratch / "report.json"
        folder.mkdir()
        for n in range(files):
            (folder / f"{n:07}.pcap").write_bytes(HEADER + frame(n))
        with log.open("wb") as stderr, report.open("wb") as stdout:
            run = subprocess.Popen([binary, "replay", "--follow", "--format", "json", str(folder)], stdout=stdout, stderr=stderr)
        time.sleep(0.5)
        got, wall = wait_for(run, log, files, 300)
        used = cpu(run.pid)
        expect("backlog", got, files)
        print(f"backlog of {files:,} files: {got:,} frames, {wall + 0.5:.1f} s, {used:.1f} s of CPU")
        time.sleep(5)  # Files as new as these are opened once more: their times of modification could not be relied on.
        settled = cpu(run.pid)
        time.sleep(idle)
        expect("idle", counted(run, log), files)
        print(f"idle: {100 * (cpu(run.pid) - settled) / idle:.1f} % of a core")
        with (folder / f"{files - 1:07}.pcap").open("ab") as last:
            last.write(frame(files))
        got, wall = wait_for(run, log, files + 1, 60)
        expect("append", got, files + 1)
        print(f"a frame appended to the last file: {got:,} frames, seen within {wall:.1f} s")
        (folder / "new.pcap").write_bytes(HEADER + frame(files + 1))
        got, wall = wait_for(run, log, files + 2, 60)
        expect("new", got, files + 2)
        print(f"a new file: {got:,} frames, seen within {wall:.1f} s")
        begin = time.monotonic()
        run.send_signal(signal.SIGINT)
        status = run.wait()
        mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        total = json.loads(report.read_text())["capture"]["frames"]
        expect("report", total, files + 2)
        print(f"report: {total:,} frames, status {status}, {time.monotonic() - begin:.1f} s after the signal; peak {mib:.0f} MiB")
        if status or used > MAX_CPU or mib > MAX_MIB:
            bad.append(f"status {status}, {used:.1f} s of CPU, {mib:.0f} MiB\n{log.read_text()[-500:]}")

        # Few enough for the limit of open files: `--chain` opens them all at first.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        some = [str(folder / f"{n:07}.pcap") for n in range(min(files, (hard - 64) // 2, 8000))]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([binary, "replay", "--chain", "-q", *some], stdout=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"CPU of a file: {1e6 * used / files:.0f} µs; with --chain {1e6 * spent / max(len(some), 1):.0f} µs (of {len(some)} files)")
    sys.exit("\n".join(bad) if bad else 0)


if __name__ == "__main__":
    main()
