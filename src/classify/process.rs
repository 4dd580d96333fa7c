//! What the processes behind the service port add to a verdict.

use std::cmp::Reverse;
use std::sync::Arc;

use super::marks::{MarkedServices, marked_services};
use super::reasons;
use super::verdict::{Candidate, Confidence, Reason, Verdict};
use crate::catalogue::{Catalogue, Origin, Service};
use crate::evidence::{Fact, Protocol};

/// Adds the service that marks on the process facts `facts` name, or else the forms of its
/// processes. It becomes the verdict's `process_service`, whatever the payload proves: the name of a
/// process is not what was spoken. A mark of the user names the service itself, if the payload names
/// none of the user's. The payload outweighs the process: a service that does not speak the protocol
/// of the payload is not added. `silent` means that the flow has no payload at all.
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
    let may_speak = |service: &Service| may_speak(service, verdict.protocol, silent);
    let MarkedServices { best, .. } =
        marked_services(catalogue, facts, explain, |service| may_speak(service));
    let Some((service, reasons)) = best else {
        let by_form = by_form(catalogue, facts, may_speak);
        if let Some((service, fact)) = by_form {
            verdict.process_service = Some(Arc::clone(service));
            verdict.reasons.extend(explain.then(|| Reason {
                direction: None,
                frame: None,
                ..reasons::of_fact(fact)
            }));
        }
        return verdict;
    };
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

/// The service that a process is called after, of those that may speak the protocol; `None` for one
/// that is not recognised. `facts`: those of the process.
#[must_use]
pub fn service_of_process<'c>(
    catalogue: &'c Catalogue,
    protocol: Option<Protocol>,
    facts: &[Fact],
) -> Option<&'c Arc<Service>> {
    let may_speak = |service: &Service| may_speak(service, protocol, false);
    let MarkedServices { best, .. } =
        marked_services(catalogue, facts, false, |service| may_speak(service));
    let best = best.map(|(service, _)| service);
    best.or_else(|| by_form(catalogue, facts, may_speak).map(|(service, _)| service))
}

/// Whether a service may speak the protocol, or none that was recognised: then only if what it
/// speaks is unknown, or if nothing was sent at all (`silent`).
fn may_speak(service: &Service, protocol: Option<Protocol>, silent: bool) -> bool {
    service.wire_unknown || protocol.map_or(silent, |protocol| service.speaks(protocol))
}

/// The service whose processes are called so, and the fact that says it: of several the one of the
/// highest layer, then the one that describes the process most exactly.
fn by_form<'c, 'f>(
    catalogue: &'c Catalogue,
    facts: &'f [Fact],
    may_speak: impl Fn(&Service) -> bool,
) -> Option<(&'c Arc<Service>, &'f Fact)> {
    let fact = |name: &str| facts.iter().find(|fact| fact.name.is(name));
    let text = |name: &str| fact(name).map_or("", |fact| &*fact.value);
    let (name, command) = (text("process.name"), text("process.command"));
    let fits = catalogue
        .services()
        .iter()
        .filter(|service| may_speak(service))
        .filter_map(|service| Some((service, service.process_fit(name, command)?)));
    let (service, fit) = fits.min_by_key(|(service, fit)| (service.layer, Reverse(*fit)))?;
    Some((service, fact(if fit == 0 { "process.name" } else { "process.command" })?))
}
