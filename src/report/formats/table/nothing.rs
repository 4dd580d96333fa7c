//! What stands in place of the ports where there are none.

use std::io::{self, Write};

use crate::decode::Skip;
use crate::report::parts::layout::wrap;
use crate::report::parts::units::count;
use crate::report::{Report, Style, escape};

/// The sentence where there was nothing that has ports.
const NO_PORTS: &str = "No TCP or UDP packets were seen.";

/// The sentence where `--where` selected nothing.
const NO_FLOWS: &str = "No connection matches --where.";

/// Writes why there are no ports.
pub(super) fn write(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    wrap(&sentence(report), style.width).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Whether the filter or the time window left nothing, or no packet had a port.
fn sentence(report: &Report<'_>) -> String {
    let counters = &report.run.counters;
    let [filtered, outside] = [Skip::Filtered, Skip::OutsideTime].map(|r| counters.skipped_for(r));
    let filter = report.filter.map(|filter| format!("the filter \"{}\"", escape(filter)));
    let options = match (report.window.since, report.window.until) {
        (Some(_), None) => "--since",
        (None, Some(_)) => "--until",
        _ => "--since and --until",
    };
    let read = match counters.frames {
        1 => "1 packet was read".to_owned(),
        frames => format!("{} packets were read", count(frames)),
    };
    match filter {
        _ if counters.frames == 0 && filter.is_none() => "There are no packets.".into(),
        _ if report.run.selected.as_ref().is_some_and(|flows| flows.seen > 0) => NO_FLOWS.into(),
        _ if counters.selected() > 0 => NO_PORTS.into(),
        // Where the kernel filters, the others are not even read.
        Some(filter) if counters.frames == 0 => format!("No packet matched {filter}."),
        Some(filter) if outside == 0 => format!("No packet matched {filter}: {read}."),
        _ if counters.frames == 0 => NO_PORTS.into(),
        Some(filter) if filtered > 0 => format!(
            "No packet matched: {read}, of which {} outside {options}; {filter} excluded the rest.",
            match outside {
                1 => "1 was".to_owned(),
                outside => format!("{} were", count(outside)),
            }
        ),
        _ => {
            let when = match options {
                "--since" => "at or after --since",
                "--until" => "before --until",
                _ => "between --since and --until",
            };
            match counters.frames {
                1 => format!("The only packet is not {when}."),
                frames => format!("None of the {} packets is {when}.", count(frames)),
            }
        }
    }
}
