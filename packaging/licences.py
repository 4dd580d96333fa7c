#!/usr/bin/env python3
"""licences.py [TARGET]: prints the licences of every crate that is linked into the program, with their texts.

A text that several crates have stands once, after their names. TARGET is a target triple; this machine's by default. What is
linked for musl contains libpcap, too, which packaging/libpcap.sh has built.
"""
import json
import os
import pathlib
import subprocess
import sys


def host():
    version = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return next(line.split()[1] for line in version.splitlines() if line.startswith("host:"))


def linked(metadata):
    """The packages that the program depends on, but for those that only build or test it."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        node = nodes[waiting.pop()]
        for dep in node["deps"]:
            is_linked = any(kind["kind"] is None for kind in dep["dep_kinds"])
            if is_linked and dep["pkg"] not in found:
                found.add(dep["pkg"])
                waiting.append(dep["pkg"])
    return sorted(
        (package for package in metadata["packages"] if package["id"] in found),
        key=lambda package: (package["name"], package["version"]),
    )


def texts(package):
    """The texts of its licence files."""
    folder = pathlib.Path(package["manifest_path"]).parent
    begins = ("LICEN", "COPYING", "UNLICENSE", "NOTICE")
    files = [path for path in folder.iterdir() if path.name.upper().startswith(begins) and path.is_file()]
    return [path.read_text(errors="replace").strip() for path in sorted(files)]


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else host()
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = linked(metadata)
    print("portlore contains these libraries:\n")
    by_text = {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        licence = package["license"] or "see its text below"
        print(f"  {name}: {licence}; {package['repository'] or package['homepage'] or 'no address given'}")
        for text in texts(package):
            by_text.setdefault(text, []).append(name)
    if target.endswith("-musl"):
        built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"), "cross", f"libpcap-{target}")
        name = f"libpcap {(built / 'version').read_text().strip()}"
        print(f"  {name}: BSD-3-Clause; https://www.tcpdump.org")
        by_text.setdefault((built / "LICENSE").read_text(errors="replace").strip(), []).append(name)
    for text, names in by_text.items():
        print(f"\n{'-' * 80}\n{', '.join(names)}\n\n{text}")


if __name__ == "__main__":
    main()
