"""figures.py TOOL FOLDER: one row of live.sh from what the tool and the sender said."""

import json
import re
import sys

tool, folder = sys.argv[1:]


def text(ending):
    with open(f"{folder}/{tool}.{ending}", errors="replace") as file:
        return file.read()


def number(pattern, words):
    found = re.search(pattern, words)
    return int(found.group(1)) if found else None


sent = number(r"sent (\d+)", text("sent"))
rate = number(r", (\d+) per second", text("sent"))
user, system, kib = text("time").splitlines()[-1].split()
words = text("out") + text("err")
kernel = interface = queue = None
if tool == "portlore":
    capture = json.loads(text("out"))["capture"]
    seen = capture["segments"]
    kernel, interface, queue = (capture["dropped"][where] for where in ("kernel", "interface", "queue"))
elif tool == "tcpdump":
    seen = number(r"(\d+) packets captured", words)
    kernel = number(r"(\d+) packets dropped by kernel", words)
    interface = number(r"(\d+) packets? dropped by interface", words)
else:
    seen = number(r"IP packets:\s+(\d+)", words)
cost = (float(user) + float(system)) / max(seen or 0, 1) * 1e6
cells = ["-" if n is None else n for n in (sent, rate, seen, kernel, interface, queue)]
row = "{:<10} {:>11} {:>9} {:>11} {:>9} {:>9} {:>9}".format(tool, *cells)
print(f"{row} {cost:>12.2f} {int(kib) / 1024:>8.0f}", flush=True)
