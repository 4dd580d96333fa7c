//! A flow as a line, and what the words and signs in such lines mean.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::layout::{Style, Tone, write_wrapped};
use super::units::{bytes, plural, time_span};
use super::{labels, tenant};
use crate::classify::{Confidence, Fit, Verdict};
use crate::flow::{FlowRecord, Orientation, Outcome, PayloadSides, TcpState};
use crate::pipeline::JudgedFlow;

/// Blanks before what is written below the first line of a flow.
pub(super) const INDENT: &str = "    ";
/// The place of who speaks among the parts of a flow's line.
const SPEAKER: usize = 2;

/// Writes the line; in a terminal that is too narrow for it, in parts below each other.
///
/// # Errors
/// If `out` cannot be written.
pub(in crate::report) fn write(
    out: &mut dyn Write,
    flow: &JudgedFlow,
    style: Style,
) -> io::Result<()> {
    let tone = labels::flow_tone(flow);
    let parts = parts(flow);
    let mut column = 0;
    for (i, part) in parts.iter().enumerate() {
        let width = part.width();
        if i > 0 && style.wraps && column + 2 + width > style.width {
            write!(out, "\n{INDENT}")?;
            column = INDENT.len();
        } else if i > 0 {
            write!(out, "  ")?;
            column += 2;
        }
        column += width;
        let tone = if i == SPEAKER { tone } else { Tone::Plain };
        write!(out, "{}", tone.paint(part, style))?;
    }
    writeln!(out)
}

/// What the line consists of: the frame, the ends, who speaks and on what ground, and how much for how
/// long; escaped.
pub(in crate::report) fn parts(flow: &JudgedFlow) -> [String; 4] {
    let JudgedFlow { record, verdict, .. } = flow;
    let tunnel =
        record.tunnel.map_or_else(String::new, |tunnel| format!(" via {}", tunnel.as_str()));
    [
        format!("frame {}", record.first_frame),
        format!(
            "{} {} {} {}{tunnel}{}",
            record.transport,
            record.initiator,
            labels::arrow(record),
            record.responder,
            tenant::label(record.tenant)
        ),
        format!("{} {}", labels::flow_speaker(flow).as_str(), ground(verdict)),
        format!(
            "{}, {}, {}",
            plural(record.packets.sum(), "packet"),
            bytes(record.bytes.sum()),
            outcome_label(record)
        ),
    ]
}

/// Writes what the words and signs in the lines of `flows` mean: only those that stand there.
///
/// # Errors
/// If `out` cannot be written.
pub(in crate::report) fn write_legend(
    out: &mut dyn Write,
    flows: &[JudgedFlow],
    style: Style,
) -> io::Result<()> {
    let any = |is_it: &dyn Fn(&JudgedFlow) -> bool| flows.iter().any(is_it);
    let grounds = CONFIDENCES
        .iter()
        .filter(|(confidence, _)| any(&|flow| flow.verdict.confidence == *confidence));
    let fits = FITS.iter().filter(|(fit, _)| any(&|flow| flow.verdict.fit == Some(*fit)));
    let guess = any(&|flow| flow.record.orientation == Orientation::Guessed);
    let guess = guess.then_some(("→?", "which side is the client is a guess"));
    let lines: Vec<(&str, &str)> = grounds
        .map(|(confidence, meaning)| (confidence.as_str(), *meaning))
        .chain(fits.map(|(fit, meaning)| (fit.as_str(), *meaning)))
        .chain(guess)
        .collect();
    let widest = lines.iter().map(|(word, _)| word.width()).max().unwrap_or(0);
    for (word, meaning) in lines {
        let blanks = " ".repeat(widest - word.width() + 2);
        write_wrapped(out, style, &format!("{word}{blanks}"), meaning, 0)?;
    }
    Ok(())
}

const CONFIDENCES: [(Confidence, &str); 4] = [
    (Confidence::Mark, "the bytes name the service"),
    (Confidence::Protocol, "the bytes show the protocol"),
    (Confidence::Port, "only the port number suggests what this could be"),
    (Confidence::Unknown, "neither the port nor a known protocol says what this is"),
];

const FITS: [(Fit, &str); 3] = [
    (Fit::Agrees, "a service that is known to use the port speaks this"),
    (Fit::Unclaimed, "no service is known to use the port"),
    (Fit::Contradicts, "the services that are known to use the port speak something else"),
];

/// The ground of the verdict, and the fit, if there is one.
fn ground(verdict: &Verdict) -> String {
    let confidence = verdict.confidence.as_str();
    verdict.fit.map_or_else(
        || format!("[{confidence}]"),
        |fit| format!("[{confidence}, {}]", fit.as_str()),
    )
}

/// How the flow went, and for how long.
fn outcome_label(record: &FlowRecord) -> String {
    let (how, link) = match (record.payload_sides(), record.tcp) {
        (PayloadSides::Refused, _) => ("refused", " after "),
        (PayloadSides::Unreachable, _) => ("unreachable", " after "),
        (PayloadSides::NoAnswer, _) => ("unanswered", " for "),
        (_, None) => match record.outcome {
            Outcome::NoAnswer => ("unanswered", " for "),
            Outcome::Refused => ("refused", " after "),
            Outcome::Sent => ("sent", " over "),
            other => (other.as_str(), ", lasted "),
        },
        (_, Some(TcpState::SynSent | TcpState::SynReceived)) => ("incomplete handshake", " over "),
        (_, Some(TcpState::Established)) => ("still open", " after "),
        (_, Some(TcpState::Midstream)) => ("already open at the start", ", seen for "),
        (_, Some(state)) => (state.as_str(), " after "),
    };
    match record.duration_ns() {
        0 => how.to_owned(),
        ns => format!("{how}{link}{}", time_span(ns)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{self, Options};

    #[test]
    fn the_legend_explains_what_stands_in_the_lines_and_nothing_else() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/showcase.pcap");
        let catalogue = crate::catalogue::Catalogue::shipped().unwrap();
        let options = Options { keep_flows: true, ..Options::replay() };
        let mut files = crate::source::Files::open(&[path]).unwrap();
        let run = pipeline::run(&mut files, None, &catalogue, &options, None).unwrap();
        let legend = |flows: &[JudgedFlow]| {
            let mut text = Vec::new();
            write_legend(&mut text, flows, Style::default()).unwrap();
            let text = String::from_utf8(text).unwrap();
            text.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
        };
        let words: Vec<String> = legend(&run.flows);
        assert_eq!(words, ["mark", "protocol", "port", "agrees", "contradicts", "→?"]);
        let marked = |flow: &&JudgedFlow| flow.verdict.confidence == Confidence::Mark;
        let first: Vec<String> =
            legend(&run.flows.iter().filter(marked).take(1).cloned().collect::<Vec<_>>());
        assert_eq!(first, ["mark", "agrees"]);
    }
}
