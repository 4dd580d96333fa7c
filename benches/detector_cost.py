#!/usr/bin/env python3
"""Prints the instructions per byte of each detector on its worst inputs, at 1, 2, 4 and 8 KiB of a side.

    benches/detector_cost.py target/release/examples/detector_cost

Fails where a detector takes more than 60 instructions a byte at 8 KiB, or there more than ten times
what it takes at 1 KiB, but for those whose work is done once. Needs valgrind. Inputs and how they are chosen: benches/detector_cost.rs.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

MOST, GROWTH = 60, 10
# It decrypts one packet, of 1,200 bytes at least (RFC 9000, section 14.1): of the inputs below 8 KiB,
# four datagrams, none is so long.
ONCE = {"quic"}


def main():
    program = sys.argv[1]
    chosen = subprocess.run([program], stdout=subprocess.PIPE, check=True, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "calls"
        measured = "detector_cost::measured"
        lines = subprocess.run(
            ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}",
             f"--toggle-collect={measured}", f"--dump-after={measured}", program, "count"],
            input=chosen, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True,
        ).stdout.split("\n")[:-1]
        counts = [
            int(re.search(r"^(?:summary|totals): (\d+)", dump.read_text(), re.M).group(1))
            for dump in sorted(pathlib.Path(folder).glob("calls.*"), key=lambda f: int(f.suffix[1:]))
        ][: len(lines)]
    assert len(counts) == len(lines), f"{len(counts)} counts of {len(lines)} calls"
    table = {}
    for line, count in zip(lines, counts):
        protocol, place, size, length = line.split()
        table.setdefault((protocol, int(place)), {})[int(size)] = (count, int(length))
    worst = {}
    for (protocol, place), sizes in table.items():
        if protocol not in worst or sizes[8192][0] > worst[protocol][1][8192][0]:
            worst[protocol] = (place, sizes)
    print(f"{'':14} {'input':>6}   instructions per byte at 1, 2, 4, 8 KiB   8 KiB / 1 KiB")
    failed = 0
    for protocol, (place, sizes) in sorted(worst.items(), key=lambda row: -row[1][1][8192][0] / row[1][1][8192][1]):
        per_byte = [count / length for count, length in sizes.values()]
        growth = sizes[8192][0] / sizes[1024][0]
        bad = per_byte[-1] > MOST or growth > GROWTH and protocol not in ONCE
        failed += bad
        figures = " ".join(f"{value:8.1f}" for value in per_byte)
        print(f"{protocol:14} {place:6}   {figures}   {growth:8.1f}{'  !' if bad else ''}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
