//! The beginning of the report: what was read, when, how long it took, what was found, and what is
//! missing.

use std::io::{self, Write};

use crate::flow::Outcome;
use crate::report::parts::inputs::input_names;
use crate::report::parts::layout::{self, wrap};
use crate::report::parts::selection;
use crate::report::parts::units::{self, bytes, count, plural, time_span};
use crate::report::{Report, Style, escape};

/// Writes the sentence on the input, the counts of the result, and a line for each problem and
/// notice.
pub(super) fn write(
    out: &mut dyn Write,
    report: &Report<'_>,
    findings: usize,
    style: Style,
) -> io::Result<()> {
    let sentences =
        [Some(input(report)), selection::sentence(report.run), Some(result(report, findings))];
    for sentence in sentences.into_iter().flatten() {
        wrap(&sentence, style.width).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    for problem in &report.run.problems {
        layout::write_wrapped(out, style, "INCOMPLETE ", &escape(problem), 0)?;
    }
    for notice in &report.run.notices {
        layout::write_wrapped(out, style, "NOTE ", &escape(notice), 0)?;
    }
    Ok(())
}

/// What was read, when it was captured, and how long reading took.
pub(in crate::report) fn input(report: &Report<'_>) -> String {
    let counters = &report.run.counters;
    let inputs = input_names(report.inputs);
    let packets = plural(counters.frames, "packet");
    let mut text = format!("{inputs}: {packets}, {}", bytes(counters.bytes));
    if let Some((first, last)) = counters.seen {
        let when = units::period(first, last, report.show.zone);
        text += &format!(", captured {when} ({})", time_span(last.since(first)));
    }
    if let Some(spent) = report.read_in {
        let spent = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        text += &format!(", read in {}", time_span(spent));
    }
    text
}

/// How many servers, refused and unanswered ports, and findings there are, and where the packets went that are in no table:
/// every packet is counted somewhere.
pub(in crate::report) fn result(report: &Report<'_>, findings: usize) -> String {
    let stats = &report.run.stats;
    let mut failed = [0_usize; 3];
    for port in stats.ports.values() {
        // A port counts once, by the clearest answer that it gave.
        let outcomes = [Outcome::Refused, Outcome::Unreachable, Outcome::NoAnswer];
        if let Some(at) = outcomes.iter().position(|&way| port.all.outcomes[way as usize] > 0) {
            failed[at] += 1;
        }
    }
    let [refused, unreachable, unanswered] = failed;
    let failed = [
        (refused, "refused port"),
        (unreachable, "unreachable port"),
        (unanswered, "unanswered port"),
    ];
    let counts = [(stats.servers.count(), "server")]
        .into_iter()
        .chain(failed.into_iter().filter(|(n, _)| *n > 0))
        .chain([(findings, "finding")]);
    let texts: Vec<_> = counts.map(|(n, one)| plural(n as u64, one)).collect();
    let mut text = texts.join(", ");
    let counters = &report.run.counters;
    let skipped: u64 = counters.skipped().map(|(_, n)| n).sum();
    if skipped > 0 {
        let reasons: Vec<_> = counters
            .skipped()
            .map(|(reason, n)| format!("{} {}", count(n), reason.words()))
            .collect();
        let packets = plural(skipped, "packet");
        text += &format!("; {packets} not analysed ({})", reasons.join(", "));
    }
    let drops = report.run.drops;
    let queue = counters.queue;
    if drops.kernel + drops.interface + queue > 0 {
        let dropped = units::drops([drops.kernel, drops.interface, queue]);
        text += &format!("; DROPPED: {dropped}");
    } else {
        text += "; no packets dropped";
    }
    if report.run.evicted > 0 {
        text += &format!(
            "; {} no longer tracked (--max-flows)",
            plural(report.run.evicted, "connection")
        );
    }
    text
}
