//! What the processes behind the service port add to a verdict.

use std::sync::Arc;

use super::marks::marked_services;
use super::verdict::{Candidate, Confidence, Reason, Verdict};
use crate::catalogue::{Catalogue, Origin, Service};
use crate::evidence::Fact;

/// Adds the service that marks on the process facts `facts` name, if the payload names none; a mark
/// of the user outweighs a shipped mark here too. The payload outweighs the process: a service that
/// does not speak the protocol of the payload is not added. `silent` means that the flow has no
/// payload at all.
#[must_use]
pub fn add_process_facts(
    catalogue: &Catalogue,
    mut verdict: Verdict,
    silent: bool,
    facts: &[Fact],
    explain: bool,
) -> Verdict {
    if facts.is_empty() {
        return verdict;
    }
    let is_possible = |service: &Service| match verdict.protocol {
        Some(protocol) => service.wire_unknown || service.speaks(protocol),
        None => silent || service.wire_unknown,
    };
    let Some((service, reasons)) = marked_services(catalogue, facts, explain)
        .into_iter()
        .find(|(service, _)| is_possible(service))
    else {
        return verdict;
    };
    let is_outranked =
        |known: &Service| known.origin <= service.origin || service.origin != Origin::User;
    if verdict.service.as_deref().is_some_and(is_outranked) {
        return verdict;
    }
    verdict.candidates.retain(
        |candidate| !matches!(candidate, Candidate::Service(other) if other.id == service.id),
    );
    if let Some(other) = verdict.service {
        verdict.candidates.insert(0, Candidate::Service(other));
    } else {
        verdict.candidates.clear();
    }
    // A fact about a process has no frame.
    let reasons = reasons.into_iter().map(|reason| Reason { frame: None, ..reason });
    verdict.reasons.splice(0..0, reasons);
    Verdict { service: Some(Arc::clone(service)), confidence: Confidence::Mark, ..verdict }
}
