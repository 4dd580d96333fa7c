//! The report as one JSON document. Field names are a contract: `schema` changes when they do.
//! Numbers are integers in the unit that the name ends with; times are RFC 3339 in UTC.

mod process;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::ser::Formatter;

use super::Report;
use super::escape::is_hidden;
use super::origins::{self, Origin};
use crate::decode::{Endpoint, Transport, Tunnel};
use crate::flow::{Counts, FlowRecord, Outcome};
use crate::pipeline::JudgedFlow;
use crate::stats::{self, Aggregate, PortStats, ServiceKey, ServiceStats, Speaking, Summary};

/// The name of this layout.
pub const SCHEMA: &str = "portlore/1";

/// Writes the document and a line end.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_, '_>, flows: bool) -> io::Result<()> {
    let document = document(report, flows);
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Safe))?;
    writeln!(out)
}

/// The whole document; with every flow that was kept where `flows` is set.
pub(super) fn document<'a>(report: &'a Report<'a, 'a>, flows: bool) -> Document<'a> {
    let run = report.run;
    let mut ports: Vec<_> = run.stats.ports.iter().collect();
    ports.sort_by_key(|(key, _)| **key);
    Document {
        schema: SCHEMA,
        capture: capture(report),
        ports: ports
            .into_iter()
            .map(|(&(port, transport), stats)| port_view(report, port, transport, stats))
            .collect(),
        services: run.stats.services.iter().map(|(&key, stats)| service_view(key, stats)).collect(),
        flows: flows.then_some(Flows(&run.flows)),
    }
}

/// Compact JSON whose strings a terminal may see: characters that control it or hide are written as
/// `\\u` escapes.
pub(super) struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|&(_, c)| is_hidden(c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut units = [0; 2];
            for unit in hidden.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[derive(Serialize)]
pub(super) struct Document<'a> {
    schema: &'static str,
    capture: Capture<'a>,
    ports: Vec<Port<'a>>,
    services: Vec<Service<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows: Option<Flows<'a>>,
}

#[derive(Serialize)]
struct Capture<'a> {
    files: &'a [String],
    frames: u64,
    segments: u64,
    skipped: BTreeMap<&'static str, u64>,
    interfaces: Vec<Origin>,
    link_types: Vec<Origin>,
    dropped: Dropped,
    evicted_flows: u64,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
    complete: bool,
    problems: &'a [String],
    notices: &'a [String],
}

#[derive(Serialize)]
pub(super) struct Dropped {
    pub(super) kernel: u64,
    pub(super) interface: u64,
    pub(super) queue: u64,
}

#[derive(Serialize)]
struct Port<'a> {
    port: u16,
    transport: &'static str,
    registered: Vec<&'a str>,
    claims: Vec<Claim<'a>>,
    speaking: Vec<Spoken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<process::Behind<'a>>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
struct Claim<'a> {
    service: &'a str,
    tag: &'a str,
    standing: &'static str,
    prevalence: &'static str,
}

#[derive(Serialize)]
pub(super) struct Spoken<'a> {
    service: Option<&'a str>,
    tag: Option<&'a str>,
    protocol: Option<&'static str>,
    confidence: &'static str,
    fit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    flows: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Service<'a> {
    service: Option<&'a str>,
    tag: Option<&'a str>,
    protocol: Option<&'static str>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
struct Figures {
    flows: u64,
    packets: Both,
    bytes: Both,
    initiators: u64,
    first: Option<String>,
    last: Option<String>,
    outcomes: BTreeMap<&'static str, u64>,
    retransmissions: u64,
    /// These are null where those of a port are not kept.
    packet_bytes: Option<Quantiles>,
    duration_ns: Option<Quantiles>,
    handshake_rtt_ns: Option<Quantiles>,
    first_response_ns: Option<Quantiles>,
}

#[derive(Serialize)]
pub(super) struct Both {
    initiator: u64,
    responder: u64,
}

impl From<Counts> for Both {
    fn from(counts: Counts) -> Self {
        Self { initiator: counts.initiator, responder: counts.responder }
    }
}

#[derive(Serialize)]
struct Quantiles {
    count: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

impl From<Summary> for Quantiles {
    fn from(s: Summary) -> Self {
        Self { count: s.count, p50: s.p50, p90: s.p90, p99: s.p99, max: s.max }
    }
}

/// Written one by one: a million of them is no second copy in memory.
struct Flows<'a>(&'a [JudgedFlow<'a>]);

impl Serialize for Flows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for flow in self.0 {
            sequence.serialize_element(&flow_view(flow))?;
        }
        sequence.end()
    }
}

#[derive(Serialize)]
pub(super) struct Flow<'a> {
    transport: &'static str,
    initiator: End,
    responder: End,
    orientation: &'static str,
    tunnel: Option<&'static str>,
    first: String,
    last: String,
    first_frame: u64,
    last_frame: u64,
    packets: Both,
    bytes: Both,
    payload_bytes: Both,
    outcome: &'static str,
    heard: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<Tcp>,
    first_response_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<process::Sides<'a>>,
    verdict: Verdict<'a>,
}

#[derive(Serialize)]
struct End {
    address: String,
    port: u16,
}

impl From<Endpoint> for End {
    fn from(endpoint: Endpoint) -> Self {
        Self { address: endpoint.address.to_string(), port: endpoint.port }
    }
}

#[derive(Serialize)]
struct Tcp {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<&'static str>,
    handshake_rtt_ns: Option<u64>,
    retransmissions: Both,
}

#[derive(Serialize)]
struct Verdict<'a> {
    service: Option<&'a str>,
    tag: Option<&'a str>,
    protocol: Option<&'static str>,
    confidence: &'static str,
    fit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    candidates: Vec<&'a str>,
    reasons: Vec<Reason<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    fact: &'a str,
    value: &'a str,
    direction: Option<&'static str>,
    frame: Option<u64>,
}

fn capture<'a>(report: &'a Report<'_, '_>) -> Capture<'a> {
    let (run, tally) = (report.run, &report.run.tally);
    let interfaces = origins::interfaces(report);
    Capture {
        files: report.inputs,
        frames: tally.frames,
        segments: tally.segments,
        skipped: tally.skipped().map(|(reason, n)| (reason.as_str(), n)).collect(),
        link_types: origins::link_types(&interfaces),
        interfaces,
        dropped: Dropped {
            kernel: run.drops.kernel,
            interface: run.drops.interface,
            queue: tally.queue,
        },
        evicted_flows: run.evicted,
        bytes: tally.bytes,
        first: tally.seen.map(|(first, _)| first.to_string()),
        last: tally.seen.map(|(_, last)| last.to_string()),
        complete: report.is_complete(),
        problems: &run.problems,
        notices: &run.notices,
    }
}

fn port_view<'a>(
    report: &Report<'a, 'a>,
    port: u16,
    transport: Transport,
    stats: &'a PortStats<'a>,
) -> Port<'a> {
    let claims = report.catalogue.claims_on(port, transport).map(|(service, claim)| Claim {
        service: &service.id,
        tag: &service.tag,
        standing: claim.standing.as_str(),
        prevalence: claim.prevalence.as_str(),
    });
    // Speakers that differ in their candidates only are one here.
    let mut speaking: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for (key, &(flows, bytes)) in &stats.speaking {
        let sum = speaking.entry(Speaking { candidate: None, quiet: None, ..*key }).or_default();
        sum.0 += flows;
        sum.1 += bytes;
    }
    Port {
        port,
        transport: transport.as_str(),
        registered: report.catalogue.registry.names(port, transport).collect(),
        claims: claims.collect(),
        speaking: speaking.iter().map(|(key, &sums)| spoken(key, sums)).collect(),
        processes: process::behind(&stats.behind),
        figures: figures(&stats.all, stats.figures.as_ref()),
    }
}

pub(super) fn spoken<'a>(key: &Speaking<'a>, (flows, bytes): (u64, u64)) -> Spoken<'a> {
    Spoken {
        service: key.service,
        tag: key.tag,
        protocol: key.protocol.map(crate::evidence::Protocol::as_str),
        confidence: key.confidence.as_str(),
        fit: key.fit.as_str(),
        fault: key.fault.map(crate::classify::Fault::as_str),
        flows,
        bytes,
    }
}

fn service_view<'a>((service, tag, protocol): ServiceKey<'a>, stats: &ServiceStats) -> Service<'a> {
    Service {
        service,
        tag,
        protocol: protocol.map(crate::evidence::Protocol::as_str),
        figures: figures(&stats.all, Some(&stats.figures)),
    }
}

fn figures(all: &Aggregate, own: Option<&stats::Figures>) -> Figures {
    let summary =
        |of: fn(&stats::Figures) -> &stats::Quantiles| own.map(|own| of(own).summary().into());
    Figures {
        flows: all.flows,
        packets: all.packets.into(),
        bytes: all.bytes.into(),
        initiators: all.initiators.count(),
        first: all.seen.map(|(first, _)| first.to_string()),
        last: all.seen.map(|(_, last)| last.to_string()),
        outcomes: Outcome::ALL
            .iter()
            .map(|&o| (o.as_str(), all.outcomes[o as usize]))
            .filter(|&(_, n)| n > 0)
            .collect(),
        retransmissions: all.retransmissions,
        packet_bytes: summary(|own| &own.packet_bytes),
        duration_ns: summary(|own| &own.duration_ns),
        handshake_rtt_ns: summary(|own| &own.handshake_rtt_ns),
        first_response_ns: summary(|own| &own.first_response_ns),
    }
}

pub(super) fn flow_view<'a>(flow: &'a JudgedFlow<'a>) -> Flow<'a> {
    let (record, verdict) = (&flow.record, &flow.verdict);
    Flow {
        transport: record.transport.as_str(),
        initiator: record.initiator.into(),
        responder: record.responder.into(),
        orientation: record.orientation.as_str(),
        tunnel: record.tunnel.map(Tunnel::as_str),
        first: record.first.to_string(),
        last: record.last.to_string(),
        first_frame: record.first_frame,
        last_frame: record.last_frame,
        packets: record.packets.into(),
        bytes: record.bytes.into(),
        payload_bytes: record.payload_bytes.into(),
        outcome: record.outcome.as_str(),
        heard: record.payload_sides().as_str(),
        tcp: tcp_view(record),
        first_response_ns: record.first_response_ns,
        process: process::sides(&flow.processes),
        verdict: Verdict {
            service: verdict.service.map(|s| s.id.as_str()),
            tag: verdict.tag(),
            protocol: verdict.protocol.map(crate::evidence::Protocol::as_str),
            confidence: verdict.confidence.as_str(),
            fit: verdict.fit.as_str(),
            fault: verdict.fault.map(crate::classify::Fault::as_str),
            candidates: verdict.candidates.iter().map(crate::classify::Candidate::id).collect(),
            reasons: verdict
                .reasons
                .iter()
                .map(|r| Reason {
                    fact: &r.fact,
                    value: &r.value,
                    direction: r.direction.map(crate::evidence::Direction::as_str),
                    frame: r.frame,
                })
                .collect(),
        },
    }
}

fn tcp_view(record: &FlowRecord) -> Option<Tcp> {
    Some(Tcp {
        state: record.tcp?.as_str(),
        ended_by: record.ended_by.map(super::super::evidence::Direction::as_str),
        handshake_rtt_ns: record.handshake_ns,
        retransmissions: record.retransmissions.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_document_can_steer_a_terminal() {
        let mut out = Vec::new();
        let text = "a\u{9b}31m\u{7f}\u{202e}\u{e0001}\"\n\x1bä";
        text.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Safe)).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert_eq!(json, r#""a\u009b31m\u007f\u202e\udb40\udc01\"\n\u001bä""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
