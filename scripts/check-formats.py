#!/usr/bin/env python3
"""Check that flows are the same in every format, for the readers that people have.

    check-formats.py BINARY FOLDER [CAPTURE…]

For each capture (by default those of fixtures/ and one of 200,000 flows, made in FOLDER by make-flows.py), writes flows as CSV,
Parquet and NDJSON beside the JSON document, and reads them with Python's csv and json, pyarrow, DuckDB and jq:

  rows     each format has the same rows in the same order, with the same value in each column
  sums     per port, the flows and bytes of each format, by each reader, are those of the JSON document
  ids      Community IDs are those that this script computes
  SQL      every statement of docs/flows.md runs; its joins find each flow of a conn.log in the two formats of Zeek
  parts    a capture in several files, read in as many runs with snapshots, has the same rows in the same order in Parquet, by
           DuckDB, and the same report

Needs pyarrow and duckdb (PyPI) and jq. Prints one line in the end; exit status 1 at the first difference, 2 if something is
missing.
"""

import base64
import collections
import csv
import datetime
import hashlib
import ipaddress
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ESCAPE = re.compile(r"\\(?:([nrt\\])|x([0-9a-f]{2})|u\{([0-9a-f]+)\})")
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}

try:
    import duckdb
    import pyarrow.parquet
except ImportError as error:
    sys.exit(f"check-formats: {error}; `make test-formats` installs it")


def text_of(cell):
    """The text of a cell of CSV: without the ' in front of it, and with the characters that are escaped there."""
    cell = cell[1:] if cell.startswith("'") else cell
    return ESCAPE.sub(lambda m: LETTERS[m[1]] if m[1] else chr(int(m[2] or m[3], 16)), cell)


def community_id(flow):
    """Version 1, seed 0, of https://github.com/corelight/community-id-spec."""
    ends = [(ipaddress.ip_address(flow[end]["address"]).packed, flow[end]["port"]) for end in ("initiator", "responder")]
    (one, port), (other, second) = sorted(ends)
    protocol = {"tcp": 6, "udp": 17}[flow["transport"]]
    packed = b"\0\0" + one + other + struct.pack("!BBHH", protocol, 0, port, second)
    return "1:" + base64.b64encode(hashlib.sha1(packed).digest()).decode()


def nanoseconds(text):
    """A time of RFC 3339 in UTC as nanoseconds since 1970."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def columns_of(flow):
    """The columns that a flow of the JSON document has, flattened."""
    verdict, tcp, icmp = flow["verdict"], flow.get("tcp") or {}, flow.get("icmp") or {}
    first, last = nanoseconds(flow["first"]), nanoseconds(flow["last"])
    sides = ("initiator", "responder")
    row = {"first_ns": first, "last_ns": last, "duration_ns": last - first}
    row |= {"first": first // 1000, "last": last // 1000}
    row |= {name: flow[name] for name in ("first_frame", "last_frame", "transport", "community_id", "orientation", "tunnel")}
    row |= {name: flow.get(name) for name in ("file", "file_frame", "vlan", "outer_vlan", "vni")}
    row |= {name: flow[name] for name in ("outcome", "heard", "first_response_ns")}
    for side in sides:
        row |= {f"{side}_{name}": flow[side][name] for name in ("address", "port")}
        row |= {f"{name}_{side}": flow[name][side] for name in ("packets", "bytes", "payload_bytes")}
        row[f"retransmissions_{side}"] = tcp["retransmissions"][side] if tcp else None
    row |= {name: sum(flow[name][side] for side in sides) for name in ("packets", "bytes")}
    row |= {"icmp_error": icmp.get("error"), "icmp_frame": icmp.get("frame"), "tcp_state": tcp.get("state")}
    row |= {"ended_by": tcp.get("ended_by"), "handshake_rtt_ns": tcp.get("handshake_rtt_ns")}
    names = ("protocol", "service", "service_name", "tag", "process_service", "proved_by", "confidence", "fit", "fault")
    row |= {name: verdict.get(name) for name in names}
    product = verdict.get("product")
    row["product"] = product["name"] if isinstance(product, dict) else product
    row |= {name: ";".join(verdict[name]) or None for name in ("also", "candidates", "candidate_tags")}
    return row


def same(what, one, other):
    if one != other:
        sys.exit(f"check-formats: {what}: {one!r} is not {other!r}")


def sums_of(rows):
    """Flows and bytes per port."""
    sums = collections.defaultdict(lambda: [0, 0])
    for transport, port, count in rows:
        sums[transport, port][0] += 1
        sums[transport, port][1] += count
    return dict(sums)


def run(binary, capture, folder):
    """Writes all formats. False if the capture cannot be read at all."""
    for file in folder.iterdir():
        file.unlink()
    outputs = [word for ending in ("csv", "parquet", "ndjson") for word in ("--flows-to", folder / f"flows.{ending}")]
    command = [binary, "replay", "-q", "--format", "json", "-o", folder / "report.json", *outputs, capture]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        same(f"{capture}: outputs", sorted(file.name for file in folder.iterdir()), [])
        return False
    return True


def check(capture, folder):
    """Compares all formats of one capture. Returns the number of rows."""
    table = pyarrow.parquet.read_table(folder / "flows.parquet")
    names, kinds = table.column_names, {field.name: str(field.type) for field in table.schema}
    times = [name for name in names if kinds[name].startswith("timestamp")]
    for name in times:
        same(f"{name}: type", kinds[name], "timestamp[us, tz=UTC]")
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(pyarrow.int64()))
    columns = [table[name].to_pylist() for name in names]
    rows = list(zip(*columns))

    read = {"string": text_of, "int64": int, "timestamp[us, tz=UTC]": lambda cell: nanoseconds(cell) // 1000}
    readers = [read[kinds[name]] for name in names]
    with open(folder / "flows.csv", newline="") as file:
        lines = csv.reader(file)
        same(f"{capture}: header", next(lines), names)
        for n, line in enumerate(lines):
            # A missing value and an empty text differ only in the quotation marks, which csv takes away.
            cells = tuple(read(cell) if cell else None for read, cell in zip(readers, line))
            if cells != rows[n]:
                for name, cell, value in zip(names, cells, rows[n]):
                    same(f"{capture}: row {n}: {name}", cell, value or (None if value == "" else value))
        same(f"{capture}: rows of CSV", lines.line_num - 1, len(rows))

    with open(folder / "flows.ndjson") as file:
        n = -1
        for n, line in enumerate(file):
            flow = json.loads(line)
            same(f"{capture}: Community ID", flow["community_id"], community_id(flow))
            row = dict(zip(names, rows[n]))
            for name, value in columns_of(flow).items():
                same(f"{capture}: row {n}: {name}", row[name], value)
        same(f"{capture}: rows of NDJSON", n + 1, len(rows))

    report = json.loads((folder / "report.json").read_text())
    expected = {(p["transport"], p["port"]): [p["flows"], sum(p["bytes"].values())] for p in report["ports"]}
    place = [names.index(name) for name in ("transport", "responder_port", "bytes")]
    same(f"{capture}: sums of Parquet", sums_of([row[i] for i in place] for row in rows), expected)
    program = "[.transport, .responder.port, .bytes.initiator + .bytes.responder] | @tsv"
    lines = subprocess.run(["jq", "-r", program, folder / "flows.ndjson"], capture_output=True, text=True, check=True)
    read = [line.split("\t") for line in lines.stdout.splitlines()]
    same(f"{capture}: sums by jq", sums_of((t, int(port), int(count)) for t, port, count in read), expected)
    for ending in ("csv", "parquet"):
        # Without rows there is nothing to tell the types of CSV by.
        query = f"SELECT transport, responder_port, count(*), sum(bytes::BIGINT)::BIGINT FROM '{folder}/flows.{ending}' GROUP BY ALL"
        sums = {(t, port): [flows, count] for t, port, flows, count in duckdb.sql(query).fetchall()}
        same(f"{capture}: sums of {ending} by DuckDB", sums, expected)
    if rows:
        same(f"{capture}: times by DuckDB", times_by_duckdb(folder, "csv"), times_by_duckdb(folder, "parquet"))
    return len(rows)


def times_by_duckdb(folder, ending):
    query = f"SELECT sum(epoch_us(first)), sum(epoch_us(last)), typeof(any_value(last)) FROM '{folder}/flows.{ending}'"
    return duckdb.sql(query).fetchall()


def write_conn_logs(folder):
    """The flows of the NDJSON as Zeek's conn.log, as JSON and as text."""
    fields = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "community_id"]
    flows = [json.loads(line) for line in open(folder / "flows.ndjson")]
    with open(folder / "conn.log", "w") as log, open(folder / "conn-text.log", "w") as text:
        text.write("#separator \\x09\n#path\tconn\n#fields\t" + "\t".join(fields) + "\n#types\ttime\tstring\n")
        for n, flow in enumerate(flows):
            first, last = nanoseconds(flow["first"]) / 1e9, nanoseconds(flow["last"]) / 1e9
            service = "http" if flow["verdict"]["protocol"] == "http" else None
            duration = last - first if last > first else None
            ends = [flow[end][part] for end in ("initiator", "responder") for part in ("address", "port")]
            row = [first, f"C{n}", *ends, flow["transport"], service, duration, community_id(flow)]
            log.write(json.dumps({name: cell for name, cell in zip(fields, row) if cell is not None}) + "\n")
            text.write("\t".join("-" if cell is None else str(cell) for cell in row) + "\n")
        text.write("#close\t2026-03-01-19-30-00\n")
    return flows


def check_sql(binary, folder):
    """Runs the statements of the page over a capture with conn.logs."""
    run(binary, ROOT / "fixtures/showcase.pcap", folder)
    flows = write_conn_logs(folder)
    page = (ROOT / "docs/flows.md").read_text()
    blocks = re.findall(r"```sql\n(.*?)```", page, re.S)
    connection = duckdb.connect()
    connection.execute(f"SET file_search_path = '{folder}'")
    found = []
    for block in blocks:
        try:
            done = connection.execute(block)
            found.append((block, done.fetchall() if done.description else []))
        except duckdb.Error as error:
            sys.exit(f"check-formats: docs/flows.md: {error}\n{block}")
    protocols = {f"C{n}": flow["verdict"]["protocol"] for n, flow in enumerate(flows)}
    (joined,) = [rows for block, rows in found if "FROM 'flows.parquet' AS p\nJOIN read_json" in block]
    same("join with conn.log", {row[0]: row[2] for row in joined}, protocols)
    same("rows of the join", len(joined), len(flows))
    (unnamed,) = [rows for block, rows in found if "What Zeek does not name" in block]
    expected = sum(1 for protocol in protocols.values() if protocol not in ("http", None))
    same("flows that Zeek does not name", sum(row[-1] for row in unnamed), expected)
    (plain,) = [rows for block, rows in found if "MACRO unquoted" in block]
    same("rows of CSV in DuckDB", len(plain), len(flows))
    return len(blocks)


def check_parts(binary, capture, parts, folder):
    """Reads a pcap file in parts, each run from the snapshot of the one before, and in one run; compares rows and reports."""
    for file in folder.iterdir():
        file.unlink()
    data, records, at = capture.read_bytes(), [], 24
    while at < len(data):
        end = at + 16 + struct.unpack_from("<I", data, at + 8)[0]
        records.append(data[at:end])
        at = end
    names = [f"part-{n:02}.pcap" for n in range(parts)]
    for n, name in enumerate(names):
        part = records[len(records) * n // parts:len(records) * (n + 1) // parts]
        (folder / name).write_bytes(data[:24] + b"".join(part))

    def portlore(*words):
        done = subprocess.run([binary, *words], cwd=folder, capture_output=True, text=True)
        same(f"{capture} in parts: {done.stderr}", done.returncode, 0)
        return done.stdout

    whole = portlore("replay", "-q", "--chain", *names, "--flows-to", "whole.parquet", "--format", "json")
    for n, name in enumerate(names):
        resume = ["--resume", f"{n - 1}.plore"] if n else []
        portlore("replay", "-q", "--sensor", "one", "--chain", name, *resume, "--snapshot", f"{n}.plore", "--flows-to", f"{n}.parquet")
    last = portlore("report", f"{parts - 1}.plore", "--flows-to", f"{parts}.parquet", "--format", "json")
    same(f"{capture} in parts: report", last, whole)
    files = ", ".join(f"'{folder}/{n}.parquet'" for n in range(parts + 1))
    rows = duckdb.sql(f"FROM read_parquet([{files}])").fetchall()
    same(f"{capture} in parts: rows", rows, duckdb.sql(f"FROM '{folder}/whole.parquet'").fetchall())
    return len(rows)


def main():
    binary, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    if not shutil.which("jq"):
        sys.exit("check-formats: jq is missing: apt-get install jq")
    work.mkdir(parents=True, exist_ok=True)
    captures = [pathlib.Path(name) for name in sys.argv[3:]]
    if not captures:
        many = work / "many.pcap"
        subprocess.run([sys.executable, ROOT / "scripts/make-flows.py", "200000", many], check=True)
        endings = ("pcap", "pcapng", "cap", "gz", "zst", "xz", "lz4", "bz2")
        captures = [path for path in sorted(ROOT.glob("fixtures/**/*")) if path.suffix[1:] in endings] + [many]
    rows, read = 0, 0
    with tempfile.TemporaryDirectory(dir=work) as folder:
        folder = pathlib.Path(folder)
        blocks = check_sql(binary, folder)
        for capture in captures:
            if run(binary, capture, folder):
                rows += check(capture, folder)
                read += 1
        split = ROOT / "fixtures/showcase.pcap" if sys.argv[3:] else many
        parts = check_parts(binary, split, 6, folder)
    print(f"{parts} flows of {split.name} in 6 parts are those of one run")
    print(f"{read} of {len(captures)} captures: {rows} flows are the same in all formats; {blocks} SQL statements of docs/flows.md run")


if __name__ == "__main__":
    main()
