"""soak.py FOLDER SECONDS: what soak.sh found."""

import json
import re
import sys

folder, seconds = sys.argv[1], int(sys.argv[2])
with open(f"{folder}/sent") as file:
    sent = int(re.search(r"sent (\d+)", file.read()).group(1))
with open(f"{folder}/report") as file:
    capture = json.load(file)["capture"]
with open(f"{folder}/memory") as file:
    looks = [tuple(map(int, line.split())) for line in file]
dropped = capture["dropped"]
counted = capture["segments"] + sum(capture["skipped"].values()) + sum(dropped.values())
print(f"sent {sent}, segments {capture['segments']}, dropped {dropped}: {sent - counted} not accounted for")
begin = looks[0][0]
early = next(kib for at, kib in looks if at - begin >= min(110, seconds / 5))
last = looks[-2 if len(looks) > 1 else -1][1]
print("MiB:", " ".join(f"{kib / 1024:.0f}" for _, kib in looks))
print(f"memory: {early / 1024:.1f} MiB after a fifth or two minutes, {last / 1024:.1f} MiB at the end: {100 * (last / early - 1):+.1f} %")
