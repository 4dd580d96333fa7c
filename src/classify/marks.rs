//! The services that marks name, given the facts of a flow or of a process.

use std::cmp::Reverse;
use std::fmt::Write;
use std::sync::Arc;

use super::reasons;
use super::verdict::Reason;
use crate::catalogue::{Catalogue, Mark, Origin, Service};
use crate::evidence::{Direction, Fact};

/// A service that marks name.
struct MarkedService<'a> {
    service: &'a Arc<Service>,
    /// The distinct marks that hold.
    marks: Vec<&'a Mark>,
    /// Whether the responder sent a fact that fulfils one of the marks.
    by_responder: bool,
    reasons: Vec<Reason>,
}

/// The number of the frame that proves a service: that of the first reason of its first mark that
/// holds. `None` if none of its own marks does.
#[must_use]
pub fn mark_frame(catalogue: &Catalogue, service: &Service, facts: &[Fact]) -> Option<u64> {
    facts.iter().find_map(|fact| {
        let name = fact.name.to_string();
        let mut marks = catalogue.marks_on(&name).filter(|(other, _)| other.id == service.id);
        marks.find_map(|(_, mark)| {
            let proof = mark.proof(fact, facts)?;
            proof.first().and_then(|fact| reasons::of_mark(fact, mark).frame)
        })
    })
}

/// The services that marks name, the best first, each with the reasons of its first mark, which are
/// empty unless `explain` is set. A service that another one builds on is left out.
pub(super) fn marked_services<'a>(
    catalogue: &'a Catalogue,
    facts: &[Fact],
    explain: bool,
) -> Vec<(&'a Arc<Service>, Vec<Reason>)> {
    let mut found: Vec<MarkedService<'a>> = Vec::new();
    // One buffer for the names of all facts: a conversation can have hundreds.
    let mut name = String::new();
    for fact in facts {
        name.clear();
        // Writing to a string cannot fail.
        let _ = write!(name, "{}", fact.name);
        for (service, mark) in catalogue.marks_on(&name) {
            let Some(proof) = mark.proof(fact, facts) else { continue };
            let by_responder = proof.iter().any(|fact| fact.direction == Direction::Responder);
            let known = found.iter_mut().find(|marked| marked.service.id == service.id);
            if let Some(marked) = known {
                marked.by_responder |= by_responder;
                if !marked.marks.contains(&mark) {
                    marked.marks.push(mark);
                }
            } else {
                let reasons = if explain {
                    proof.into_iter().map(|fact| reasons::of_mark(fact, mark)).collect()
                } else {
                    Vec::new()
                };
                found.push(MarkedService { service, marks: vec![mark], by_responder, reasons });
            }
        }
    }
    let services: Vec<_> = found.iter().map(|marked| marked.service).collect();
    found.retain(|marked| {
        !services.iter().any(|other| catalogue.builds_on(other, &marked.service.id))
    });
    // What a server states of itself outweighs what a client expects of it. The sort is stable:
    // among equals the service whose mark held first comes first.
    found.sort_by_key(|marked| {
        (marked.service.origin != Origin::User, !marked.by_responder, Reverse(marked.marks.len()))
    });
    found.into_iter().map(|marked| (marked.service, marked.reasons)).collect()
}
