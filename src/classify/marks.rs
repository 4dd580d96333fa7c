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
    /// The name that the first of these marks takes from what it matches.
    name: Option<String>,
    reasons: Vec<Reason>,
}

/// The number of the frame that proves a service: that of the first reason of its first mark that
/// holds. `None` if none of its own marks does.
#[must_use]
pub fn mark_frame(service: &Service, facts: &[Fact]) -> Option<u64> {
    facts.iter().find_map(|fact| {
        service.marks.iter().find_map(|mark| {
            let proof = mark.proof(fact, facts)?;
            proof.first().and_then(|fact| reasons::of_mark(fact, mark).frame)
        })
    })
}

/// The services that marks name.
#[derive(Default)]
pub(super) struct MarkedServices<'a> {
    /// The service of the highest layer, with the reasons of its first mark, or of the first that
    /// gives a name, which are empty without explanation, and those of the services of `also`.
    pub(super) best: Option<(&'a Arc<Service>, Vec<Reason>)>,
    /// The name that a mark of that service takes from what it matches.
    pub(super) name: Option<String>,
    /// One service of each other layer, the highest first.
    pub(super) also: Vec<Arc<Service>>,
    /// Those that lose against another one of their layer, the best first.
    pub(super) others: Vec<&'a Arc<Service>>,
}

/// The services that marks name, if they satisfy `is_possible`. A service that another one builds
/// on is left out.
///
/// The user's services come first. What a server states of itself outweighs what a client expects
/// of it, then the highest layer comes first: what runs on a server, rather than the server. Within
/// a layer the number of marks decides.
pub(super) fn marked_services<'a>(
    catalogue: &'a Catalogue,
    facts: &[Fact],
    explain: bool,
    is_possible: impl Fn(&Service) -> bool,
) -> MarkedServices<'a> {
    let mut found: Vec<MarkedService<'a>> = Vec::new();
    // One room for all facts: a conversation can have hundreds.
    let (mut name, mut places) = (String::new(), Vec::new());
    for fact in facts {
        name.clear();
        // Writing to a string cannot fail.
        let _ = write!(name, "{}", fact.name);
        for (service, mark) in catalogue.marks_for(&name, &fact.value, &mut places) {
            let Some(proof) = mark.proof(fact, facts) else { continue };
            let by_responder = proof.iter().any(|fact| fact.direction == Direction::Responder);
            let reasons = |proof: Vec<&Fact>| -> Vec<Reason> {
                let explained = proof.into_iter().filter(|_| explain);
                explained.map(|fact| reasons::of_mark(fact, mark)).collect()
            };
            let known = found.iter_mut().find(|marked| marked.service.id == service.id);
            if let Some(marked) = known {
                marked.by_responder |= by_responder;
                if marked.name.is_none() {
                    marked.name = mark.service_name(fact);
                    // The reasons show where the name stands.
                    if marked.name.is_some() {
                        marked.reasons = reasons(proof);
                    }
                }
                if !marked.marks.contains(&mark) {
                    marked.marks.push(mark);
                }
            } else {
                let (name, marks, reasons) = (mark.service_name(fact), vec![mark], reasons(proof));
                found.push(MarkedService { service, marks, by_responder, name, reasons });
            }
        }
    }
    found.retain(|marked| is_possible(marked.service));
    let services: Vec<_> = found.iter().map(|marked| marked.service).collect();
    found.retain(|marked| {
        !services.iter().any(|other| catalogue.builds_on(other, &marked.service.id))
    });
    // The sort is stable: among equals the service whose mark held first comes first.
    found.sort_by_key(|marked| {
        let MarkedService { service, marks, by_responder, .. } = marked;
        (service.origin != Origin::User, !by_responder, service.layer, Reverse(marks.len()))
    });
    by_layer(found)
}

/// Divides services that are sorted, the best first.
fn by_layer(found: Vec<MarkedService<'_>>) -> MarkedServices<'_> {
    let mut found = found.into_iter();
    let Some(best) = found.next() else { return MarkedServices::default() };
    let (mut reasons, name) = (best.reasons, best.name);
    let mut also: Vec<&Arc<Service>> = Vec::new();
    let mut others = Vec::new();
    for marked in found {
        let layer = marked.service.layer;
        // What only the client expects is no proof beside what the server states.
        let is_as_good = marked.by_responder || !best.by_responder;
        let is_taken =
            layer == best.service.layer || also.iter().any(|service| service.layer == layer);
        if is_taken || !is_as_good {
            others.push(marked.service);
        } else {
            also.push(marked.service);
            reasons.extend(marked.reasons);
        }
    }
    also.sort_by_key(|service| service.layer);
    let also = also.into_iter().map(Arc::clone).collect();
    MarkedServices { best: Some((best.service, reasons)), name, also, others }
}
