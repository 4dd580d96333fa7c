#!/usr/bin/env python3
"""Check what portlore says of captures whose truth is known.

    check-cases.py BINARY [CASES.csv] [--verbose]

CASES.csv (default: fixtures/cases.csv) has a row per truth: `path` (beside the table), `options` (more arguments for
`replay`; the column may be missing), `truth` (a sentence) and `holds` (a condition). Prints each row that does
not hold; exit status 1 if any.

A condition joins these by `and`, `or`, `not`. PORT and TRANSPORT ('tcp', 'udp') choose the flows by their responder:
  speaks(PORT, TRANSPORT, 'PROTOCOL')           by the bytes of some such flow; several protocols as 'a|b'
  serves(PORT, TRANSPORT, 'SERVICE')            some such flow carries a mark of this service
  also(PORT, TRANSPORT, 'SERVICE')              … proves this service beside the one that its verdict names
  named(PORT, TRANSPORT)                        some such flow, or a row of the port, names a service
  candidate(PORT, TRANSPORT, 'SERVICE')         some such flow has the service as verdict or candidate
  product(PORT, TRANSPORT, 'TEXT')              the responder of some such flow calls itself so; a part of it suffices
  proved_by(PORT, TRANSPORT, 'initiator' | 'responder' | 'both')
  outcome(PORT, TRANSPORT, 'OUTCOME')           some such flow ended so
  fit(PORT, TRANSPORT, 'FIT' | None)            there are such flows, and all have this fit, or none
  contradicts(PORT, TRANSPORT)                  some such flow has the fit `contradicts`
  responder(PORT, TRANSPORT)                    there is such a flow
  initiates('ADDRESS')                          some flow has this initiator
  fact(PORT, TRANSPORT, 'NAME', 'VALUE')        a reason or fact of some such flow states this
  row(PORT, TRANSPORT, N)                       the port has N rows under `speaking`
  server('ADDRESS', PORT, TRANSPORT[, 'SERVICE']) this server is listed, with this service
  servers(N), flows(N)                          there are so many
  closed(PORT, TRANSPORT)                       a closed port is listed
  finding('KIND', 'SEVERITY', PORT, TRANSPORT[, 'TEXT']) such a finding is listed, with this in its sentence or advice
  findings(N)                                   there are so many findings
  skipped('REASON', N)                          so many frames were skipped for this reason
  seconds(N)                                    the capture lasts less than N seconds
  noticed()                                     there is a notice or a problem
  shows('TEXT')                                 the report with reasons contains this
"""

import argparse
import ast
import csv
import datetime
import json
import pathlib
import shlex
import subprocess
import sys

WORDS = {}
SECONDS = 60


def word(function):
    WORDS[function.__name__] = function
    return function


class Said:
    """What the binary says of one capture."""

    def __init__(self, binary, path, options):
        self.command = [binary, "replay", *options]
        self.path = str(path)
        run = self.run("--flows", "--format", "json")
        if b"panicked" in run.stderr or run.returncode not in (0, 2, 3):
            raise RuntimeError(f"ends with {run.returncode}")
        if not run.stdout:
            raise RuntimeError(run.stderr.decode(errors="replace").strip())
        self.document = json.loads(run.stdout)

    def run(self, *more):
        return subprocess.run([*self.command, "--why", *more, self.path], capture_output=True, timeout=SECONDS)

    def flows(self, port, transport):
        return [f for f in self.document["flows"] if f["responder"]["port"] == port and f["transport"] == transport]

    def verdicts(self, port, transport):
        return [flow["verdict"] for flow in self.flows(port, transport)]

    def rows(self, port, transport):
        return [row for p in self.document["ports"] if (p["port"], p["transport"]) == (port, transport) for row in p["speaking"]]


@word
def speaks(said, port, transport, protocols):
    return any(v["protocol"] in protocols.split("|") and v["confidence"] in ("protocol", "mark")
               for v in said.verdicts(port, transport))


@word
def serves(said, port, transport, service):
    return any(v["service"] == service and v["confidence"] == "mark" for v in said.verdicts(port, transport))


@word
def also(said, port, transport, service):
    return any(service in (v.get("also") or []) for v in said.verdicts(port, transport))


@word
def named(said, port, transport):
    return any(v["service"] is not None for v in said.verdicts(port, transport) + said.rows(port, transport))


@word
def candidate(said, port, transport, service):
    return any(service in (v["service"], *v["candidates"]) for v in said.verdicts(port, transport))


@word
def product(said, port, transport, text):
    return any(text in (v.get("product") or "") for v in said.verdicts(port, transport))


@word
def proved_by(said, port, transport, side):
    return any(v.get("proved_by") == side for v in said.verdicts(port, transport))


@word
def outcome(said, port, transport, wanted):
    return any(flow["outcome"] == wanted for flow in said.flows(port, transport))


@word
def fit(said, port, transport, wanted):
    fits = {v["fit"] for v in said.verdicts(port, transport)}
    return fits == {wanted}


@word
def contradicts(said, port, transport):
    return any(v["fit"] == "contradicts" for v in said.verdicts(port, transport))


@word
def responder(said, port, transport):
    return bool(said.flows(port, transport))


@word
def initiates(said, address):
    return any(flow["initiator"]["address"] == address for flow in said.document["flows"])


@word
def fact(said, port, transport, name, value):
    stated = [(r["fact"], r["value"]) for v in said.verdicts(port, transport) for r in v["reasons"]]
    stated += [(f["name"], f["value"]) for flow in said.flows(port, transport) for f in flow.get("facts") or []]
    return (name, value) in stated


@word
def row(said, port, transport, count):
    return len(said.rows(port, transport)) == count


@word
def server(said, address, port, transport, service=None):
    return any((s["address"], s["port"], s["transport"]) == (address, port, transport)
               and (service is None or service in [entry["service"] for entry in s["services"]])
               for s in said.document.get("servers", []))


@word
def servers(said, count):
    return len(said.document["servers"]) == count


@word
def flows(said, count):
    return len(said.document["flows"]) == count


@word
def closed(said, port, transport):
    return any((c["port"], c["transport"]) == (port, transport) for c in said.document.get("closed_ports", []))


@word
def finding(said, kind, severity, port, transport, text=""):
    wanted = (kind, severity, port, transport)
    return any((one["kind"], one["severity"], one["port"], one["transport"]) == wanted
               and text in f"{one['sentence']} {one['advice']}" for one in said.document["findings"])


@word
def findings(said, number):
    return len(said.document["findings"]) == number


@word
def skipped(said, reason, count):
    return said.document["capture"]["skipped"].get(reason, 0) == count


@word
def seconds(said, limit):
    first, last = (datetime.datetime.fromisoformat(said.document["capture"][end][:26]) for end in ("first", "last"))
    return (last - first).total_seconds() < limit


@word
def noticed(said):
    return bool(said.document["capture"]["notices"] or said.document["capture"]["problems"])


@word
def shows(said, text):
    return text.encode() in said.run().stdout


def holds(said, node):
    """The value of a condition: words with constants, joined by `and`, `or`, `not`, and nothing else."""
    match node:
        case ast.Expression(body=body):
            return holds(said, body)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(holds(said, part) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(holds(said, part) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return not holds(said, part)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in WORDS:
            return WORDS[name](said, *(ast.literal_eval(arg) for arg in args))
    raise ValueError(f"not a condition: {ast.unparse(node)}")


def failing(said, node):
    """The parts of a conjunction that do not hold."""
    parts = node.body.values if isinstance(node.body, ast.BoolOp) and isinstance(node.body.op, ast.And) else [node.body]
    for part in parts:
        try:
            if not holds(said, part):
                yield ast.unparse(part)
        except (LookupError, TypeError) as error:
            yield f"{ast.unparse(part)}: {type(error).__name__}: {error}"


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("binary")
    args.add_argument("table", nargs="?", type=pathlib.Path,
                      default=pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "cases.csv")
    args.add_argument("--verbose", action="store_true", help="also print the rows that hold")
    args = args.parse_args()
    with open(args.table, newline="") as table:
        rows = list(csv.DictReader(table))
    held = 0
    for row in rows:
        options = row.get("options") or ""
        case = f"{row['path']} {options}".strip()
        try:
            condition = ast.parse(row["holds"], mode="eval")
            said = Said(args.binary, args.table.parent / row["path"], shlex.split(options))
            wrong = list(failing(said, condition))
        except (ArithmeticError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
                subprocess.TimeoutExpired) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        held += not wrong
        if wrong:
            print(f"not so: {case}: {row['truth']}\n        " + "\n        ".join(wrong))
        elif args.verbose:
            print(f"holds:  {case}: {row['truth']}")
    print(f"{held} of {len(rows)} hold")
    sys.exit(held != len(rows))


if __name__ == "__main__":
    main()
