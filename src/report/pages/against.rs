//! The page of `portlore catalogue check --against`: the connections of a capture that services of
//! one's own are named on, each with its proof.

use std::io::{self, Write};

use crate::catalogue::Service;
use crate::pipeline::{JudgedFlow, Run};
use crate::report::escape;
use crate::report::parts::display_filter::FilterOn;
use crate::report::parts::units::plural;
use crate::report::parts::why;

/// Writes each connection on which one of the services is named, with the reasons and their frames,
/// then for each service how many there are. Returns whether every service with marks was named.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, run: &Run, ids: &[String]) -> io::Result<bool> {
    let names = |flow: &JudgedFlow, id: &str| named_on(flow).any(|service| *service.id == *id);
    for flow in &run.flows {
        if ids.iter().any(|id| names(flow, id)) {
            why::write(out, flow, Some(FilterOn::Frames))?;
            for service in &flow.verdict.also {
                writeln!(out, "    also: {}", escape(&service.name))?;
            }
            writeln!(out)?;
        }
    }
    let mut all_named = true;
    let total = plural(run.flows.len() as u64, "connection");
    for service in ids.iter().filter_map(|id| run.catalogue.service(id)) {
        let count = run.flows.iter().filter(|flow| names(flow, &service.id)).count();
        let id = escape(&service.id);
        match (service.marks.is_empty(), count) {
            (true, _) => writeln!(out, "{id}: has no mark, so it is never named")?,
            (false, 0) => {
                all_named = false;
                writeln!(out, "{id}: named on none of {total}")?;
            }
            (false, count) => writeln!(out, "{id}: named on {count} of {total}")?,
        }
    }
    if !all_named {
        writeln!(out, "\nportlore replay --why shows the facts of each connection.")?;
    }
    Ok(all_named)
}

/// The services that marks name on a flow.
fn named_on(flow: &JudgedFlow) -> impl Iterator<Item = &Service> {
    let verdict = &flow.verdict;
    verdict.service.iter().chain(&verdict.also).map(|service| &**service)
}
