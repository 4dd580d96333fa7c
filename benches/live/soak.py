"""soak.py FOLDER SECONDS: what soak.sh found."""

import json
import pathlib
import re
import sys

folder, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
sent = int(re.search(r"sent (\d+)", (folder / "sent").read_text()).group(1))
report = json.loads((folder / "report").read_text())
capture = report["capture"]
looks = [tuple(map(int, line.split())) for line in (folder / "memory").read_text().splitlines()]


def told(name):
    for line in capture.get(name, report.get(name, [])):
        print(f"{name}: {line}")


told("problems")
told("notices")
dropped = capture["dropped"]
received = capture["segments"] + sum(capture["skipped"].values())
counted = received + sum(dropped.values())
print(f"sent {sent}, segments {capture['segments']}, dropped {dropped}: {sent - counted} not accounted for")
if (folder / "saved").exists():
    saved = json.loads((folder / "saved").read_text())["capture"]["frames"]
    words = (folder / "err").read_text()
    lost = sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) packets? not saved meanwhile", words))
    print(f"saved {saved}, said to be not saved {lost}: {received - saved - lost} not accounted for")
begin = looks[0][0]


def mib_at(second):
    return next(kib for at, kib in looks if at - begin >= second) / 1024


print("MiB:", " ".join(f"{kib / 1024:.0f}" for _, kib in looks))
last = looks[-2 if len(looks) > 1 else -1][1] / 1024
for name, second in (("a fifth or two minutes", min(110, seconds / 5)), ("two thirds", seconds * 2 / 3)):
    early = mib_at(second)
    print(f"memory: {early:.1f} MiB after {name}, {last:.1f} MiB at the end: {100 * (last / early - 1):+.1f} %")
