//! What the processes behind the service port add to a verdict.

use std::sync::Arc;

use super::marks::{MarkedServices, marked_services};
use super::verdict::{Candidate, Confidence, Reason, Verdict};
use crate::catalogue::{Catalogue, Origin, Service};
use crate::evidence::Fact;

/// Adds the service that marks on the process facts `facts` name. It becomes the verdict's
/// `process_service`, whatever the payload proves: the name of a process is not what was spoken. A
/// mark of the user names the service itself, if the payload names none of the user's. The payload
/// outweighs the process: a service that does not speak the protocol of the payload is not added.
/// `silent` means that the flow has no payload at all.
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
    let MarkedServices { best, .. } =
        marked_services(catalogue, facts, explain, |service| is_possible(service));
    let Some((service, reasons)) = best else { return verdict };
    // A fact about a process has no frame.
    let reasons = reasons.into_iter().map(|reason| Reason { frame: None, ..reason });
    let is_users = |service: &Service| service.origin == Origin::User;
    if !is_users(service) {
        verdict.reasons.extend(reasons);
        return Verdict { process_service: Some(Arc::clone(service)), ..verdict };
    }
    if verdict.service.as_deref().is_some_and(is_users) {
        return verdict;
    }
    // The service that the payload names, if any, stays the first candidate.
    let of_payload = verdict.service.take().map(Candidate::Service).into_iter();
    let is_other =
        |candidate: &Candidate| !matches!(candidate, Candidate::Service(s) if s.id == service.id);
    let others = verdict.candidates.iter().filter(|other| is_other(other)).cloned();
    verdict.candidates =
        if of_payload.len() > 0 { of_payload.chain(others).collect() } else { Arc::default() };
    verdict.reasons.splice(0..0, reasons);
    Verdict {
        service: Some(Arc::clone(service)),
        service_name: None,
        process_service: Some(Arc::clone(service)),
        confidence: Confidence::Mark,
        ..verdict
    }
}
