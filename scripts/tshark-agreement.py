#!/usr/bin/env python3
"""Compare portlore's TCP and UDP segments and conversations with tshark's, file by file, over a folder of captures.

    tshark-agreement.py BINARY FOLDER [--cache FOLDER] [--verbose]

A conversation is a pair of endpoints of one transport. tshark counts every layer of a tunnel, portlore only the innermost:
what `--no-tunnels` shows beside is counted too. Checksums are off on both sides.

Of every file it also checks that portlore ends within 10 seconds without a panic, that frames are segments and skips, and
that no file ends with status 0 and without segments where tshark sees some. Prints each file that differs, then the share that
agrees, of those that tshark reads. `--cache` keeps what tshark said, for the next time.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import re
import subprocess

SECONDS = 10
TSHARK = ["tshark", "-n", "-q", *(word for p in ("tcp", "udp", "ip") for word in ("-o", f"{p}.check_checksum:FALSE")),
          "-z", "conv,tcp", "-z", "conv,udp"]
ROW = re.compile(r"^(\S+):(\d+)\s+<-> (\S+):(\d+)\s+(.*)$")
# A row's columns: frames and bytes one way, the other way, both ways.
FRAMES = re.compile(r"(\d+) -?[\d.,]+ \S+")
NOT_CAPTURES = {".csv", ".md", ".txt", ".lua", ".sh", ".py"}


def tshark(path, cache):
    """What tshark says: exit status, standard output, standard error."""
    kept = cache / hashlib.sha256(path.read_bytes()).hexdigest() if cache else None
    if kept and kept.exists():
        return json.loads(kept.read_text())
    try:
        run = subprocess.run([*TSHARK, "-r", str(path)], capture_output=True, text=True, errors="replace", timeout=120)
        said = [run.returncode, run.stdout, run.stderr]
    except subprocess.TimeoutExpired:
        said = [-1, "", "timed out"]
    if kept:
        kept.write_text(json.dumps(said))
    return said


def tshark_conversations(text):
    found, transport = collections.Counter(), None
    for line in text.splitlines():
        if line.endswith(" Conversations"):
            transport = line.split()[0].lower()
        elif row := ROW.match(line):
            a, a_port, b, b_port, figures = row.groups()
            frames = [int(n) for n in FRAMES.findall(figures)[:3]]
            found[key(transport, (a, a_port), (b, b_port))] += frames[2]
    return found


def key(transport, a, b):
    return transport, *sorted([(a[0], int(a[1])), (b[0], int(b[1]))])


def portlore(binary, path, *flags):
    """The exit status, the document where there is one, standard error."""
    command = [binary, "replay", "-q", "--flows", "--format", "json", *flags, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    return run.returncode, json.loads(run.stdout) if run.stdout else None, run.stderr


def conversations(document):
    found = collections.Counter()
    for flow in document["flows"] if document else []:
        ends = [(flow[side]["address"], flow[side]["port"]) for side in ("initiator", "responder")]
        found[key(flow["transport"], *ends)] += sum(flow["packets"].values())
    return found


def faults(status, document, error, seen):
    """What must not be, whatever a file holds."""
    if status not in (0, 2, 3) or "panicked" in error:
        yield f"ends with {status}: {error.strip()[-200:]}"
    if not document:
        return
    capture = document["capture"]
    if capture["frames"] != capture["segments"] + sum(capture["skipped"].values()) + capture["dropped"]["queue"]:
        yield "the buckets do not add up"
    if status == 0 and not capture["segments"] and seen:
        yield f"silent zero: tshark sees {seen} segments"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    if args.cache:
        args.cache.mkdir(exist_ok=True)
    files = sorted(p for p in args.folder.rglob("*") if p.is_file() and p.suffix not in NOT_CAPTURES)
    counts, broken = collections.Counter(), 0
    for path in files:
        name = path.relative_to(args.folder)
        code, said, complaint = tshark(path, args.cache)
        theirs = tshark_conversations(said)
        try:
            status, document, error = portlore(args.binary, path)
            outer = conversations(portlore(args.binary, path, "--no-tunnels")[1])
        except subprocess.TimeoutExpired:
            print(f"FAULT     {name}: takes more than {SECONDS} seconds")
            broken += 1
            continue
        for fault in faults(status, document, error, sum(theirs.values())):
            print(f"FAULT     {name}: {fault}")
            broken += 1
        if code != 0 and not theirs:
            counts["unreadable to tshark"] += 1
            continue
        ours = conversations(document) | outer
        counts["read"] += 1
        if ours == theirs:
            counts["agree"] += 1
            continue
        print(f"differs   {name}: segments {sum(ours.values())}, tshark {sum(theirs.values())}; "
              f"conversations {len(ours)}, tshark {len(theirs)}; exit {status}, tshark {code}")
        if args.verbose:
            for conversation in sorted(ours.keys() | theirs.keys()):
                a, b = ours[conversation], theirs[conversation]
                if a != b:
                    transport, x, y = conversation
                    print(f"          {transport} {x[0]}:{x[1]} {y[0]}:{y[1]}: {a}, tshark {b}")
            skips = document["capture"]["skipped"] if document else {}
            print(f"          skipped {skips}; {error.strip()[:300]}; {complaint.strip()[-200:]}")
    print(f"{len(files)} files, {counts['unreadable to tshark']} of them unreadable to tshark; of {counts['read']} others "
          f"{counts['agree']} agree: {100 * counts['agree'] / max(counts['read'], 1):.2f} %; {broken} faults")


main()
