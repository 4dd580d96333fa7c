#!/usr/bin/env python3
"""Count what no verdict may say, whatever the capture, over folders of captures.

    check-verdicts.py BINARY FOLDER... [--verbose]

Reads `BINARY replay --flows --why --format json CAPTURE` of every capture below each folder. The kinds of violation:

  group        over UDP a group or the broadcast address initiates, although it sent nothing in that flow
  reversed     by what a detector read, the initiator answered or the responder asked, and not the other way round;
               where the responder is no group and no handshake was seen
  contradicts  fit `contradicts` without a recognised protocol
  fit          any other fit without a recognised protocol
  name         a service without the confidence `mark`
  nobody       a fit where the attempt was refused, unreachable or not answered
  sum          frames are not segments, skipped and dropped ones together
  broken       a panic, no end within a minute, or a document that cannot be read

Prints how many captures and flows were looked at and a line per violation (at most ten of a kind, all with --verbose).
Exit status: 0 without violations, 1 with any.
"""

import argparse
import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import subprocess
import sys

SECONDS = 60
NOT_CAPTURES = {".csv", ".md", ".txt", ".lua", ".sh", ".py", ".js", ".json"}
RECOGNISED = {"protocol", "mark"}
NOBODY = {"refused", "unreachable", "no_answer"}

# The facts that only one side of a protocol states. A name that ends in `*` stands for all that begin so; a set of values
# restricts a fact that both sides state. One-way protocols ask only: their sender is the client.
REQUESTS = {
    "artnet.operation": {"poll"},
    "amqp.method": {"Connection.StartOk", "Connection.SecureOk", "Connection.TuneOk", "Connection.Open", "Channel.Open",
                    "Exchange.Declare", "Queue.Declare", "Queue.Bind", "Basic.Consume"},
    "dhcp.message": {"DISCOVER", "DECLINE", "INFORM", "SOLICIT", "REQUEST", "CONFIRM", "RENEW", "REBIND", "RELEASE",
                     "INFORMATION-REQUEST"},
    "dns.query": None,
    "ftp.command": None, "ftp.user": None,
    "grpc.method": None,
    "hyperdeck.command": None,
    "http.method": None, "http.target": None, "http.request-*": None, "http2.preface": None,
    "imap.command": None,
    "ipfix.domain": None,
    "kafka.api": None, "kafka.client": None,
    "ldap.operation": {"bind", "unbind", "search", "modify", "add", "delete", "modify-dn", "compare", "abandon", "extended"},
    "memcached.command": None,
    "mdns.query": None,
    "mongodb.message": {"OP_QUERY"}, "mongodb.application": None, "mongodb.driver": None,
    "mqtt.client": None,
    "mysql.database": None, "mysql.request": None, "mysql.user": None,
    "nats.client": None, "nats.language": None, "nats.operation": {"CONNECT", "PUB", "HPUB", "SUB", "UNSUB"},
    "netflow.version": None,
    "ntp.mode": {"client"},
    "pop3.command": None, "pop3.user": None,
    "postgresql.application": None, "postgresql.database": None, "postgresql.request": None, "postgresql.user": None,
    "quic.ja4": None, "quic.sni": None, "quic.user-agent": None,
    "psn.packet": None,
    "rdp.message": {"connection-request"}, "rdp.user": None,
    "redis.client": None, "redis.command": None,
    "rtp.payload-type": None,
    "sacn.layer": None,
    "sip.method": None,
    "smtp.client": None,
    "snmp.operation": {"get", "get-next", "set", "get-bulk", "trap-v1", "trap", "inform"},
    "stun.message": {"binding request", "allocate request", "refresh request", "create permission request",
                     "channel bind request", "shared secret request"},
    "syslog.form": None, "syslog.priority": None,
    "tls.ja4": None, "tls.sni": None,
    "visca.command": None,
    "watchout.command": None,
    "wireguard.message": {"initiation"},
}
ANSWERS = {
    "artnet.operation": {"poll reply"},
    "amqp.method": {"Connection.Start", "Connection.Secure", "Connection.Tune", "Connection.OpenOk", "Channel.OpenOk",
                    "Exchange.DeclareOk", "Queue.DeclareOk", "Queue.BindOk", "Basic.ConsumeOk", "Basic.Deliver"},
    "dhcp.message": {"OFFER", "ACK", "NAK", "ADVERTISE", "REPLY", "RECONFIGURE"},
    "atem.product": None,
    "citp.product": None,
    "dns.response": None,
    "ftp.greeting": None, "ftp.reply": None,
    "grpc.status": None,
    "hyperdeck.model": None,
    "http.event": None, "http.response-*": None, "http.status": None,
    "imap.greeting": None,
    "ldap.operation": {"bind-response", "search-entry", "search-done", "search-reference", "modify-response", "add-response",
                       "delete-response", "modify-dn-response", "compare-response", "extended-response",
                       "intermediate-response"},
    "mdns.response": None,
    "memcached.reply": None, "memcached.version": None,
    "mongodb.message": {"OP_REPLY"}, "mongodb.error": None, "mongodb.wire-version": None,
    "mqtt.result": None,
    "mysql.error": None, "mysql.version": None,
    "nats.operation": {"INFO", "MSG", "HMSG"}, "nats.server": None,
    "ntp.mode": {"server"},
    "osc.address": None,        # of those, see is_answer
    "pop3.greeting": None,
    "postgresql.auth": None, "postgresql.error": None, "postgresql.transaction": None, "postgresql.version": None,
    "rdp.message": {"connection-confirm"},
    "redis.error": None, "redis.reply": None, "redis.server": None, "redis.version": None,
    "sip.status": None,
    "smtp.greeting": None,
    "snmp.operation": {"response", "report"},
    "stun.message": {"binding response", "binding error", "allocate response", "allocate error", "refresh response",
                     "create permission response", "channel bind response", "shared secret response"},
    "tls.cipher": None,
    "watchout.answer": None, "watchout.version": None,
    "wireguard.message": {"response"},
    "videohub.model": None,
    "visca.answer": None,
}
# What only an OSC product sends back: ETC Eos's output, QLab's replies.
OSC_ANSWERS = ("/eos/out/", "/reply/")


def listed(table, name, value):
    for fact, values in table.items():
        if name == fact or fact.endswith("*") and name.startswith(fact[:-1]):
            return values is None or value in values
    return False


def is_answer(name, value):
    if name == "osc.address":
        return value.startswith(OSC_ANSWERS)
    return listed(ANSWERS, name, value)


def is_group(address):
    ip = ipaddress.ip_address(address)
    return ip.is_multicast or str(ip) == "255.255.255.255"


def stated(flow):
    """Name, value and side of each fact that the verdict rests on, and of all facts where the document has them."""
    for reason in flow["verdict"]["reasons"]:
        yield reason["fact"], reason["value"], reason["direction"]
    for fact in flow.get("facts") or []:
        yield fact["name"], fact["value"], fact["direction"]


def reversal(flow):
    """What shows that the sides are the wrong way round, if anything does."""
    wrong, right = [], False
    for name, value, side in stated(flow):
        for asks, holds in ((True, listed(REQUESTS, name, value)), (False, is_answer(name, value))):
            if holds and side == ("initiator" if asks else "responder"):
                right = True
            elif holds and side in ("initiator", "responder"):
                wrong.append(f"{name} = {value[:40]} of the {side}")
    return wrong[0] if wrong and not right else None


def violations(document):
    for flow in document["flows"]:
        verdict, outcome = flow["verdict"], flow.get("outcome")
        ends = {side: f"{flow[side]['address']} port {flow[side]['port']}" for side in ("initiator", "responder")}
        where = f"{flow['transport']} {ends['initiator']} to {ends['responder']}, frame {flow['first_frame']}"
        recognised = verdict["protocol"] is not None and verdict["confidence"] in RECOGNISED
        if flow["transport"] == "udp" and is_group(flow["initiator"]["address"]) and not flow["packets"]["initiator"]:
            yield "group", f"{where}: the initiator sent nothing"
        wrong = reversal(flow)
        if wrong and flow["orientation"] != "seen" and not is_group(flow["responder"]["address"]):
            yield "reversed", f"{where}: {wrong}"
        if not recognised and verdict["fit"] is not None:
            kind = "contradicts" if verdict["fit"] == "contradicts" else "fit"
            yield kind, f"{where}: {verdict['fit']}, confidence {verdict['confidence']}"
        if verdict["service"] is not None and verdict["confidence"] != "mark":
            yield "name", f"{where}: {verdict['service']}, confidence {verdict['confidence']}"
        if outcome in NOBODY and recognised and verdict["fit"] is not None:
            yield "nobody", f"{where}: {outcome}, yet {verdict['fit']}"
    capture = document["capture"]
    parts = capture["segments"] + sum(capture["skipped"].values()) + capture["dropped"]["queue"]
    if capture["frames"] != parts:
        yield "sum", f"{capture['frames']} frames, but {parts} in buckets"


def look(binary, path):
    """The number of flows, and the violations, of one capture; no flows where it cannot be read."""
    command = [binary, "replay", "-q", "--flows", "--why", "--format", "json", str(path)]
    try:
        run = subprocess.run(command, capture_output=True, timeout=SECONDS)
        if run.returncode == 2 and not run.stdout:
            return None, []
        if run.returncode not in (0, 2, 3) or b"panicked" in run.stderr:
            return 0, [("broken", f"ends with {run.returncode}: {run.stderr.decode(errors='replace').strip()[-200:]}")]
        document = json.loads(run.stdout)
        return len(document["flows"]), list(violations(document))
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        return 0, [("broken", f"{type(error).__name__}: {error}")]


def unknown_facts(binary):
    """The facts of the tables that no detector states: a table that has fallen behind checks nothing."""
    known = subprocess.run([binary, "catalogue", "facts"], capture_output=True, text=True, check=True).stdout.split()
    names = {*REQUESTS, *ANSWERS}
    return sorted(n for n in names if n not in known and not any(k.startswith(n.rstrip("*")) for k in known if "*" in n))


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("binary")
    args.add_argument("folder", nargs="+", type=pathlib.Path)
    args.add_argument("--verbose", action="store_true", help="a line for every violation")
    args = args.parse_args()
    if unknown := unknown_facts(args.binary):
        sys.exit("no detector states " + ", ".join(unknown))
    paths = sorted(path for folder in args.folder for path in folder.rglob("*")
                   if path.is_file() and path.suffix not in NOT_CAPTURES)
    if not paths:
        sys.exit("no captures in " + ", ".join(map(str, args.folder)))
    found, flows, unread = collections.defaultdict(list), 0, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (n, wrong) in zip(paths, pool.map(lambda path: look(args.binary, path), paths)):
            unread += n is None
            flows += n or 0
            for kind, line in wrong:
                found[kind].append(f"{path}: {line}")
    for kind, lines in sorted(found.items()):
        shown = lines if args.verbose else lines[:10]
        print(*(f"{kind:12} {line}" for line in shown), sep="\n")
        if len(shown) < len(lines):
            print(f"{kind:12} … and {len(lines) - len(shown)} more")
    counts = ", ".join(f"{kind} {len(lines)}" for kind, lines in sorted(found.items())) or "no violation"
    print(f"{len(paths) - unread} captures, {flows} flows: {counts}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
