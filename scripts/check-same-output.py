#!/usr/bin/env python3
"""check-same-output.py NATIVE PROGRAM...: runs a build for another system on every capture here, and compares what it says.

NATIVE is a build for this machine. PROGRAM is the other one, with the program that runs it before it: `qemu-aarch64 FILE`,
`wine64 FILE.exe`. The report with reasons and the JSON with flows, facts and reasons must be those of NATIVE, byte for byte, with what
is said on stderr and the exit status. (That NATIVE prints the golden texts, `cargo test golden` checks.) QEMU has no sandbox to give,
so both run without it there. Of Windows, only its words for missing files differ from those of Unix.
"""
import os
import pathlib
import subprocess
import sys

FOLDERS = ["fixtures", "fixtures/cases", "fixtures/forms"]
TEXT = ["replay", "--why", "--top", "0"]
JSON = ["replay", "--format", "json", "--flows", "--why", "--servers", "--stats"]
ENVIRONMENT = {"HOME": "/nonexistent", "TZ": "Asia/Kathmandu", "WINEDEBUG": "-all"}


def run(command):
    environment = {name: value for name, value in os.environ.items() if name not in ("SUDO_UID", "XDG_CONFIG_HOME")}
    if "wine" in " ".join(command[:1]):
        environment = {**environment, **ENVIRONMENT, "HOME": os.environ.get("HOME", "/")}
    else:
        environment |= ENVIRONMENT
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def main():
    native, program = sys.argv[1], sys.argv[2:]
    if not program:
        sys.exit(__doc__)
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)
    captures = sorted(path for folder in FOLDERS for path in pathlib.Path(folder).iterdir() if ".pcap" in path.name)
    without = ["--no-sandbox"] if "qemu" in program[0] else []
    differing = []
    for capture in captures:
        name = str(capture)
        for kind, command in [("text", TEXT), ("JSON", JSON)]:
            arguments = [*command, *without, name]
            if run([*program, *arguments]) != run([native, *arguments]):
                differing.append(f"{name}: {kind}")
    for line in differing:
        print(line)
    print(f"{' '.join(program)}: text and JSON of {len(captures)} captures, {len(differing)} differ")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
