//! The page of `portlore catalogue check --against`: the connections of a capture in which services
//! of one's own are recognised, each with its proof.

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
            (true, _) => writeln!(out, "{id}: never recognised, because it has no mark")?,
            (false, 0) => {
                all_named = false;
                writeln!(out, "{id}: not recognised in any of {total}")?;
                service.marks.iter().try_for_each(|mark| write_missed(out, run, mark))?;
            }
            (false, count) => writeln!(out, "{id}: recognised in {count} of {total}")?,
        }
    }
    if !all_named {
        writeln!(out, "\nTo see more of the facts in each connection, run portlore replay --why.")?;
    }
    Ok(all_named)
}

/// Writes what a mark expects, and what the capture has instead: of each fact the first value.
fn write_missed(out: &mut dyn Write, run: &Run, mark: &Mark) -> io::Result<()> {
    let subjects = std::iter::once(format!("the mark on line {} expects", mark.line))
        .chain(std::iter::repeat("and".to_owned()));
    for (subject, condition) in subjects.zip(std::iter::once(&mark.first).chain(&mark.and)) {
        let facts = run.flows.iter().filter_map(|flow| flow.verdict.facts.as_ref());
        let found = facts.flat_map(|facts| &facts.first).find(|fact| {
            fact.fact == condition.fact
                && (condition.direction.is_none() || condition.direction == fact.direction)
        });
        let here = match found {
            None => "no connection has this fact".to_owned(),
            Some(fact) => {
                let who = fact.frame.map_or("a connection".to_owned(), |n| format!("frame {n}"));
                format!("{who} has '{}'", escape(&fact.value))
            }
        };
        writeln!(out, "  {subject} {}; {here}", escape(&condition.expectation()))?;
    }
    Ok(())
}

/// The services that marks name on a flow.
fn named_on(flow: &JudgedFlow) -> impl Iterator<Item = &Service> {
    let verdict = &flow.verdict;
    verdict.service.iter().chain(&verdict.also).map(|service| &**service)
}
