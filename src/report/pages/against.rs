//! The page of `portlore catalogue check --against`: the connections of a capture that services of
//! one's own are named on, each with its proof.

use std::io::{self, Write};

use crate::catalogue::{Mark, Service};
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
            let mut flow = flow.clone();
            flow.verdict.facts = None;
            why::write(out, &flow, Some(FilterOn::Frames))?;
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
                service.marks.iter().try_for_each(|mark| write_missed(out, run, mark))?;
            }
            (false, count) => writeln!(out, "{id}: named on {count} of {total}")?,
        }
    }
    if !all_named {
        writeln!(out, "\nportlore replay --why shows more of what connections state.")?;
    }
    Ok(all_named)
}

/// Writes what a mark asks for, and what the capture has instead: of each fact the first value.
fn write_missed(out: &mut dyn Write, run: &Run, mark: &Mark) -> io::Result<()> {
    writeln!(out, "  the mark in line {} needs", mark.line)?;
    for condition in std::iter::once(&mark.first).chain(&mark.and) {
        let facts = run.flows.iter().filter_map(|flow| flow.verdict.facts.as_ref());
        let found = facts.flat_map(|facts| &facts.first).find(|fact| {
            fact.fact == condition.fact
                && (condition.direction.is_none() || condition.direction == fact.direction)
        });
        let here = match found {
            None => "no connection states it".to_owned(),
            Some(fact) => format!(
                "it is {}{}",
                escape(&fact.value),
                fact.frame.map_or_else(String::new, |frame| format!(" (frame {frame})"))
            ),
        };
        writeln!(out, "    {}: {here}", escape(&condition.to_string()))?;
    }
    Ok(())
}

/// The services that marks name on a flow.
fn named_on(flow: &JudgedFlow) -> impl Iterator<Item = &Service> {
    let verdict = &flow.verdict;
    verdict.service.iter().chain(&verdict.also).map(|service| &**service)
}
