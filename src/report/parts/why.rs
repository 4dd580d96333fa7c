//! A flow as a line, and the reasons of its verdict: a short sentence for each, and the Wireshark
//! display filter that shows only the frames which they name.

use std::io::{self, Write};

use super::display_filter::{FilterOn, display_filter};
use super::escape::escape;
use super::units::{bytes, duration, plural};
use super::{facts, labels, processes, tenant};
use crate::classify::{Reason, Verdict};
use crate::decode::{Endpoint, Transport};
use crate::evidence::{Direction, Protocol};
use crate::flow::{FlowRecord, IcmpError, Orientation, Outcome, PayloadSides};
use crate::pipeline::JudgedFlow;
use crate::stats::Unanswered;

/// Candidates that are listed at most.
const CANDIDATES: usize = 8;

/// The verb phrase of a fact, which its value follows; `.*` stands for the name of a header, which
/// goes before the value. A fact without an entry is written with its name.
const PHRASES: &[(&str, &str)] = &[
    ("a2a.agent", "calls itself"),
    ("carries", "carries"),
    ("csta.extension", "uses the extension"),
    ("csta.namespace", "writes in the namespace"),
    ("csta.root", "sends the message"),
    ("ftp.greeting", "greets with"),
    ("http.method", "asks with the method"),
    ("http.request-body", "sends a body that has"),
    ("http.request-header.*", "asks with the header"),
    ("http.response-body", "answers with a body that has"),
    ("http.response-header.*", "answers with the header"),
    ("http.response-text", "answers with a text that has"),
    ("http.status", "answers with status"),
    ("http.target", "asks for"),
    ("imap.greeting", "greets with"),
    ("jsonrpc.method", "calls the method"),
    ("mcp.server", "calls itself"),
    ("mcp.tools", "has tools:"),
    ("openai.object", "answers with the object"),
    ("osc.address", "sends to the address"),
    ("osc.framing", "frames its packets as"),
    ("osc.mismatch", "frames with"),
    ("pop3.greeting", "greets with"),
    ("protocol", "speaks"),
    ("quic.alpn", "offers the protocol"),
    ("sip.content-type", "sends a body of type"),
    ("smtp.greeting", "greets with"),
    ("ssh.software", "calls itself"),
    ("tls.alpn", "offers the protocol"),
    ("tls.sni", "asks for the host"),
    ("websocket.text", "says over WebSocket"),
];

/// Writes the line of a flow, and with `why` its reasons and a display filter.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, flow: &JudgedFlow, why: Option<FilterOn>) -> io::Result<()> {
    let JudgedFlow { record, verdict, processes } = flow;
    writeln!(
        out,
        "frame {}  {} {} {} {}{}  {} {}  {} {}, {}",
        record.first_frame,
        record.transport,
        socket_address(record.initiator),
        if record.orientation == Orientation::Guessed { "→?" } else { "→" },
        socket_address(record.responder),
        record.tunnel.map_or_else(String::new, |tunnel| format!(" via {}", tunnel.as_str()))
            + &tenant::label(record.tenant),
        labels::flow_speaker(flow),
        ground(verdict),
        plural(record.packets.sum(), "packet"),
        bytes(record.bytes.sum()),
        outcome_label(record),
    )?;
    let Some(filter_on) = why else { return Ok(()) };
    // `one_sided` names the reason of a flow without payload.
    for reason in
        verdict.reasons.iter().filter(|reason| reason.fact != "port" || reason.frame.is_some())
    {
        writeln!(out, "    {}", sentence(reason))?;
    }
    let lines = [asked_for(flow), one_sided(record), pace(record, verdict)];
    for line in lines.into_iter().flatten() {
        writeln!(out, "    {line}")?;
    }
    for side in [Direction::Responder, Direction::Initiator] {
        if let Some(attribution) = processes.get(side) {
            writeln!(out, "    {}", processes::sentence(side, attribution))?;
        }
    }
    if let Some(line) = candidates(verdict) {
        writeln!(out, "    {line}")?;
    }
    let mut label = "facts: ";
    for line in verdict.facts.iter().flat_map(facts::lines) {
        writeln!(out, "    {label}{line}")?;
        label = "       ";
    }
    if let Some(filter) = display_filter(filter_on, record, &verdict.reasons) {
        writeln!(out, "    Wireshark: {filter}")?;
    }
    Ok(())
}

/// A reason as a sentence.
fn sentence(reason: &Reason) -> String {
    let value = escape(&reason.value);
    let (Some(direction), Some(frame)) = (reason.direction, reason.frame) else {
        return match reason.fact.strip_prefix("process.") {
            Some(what) => format!("the {what} of the process behind the port: {value}"),
            None => format!("{}: {value}", reason.fact.replace('-', " ")),
        };
    };
    let phrase = PHRASES.iter().find_map(|(fact, words)| match fact.strip_suffix('*') {
        Some(stem) => {
            reason.fact.strip_prefix(stem).map(|leaf| format!("{words} {}:", escape(leaf)))
        }
        None => (*fact == reason.fact).then(|| (*words).to_owned()),
    });
    match phrase {
        Some(phrase) => format!("frame {frame}: the {} {phrase} {value}", direction.as_str()),
        None if reason.fact.contains('.') => {
            format!(
                "frame {frame}: the {} states {} = {value}",
                direction.as_str(),
                escape(&reason.fact)
            )
        }
        None if reason.fact == "port" => format!("frame {frame}: {value}"),
        None if reason.fact == "error" => {
            format!("frame {frame}: error: {value}, from the {}", direction.as_str())
        }
        None => format!("frame {frame}: {}: {value}", reason.fact.replace('-', " ")),
    }
}

/// The line for a flow in which not both sides sent payload.
fn one_sided(record: &FlowRecord) -> Option<String> {
    if let Some(IcmpError { frame, kind, .. }) = record.icmp {
        let outcome = record.outcome.as_str();
        return Some(format!("{outcome}: ICMP {}, frame {frame}", kind.as_str()));
    }
    let unseen = |packets: u64| record.transport == Transport::Tcp && packets == 0;
    Some(match record.payload_sides() {
        PayloadSides::Both => return None,
        PayloadSides::Refused => "refused: the responder answered SYN with RST".into(),
        PayloadSides::NoAnswer => format!(
            "no answer: nothing came back to {}",
            plural(record.packets.initiator, "packet")
        ),
        PayloadSides::Unreachable => "unreachable: an ICMP error said so".into(),
        PayloadSides::Nobody => "no data: neither side sent payload".into(),
        PayloadSides::Initiator if unseen(record.packets.responder) => {
            "one-sided: only the initiator's packets were captured".into()
        }
        PayloadSides::Responder if unseen(record.packets.initiator) => {
            "one-sided: only the responder's packets were captured".into()
        }
        PayloadSides::Initiator if record.outcome == Outcome::Sent => {
            "one-sided: no answer is expected".into()
        }
        PayloadSides::Initiator => "one-sided: the responder said nothing".into(),
        PayloadSides::Responder => "one-sided: the initiator said nothing".into(),
    })
}

/// The rate of OSC packets, for flows of a second or more. Over UDP each packet is a message or a
/// bundle; TCP segments have no relation to messages.
fn pace(record: &FlowRecord, verdict: &Verdict) -> Option<String> {
    let seconds = record.duration_ns() as f64 / 1e9;
    if verdict.protocol != Some(Protocol::Osc)
        || record.transport != Transport::Udp
        || seconds < 1.0
    {
        return None;
    }
    let from = |direction: Direction| {
        let packets = record.packets.side(direction);
        (packets > 0).then(|| {
            format!("{:.1} a second from the {}", packets as f64 / seconds, direction.as_str())
        })
    };
    let rates: Vec<_> = Direction::BOTH.into_iter().filter_map(from).collect();
    Some(format!("OSC packets: {}", rates.join(", ")))
}

fn socket_address(endpoint: Endpoint) -> String {
    std::net::SocketAddr::new(endpoint.address, endpoint.port).to_string()
}

/// The ground of the verdict, and the fit, if there is one.
fn ground(verdict: &Verdict) -> String {
    let confidence = verdict.confidence.as_str();
    verdict.fit.map_or_else(
        || format!("[{confidence}]"),
        |fit| format!("[{confidence}, {}]", fit.as_str()),
    )
}

/// What the client asked for, where nothing answered it.
fn asked_for(flow: &JudgedFlow) -> Option<String> {
    let JudgedFlow { record, verdict, .. } = flow;
    let service = verdict.service.as_ref()?;
    Unanswered::new(record, verdict)?;
    Some(format!("asked for {}; nothing answered", escape(&service.name)))
}

/// The candidates by their names.
fn candidates(verdict: &Verdict) -> Option<String> {
    if verdict.service.is_some() || verdict.candidates.is_empty() {
        return None;
    }
    let shown = verdict.candidates.iter().take(CANDIDATES);
    let mut names: Vec<_> = shown.map(|candidate| escape(candidate.name())).collect();
    let more = verdict.candidates.len().saturating_sub(CANDIDATES);
    names.extend((more > 0).then(|| format!("and {more} more")));
    Some(format!("candidates: {}", names.join(", ")))
}

/// How the flow went, and for how long.
fn outcome_label(record: &FlowRecord) -> String {
    let how = match (record.payload_sides(), record.tcp) {
        (PayloadSides::Refused | PayloadSides::Unreachable | PayloadSides::NoAnswer, _)
        | (_, None) => record.outcome.as_str(),
        (_, Some(state)) => state.as_str(),
    };
    format!("{} in {}", how.replace('_', " "), duration(record.duration_ns()))
}
