#!/usr/bin/env python3
"""Whole runs of portlore beside the peers that are installed, on generated captures.

    whole.py [--runs 3] [--folder FOLDER] [CAPTURE …]

Builds the release binary and makes the captures that are not in FOLDER yet (2.6 GB, by default in a folder of the system's for
temporary files), or takes those that are named. Each round runs every tool once, so that a busy machine is busy for all; the
medians of the rounds are printed, each tool's wall time as a part of tcpdump's. Wall and CPU seconds and peak memory are the
operating system's accounting of each finished process; files are in the page cache.
"""
import argparse, os, pathlib, shutil, statistics, subprocess, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent.parent
KINDS = ["small", "many", "full", "flood", "scan"]
PEERS = {"tcpdump": "tcpdump -nr {} -w /dev/null", "ndpiReader": "ndpiReader -q -i {}"}


def once(command):
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def measure(capture, runs):
    with open(capture, "rb") as file:
        while file.read(1 << 24):
            pass
    portlore = f"{HERE}/target/release/portlore replay -q --format json {{}}"
    tools = {"portlore": portlore} | {name: line for name, line in PEERS.items() if shutil.which(name)}
    rows = {name: [] for name in tools}
    for _ in range(runs):
        for name, line in tools.items():
            rows[name].append(once(line.format(capture).split()))
    middle = {name: [statistics.median(row[i] for row in all) for i in range(3)] for name, all in rows.items()}
    for name, (wall, cpu, peak) in middle.items():
        part = f"{wall / middle['tcpdump'][0]:.2f}" if "tcpdump" in middle else "-"
        share = f"1/{cpu / middle['portlore'][1]:.1f}" if name != "portlore" else "-"
        print(f"{capture.stem:10} {name:10} {wall:8.2f} {part:>6} {cpu:8.2f} {share:>8} {peak:8.1f} {rows[name][-1][3]:6}", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "portlore-captures")
    options.add_argument("captures", nargs="*", type=pathlib.Path)
    options = options.parse_args()
    cargo = ["cargo", "build", "--release", "--locked", "--quiet", "--bin", "portlore", "--example", "captures"]
    subprocess.run(cargo, cwd=HERE, check=True)
    captures = options.captures
    if not captures:
        options.folder.mkdir(exist_ok=True)
        captures = [options.folder / f"{kind}.pcap" for kind in KINDS]
        for kind, path in zip(KINDS, captures):
            if not path.exists():
                part = path.with_suffix(".part")
                subprocess.run([HERE / "target/release/examples/captures", kind, part], check=True)
                part.rename(path)
    print(f"{'capture':10} {'tool':10} {'wall s':>8} {'part':>6} {'cpu s':>8} {'of its':>8} {'MiB':>8} {'status':>6}")
    for capture in captures:
        measure(capture, options.runs)


main()
