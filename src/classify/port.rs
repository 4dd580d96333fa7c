//! The verdict by the port alone: the payload is of no known protocol, or there is none.

use std::sync::Arc;

use super::reasons;
use super::verdict::{Candidate, Confidence, Fit, Verdict};
use crate::catalogue::{Catalogue, Service};
use crate::decode::ServicePort;
use crate::evidence::Evidence;

/// The candidates that a verdict keeps: without explanation only the first is ever shown.
pub(super) const fn max_candidates(explain: bool) -> usize {
    if explain { usize::MAX } else { 1 }
}

/// The candidates are the claimants that the payload does not rule out, then the registry's other
/// names.
pub(super) fn by_port(
    catalogue: &Catalogue,
    port: ServicePort,
    evidence: Option<&Evidence>,
    explain: bool,
) -> Verdict {
    let is_possible =
        |service: &&Arc<Service>| evidence.is_none_or(|e| service.remains_possible(e.ruled_out));
    let possible = catalogue.claimants(port).filter(is_possible).take(max_candidates(explain));
    let mut candidates: Vec<_> =
        possible.map(|service| Candidate::Service(Arc::clone(service))).collect();
    let is_claimed = |name: &str| {
        catalogue.claims_on(port).any(|(_, claim)| claim.registry.as_deref() == Some(name))
    };
    let others = catalogue.registry.names(port).filter(|name| !is_claimed(name));
    let others = others.map(Candidate::Registered);
    candidates.extend(others.take(max_candidates(explain).saturating_sub(candidates.len())));
    // A registered name whose protocol is not known stays a candidate, and contradicts nothing.
    let fit = match (catalogue.claimants(port).next(), candidates.is_empty()) {
        (None, _) => Fit::Unclaimed,
        (Some(_), true) => Fit::Contradicts,
        (Some(_), false) => Fit::Agrees,
    };
    let confidence = if candidates.is_empty() { Confidence::Unknown } else { Confidence::Port };
    let reasons = if explain {
        let ruled_out: Vec<_> = catalogue.claimants(port).filter(|s| !is_possible(s)).collect();
        reasons::of_port(evidence, &ruled_out)
    } else {
        Vec::new()
    };
    Verdict {
        service: None,
        also: Vec::new(),
        product: None,
        proved_by: None,
        one_way: false,
        announces: false,
        protocol: None,
        confidence,
        carries: None,
        fault: None,
        fit: Some(fit),
        candidates,
        reasons,
    }
}
