#!/usr/bin/env python3
"""Compare registry.tsv with IANA's own table.

    check-registry.py CSV

CSV is service-names-port-numbers.csv from https://www.iana.org/assignments/service-names-port-numbers.
Prints each difference and ends with 1 when IANA has a name that registry.tsv lacks, or the order of names differs.
A pair with as many names here as there, one of them another, counts as renamed: look at each, IANA does that too.
Differences in a description alone are printed and do no harm. Where IANA names no transport, tcp and udp are expected.
"""
import collections
import csv
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


def read_iana(path):
    table = collections.defaultdict(list)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            ports, name = row["Port Number"].strip(), row["Service Name"].strip()
            description = " ".join(row["Description"].split())
            if not name:
                if not description.startswith("Reserved"):
                    continue
                description = "Reserved"
            if not ports:
                continue
            first, _, last = ports.partition("-")
            transport = row["Transport Protocol"].strip().lower()
            for port in range(int(first), int(last or first) + 1):
                for one in [transport] if transport else ["tcp", "udp"]:
                    table[port, one].append((name, description))
    return table


def read_ours(path):
    table = collections.defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or line.startswith("port\t"):
            continue
        port, transport, name, description = line.split("\t")
        table[int(port), transport].append((name, description))
    return table


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check-registry.py CSV")
    iana, ours = read_iana(sys.argv[1]), read_ours(HERE / "registry.tsv")
    count = collections.Counter()

    def say(kind, key, text):
        count[kind] += 1
        print(f"{kind:11} {key[0]}/{key[1]}: {text}")

    for key in sorted(iana.keys() | ours.keys()):
        theirs, mine = dict(iana.get(key, [])), dict(ours.get(key, []))
        replaced = len(theirs) == len(mine)
        for name in theirs:
            if name not in mine:
                say("renamed" if replaced else "lost", key, f"{name or 'Reserved'} ({theirs[name]}); registry.tsv has {', '.join(mine) or 'nothing'}")
            elif " ".join(theirs[name].split()) != mine[name]:
                say("description", key, f"{name}: {theirs[name]!r} there, {mine[name]!r} here")
        for name in mine:
            if name not in theirs and not replaced:
                say("new", key, f"{name or 'Reserved'} ({mine[name]})")
        if [name for name in theirs if name in mine] != [name for name in mine if name in theirs]:
            say("order", key, f"{list(theirs)} there, {list(mine)} here")
    several = sum(len(names) > 1 for names in ours.values())
    print(f"IANA: {sum(map(len, iana.values()))} entries; registry.tsv: {sum(map(len, ours.values()))}, {several} pairs with several names")
    print(", ".join(f"{kind} {count[kind]}" for kind in ("lost", "order", "renamed", "new", "description")))
    sys.exit(1 if count["lost"] or count["order"] else 0)


main()
