//! A flow as a line, and the reasons of its verdict: a short sentence for each, and the Wireshark
//! display filter that shows only the frames which they name.

use std::io::{self, Write};

use super::display_filter::{FilterOn, display_filter};
use super::escape::escape;
use super::flow_line::{self, INDENT};
use super::frames::frame_text;
use super::layout::{Style, write_wrapped};
use super::units::plural;
use super::{facts, labels, processes};
use crate::classify::{Reason, Verdict};
use crate::decode::Transport;
use crate::evidence::{Direction, Protocol};
use crate::flow::{FlowRecord, IcmpError, Outcome, PayloadSides};
use crate::pipeline::JudgedFlow;
use crate::source::FrameFiles;
use crate::stats::Unanswered;

/// Candidates that are listed at most.
const CANDIDATES: usize = 8;

/// The verb phrase of a fact, which its value follows; `.*` stands for the name of a header, which
/// stands before the value. A fact without an entry is written with its name.
const PHRASES: &[(&str, &str)] = &[
    ("a2a.agent", "identifies itself as"),
    ("carries", "carries"),
    ("csta.extension", "uses the extension"),
    ("csta.namespace", "uses the namespace"),
    ("csta.root", "sends the message"),
    ("ftp.greeting", "greets with"),
    ("http.method", "uses the method"),
    ("http.request-body", "sends a body containing"),
    ("http.request-header.*", "sends the header"),
    ("http.response-body", "answers with a body containing"),
    ("http.response-header.*", "sends the header"),
    ("http.response-text", "answers with a text containing"),
    ("http.status", "answers with status"),
    ("http.target", "requests"),
    ("imap.greeting", "greets with"),
    ("jsonrpc.method", "calls the method"),
    ("mcp.server", "identifies itself as"),
    ("mcp.tools", "has tools:"),
    ("openai.object", "answers with the object"),
    ("osc.address", "sends a message to"),
    ("pop3.greeting", "greets with"),
    ("quic.alpn", "offers the ALPN protocol"),
    ("sip.content-type", "sends a body of type"),
    ("smtp.greeting", "greets with"),
    ("ssh.software", "identifies itself as"),
    ("tls.alpn", "offers the ALPN protocol"),
    ("tls.sni", "requests the host"),
    ("websocket.text", "sends over WebSocket"),
];

/// Writes the line of a flow, and with `why` its reasons and a display filter.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, flow: &JudgedFlow, why: Option<FilterOn>) -> io::Result<()> {
    write_styled(out, flow, why, Style::default())
}

/// The same in a style, with the tone that the table has for who speaks.
///
/// # Errors
/// If `out` cannot be written.
pub(in crate::report) fn write_styled(
    out: &mut dyn Write,
    flow: &JudgedFlow,
    why: Option<FilterOn>,
    style: Style,
) -> io::Result<()> {
    let verdict = &flow.verdict;
    flow_line::write(out, flow, style)?;
    let Some(filter_on) = why else { return Ok(()) };
    sentences(flow).iter().try_for_each(|line| write_below(out, "", line, style))?;
    let labels = std::iter::once(FACTS).chain(std::iter::repeat(BLANKS));
    for (label, line) in labels.zip(verdict.facts.iter().flat_map(facts::lines)) {
        write_below(out, label, &line, style)?;
    }
    // In one piece, to be copied. A file alone has none of the stream's numbers.
    let filter_on = flow.files.as_ref().map_or(filter_on, |_| FilterOn::Conversation);
    if let Some(filter) = display_filter(filter_on, &flow.record, &verdict.reasons) {
        writeln!(out, "{INDENT}Wireshark: {filter}")?;
    }
    Ok(())
}

/// What a verdict rests on, a sentence each; escaped.
pub(in crate::report) fn sentences(flow: &JudgedFlow) -> Vec<String> {
    let JudgedFlow { record, verdict, processes, files } = flow;
    // `one_sided` names the reason of a flow without payload.
    let reasons =
        verdict.reasons.iter().filter(|reason| reason.fact != "port" || reason.frame.is_some());
    let lines = [asked_for(flow), one_sided(record, files.as_ref()), pace(record, verdict)];
    let lines = lines.into_iter().flatten().chain(processes::sentences(processes));
    reasons
        .map(|reason| sentence(reason, files.as_ref()))
        .chain(lines)
        .chain(candidates(verdict))
        .collect()
}

/// Before the first line of facts, and before the others.
const FACTS: &str = "facts: ";
const BLANKS: &str = "       ";

/// Writes a sentence below the line of a flow.
fn write_below(out: &mut dyn Write, label: &str, text: &str, style: Style) -> io::Result<()> {
    write_wrapped(out, style, &format!("{INDENT}{label}"), text, 2)
}

/// A reason as a sentence; its frame may be in one of several files.
fn sentence(reason: &Reason, files: Option<&FrameFiles>) -> String {
    let value = escape(&reason.value);
    let (Some(direction), Some(frame)) = (reason.direction, reason.frame) else {
        return match reason.fact.strip_prefix("process.") {
            Some(what) => format!("{what} of the server process: {value}"),
            None if reason.fact == "expected" => format!("expected {value}"),
            None => format!("{}: {value}", reason.fact.replace('-', " ")),
        };
    };
    let frame = frame_text(files, frame);
    let side = direction.name();
    match &*reason.fact {
        "protocol" => return format!("{frame}: the {side} speaks {}", protocol(&value)),
        "carries" => return format!("{frame}: it carries {}", protocol(&value)),
        "osc.framing" => return format!("{frame}: the {side} {}", framing(&value)),
        "osc.mismatch" => return format!("{frame}: {}", mismatch(direction, &value)),
        "port" => return format!("{frame}: {value}"),
        "error" => return format!("{frame}: the {side} reports an error: {value}"),
        _ => {}
    }
    let phrase = PHRASES.iter().find_map(|(fact, words)| match fact.strip_suffix('*') {
        Some(stem) => {
            reason.fact.strip_prefix(stem).map(|leaf| format!("{words} {}:", escape(leaf)))
        }
        None => (*fact == reason.fact).then(|| (*words).to_owned()),
    });
    match phrase {
        Some(phrase) => format!("{frame}: the {side} {phrase} {value}"),
        None if reason.fact.contains('.') => {
            format!("{frame}: the {side} sends {} = {value}", escape(&reason.fact))
        }
        None => format!("{frame}: {}: {value}", reason.fact.replace('-', " ")),
    }
}

/// A protocol and the fact that shows it, as in `tls: tls.version = 1.3`, for people:
/// `TLS (tls.version = 1.3)`.
fn protocol(value: &str) -> String {
    let (id, fact) = value.split_once(": ").unwrap_or((value, ""));
    let name = Protocol::from_id(id).map_or_else(|| id.to_owned(), Protocol::name);
    if fact.is_empty() { name } else { format!("{name} ({fact})") }
}

/// What a side does that frames its OSC packets so.
fn framing(value: &str) -> String {
    match value {
        "datagram" => "sends OSC in UDP datagrams".to_owned(),
        "none" => "sends OSC without framing".to_owned(),
        other => format!("frames OSC with {}", labels::framed(other)),
    }
}

/// What is wrong where the sides frame OSC differently, or one of them not at all.
fn mismatch(direction: Direction, value: &str) -> String {
    let side = direction.name();
    match value.split_once(", the other side ") {
        Some((own, other)) => format!(
            "framing mismatch: the {side} frames OSC with {}, the {} with {}",
            labels::framed(own),
            direction.opposite().name(),
            labels::framed(other)
        ),
        None => format!("framing mismatch: the {side} frames OSC with {value}"),
    }
}

/// The line for a flow in which not both sides sent payload.
fn one_sided(record: &FlowRecord, files: Option<&FrameFiles>) -> Option<String> {
    if let Some(IcmpError { frame, kind, .. }) = record.icmp {
        let outcome = record.outcome.as_str();
        return Some(format!("{outcome}: ICMP {} ({})", kind.as_str(), frame_text(files, frame)));
    }
    let unseen = |packets: u64| record.transport == Transport::Tcp && packets == 0;
    Some(match record.payload_sides() {
        PayloadSides::Both => return None,
        PayloadSides::Refused => "refused: the server answered the SYN with RST".into(),
        PayloadSides::NoAnswer => format!(
            "no answer: the client sent {} and got none back",
            plural(record.packets.initiator, "packet")
        ),
        PayloadSides::Unreachable => "unreachable: reported by an ICMP error".into(),
        PayloadSides::Nobody => "no data: neither side sent any payload".into(),
        PayloadSides::Initiator if unseen(record.packets.responder) => {
            "one-sided: only the client's packets were captured".into()
        }
        PayloadSides::Responder if unseen(record.packets.initiator) => {
            "one-sided: only the server's packets were captured".into()
        }
        PayloadSides::Initiator if record.outcome == Outcome::Sent => {
            "one-way: no answer is expected".into()
        }
        PayloadSides::Initiator => "one-sided: the server sent no data".into(),
        PayloadSides::Responder => "one-sided: the client sent no data".into(),
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
            format!("{:.1} packets/s from the {}", packets as f64 / seconds, direction.name())
        })
    };
    let rates: Vec<_> = Direction::BOTH.into_iter().filter_map(from).collect();
    Some(format!("OSC rate: {}", rates.join(", ")))
}

/// What the client asked for, where nothing answered it.
fn asked_for(flow: &JudgedFlow) -> Option<String> {
    let JudgedFlow { record, verdict, .. } = flow;
    let service = verdict.service.as_ref()?;
    Unanswered::new(record, verdict)?;
    Some(format!("the client asked for {}; nothing answered", escape(&service.name)))
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

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::classify::Fit;
    use crate::pipeline::{self, Options, Run};

    fn run(capture: &str) -> Run {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(capture);
        let catalogue = crate::catalogue::Catalogue::shipped().unwrap();
        let options = Options { keep_flows: true, ..Options::replay() };
        let mut files = crate::source::Files::open(&[path]).unwrap();
        pipeline::run(&mut files, None, &catalogue, &options, None).unwrap()
    }

    fn line(flow: &JudgedFlow, colour: bool) -> String {
        let mut text = Vec::new();
        write_styled(&mut text, flow, None, Style { colour, ..Style::default() }).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn in_a_terminal_only_the_filter_is_wider_than_the_screen() {
        let run = run("fixtures/showcase.pcap");
        for width in [60, 80, 100] {
            let style = Style { width, wraps: true, ..Style::default() };
            let mut text = Vec::new();
            for flow in &run.flows {
                write_styled(&mut text, flow, Some(FilterOn::Frames), style).unwrap();
            }
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("frame 1  tcp "), "{text}");
            for line in text.lines().filter(|line| !line.starts_with("    Wireshark: ")) {
                let is_one_word = line.trim().split(' ').count() == 1;
                assert!(line.width() <= width || is_one_word, "{width}: {line}");
            }
        }
    }

    #[test]
    fn in_a_pipe_each_flow_and_each_sentence_has_one_line() {
        let run = run("fixtures/showcase.pcap");
        for flow in &run.flows {
            assert_eq!(line(flow, false).lines().count(), 1);
        }
    }

    #[test]
    fn who_speaks_has_the_colour_of_the_table() {
        let (showcase, odd) = (run("fixtures/showcase.pcap"), run("fixtures/mqtt-3002.pcap"));
        let coloured = |run: &Run, is_it: &dyn Fn(&Verdict) -> bool| {
            let flow = run.flows.iter().find(|flow| is_it(&flow.verdict)).unwrap();
            assert!(!line(flow, false).contains('\x1b'));
            line(flow, true)
        };
        let mark = coloured(&showcase, &|v| v.service.is_some());
        assert!(mark.contains("\x1b[32m"), "green: {mark}");
        let port = coloured(&showcase, &|v| v.protocol.is_none());
        assert!(port.contains("\x1b[2m"), "faint: {port}");
        let contradiction = coloured(&odd, &|v| v.fit == Some(Fit::Contradicts));
        assert!(contradiction.contains("\x1b[1;31m"), "red: {contradiction}");
    }
}
