#!/usr/bin/env python3
"""Put the golden report of the showcase into the README: its findings and its table of ports, and two flows with their
reasons."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
golden = (ROOT / "fixtures/showcase.txt").read_text().splitlines()
blanks = [i for i, line in enumerate(golden) if not line]
# The summary, what does not belong, the ports, the legend.
table = golden[: blanks[3]]
flows = [i for i, line in enumerate(golden) if line.startswith("frame ")]


def flow(word):
    at = next(i for i in flows if word in golden[i])
    end = next((i for i in flows if i > at), len(golden))
    return golden[at:end]


why = flow("osc: ETC Eos lighting console") + flow("contradicts")
blocks = iter(["\n".join(table), "\n".join(line.rstrip() for line in why)])
readme = ROOT / "README.md"
text = readme.read_text()
text = re.sub(r"\n```\n(?:@@|fixtures|frame ).*?\n```\n", lambda _: f"\n```\n{next(blocks)}\n```\n", text, flags=re.S)
readme.write_text(text)
