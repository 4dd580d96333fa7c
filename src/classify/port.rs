//! The verdict by the port alone: the payload is of no known protocol, or there is none. It names
//! nobody, and says nothing of whether the flow fits the port.

use std::sync::Arc;

use super::candidates;
use super::reasons;
use super::verdict::{Confidence, Fault, FirstValues, Verdict};
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::evidence::Evidence;

pub(super) fn by_port(
    catalogue: &Catalogue,
    port: ServicePort,
    evidence: Option<&Evidence>,
    explain: bool,
) -> Verdict {
    let candidates: Arc<[_]> = candidates::of_port(catalogue, port, evidence).into();
    let confidence = if candidates.is_empty() { Confidence::Unknown } else { Confidence::Port };
    let tampered = evidence.and_then(|evidence| evidence.tampered);
    let mut reasons = Vec::new();
    if explain {
        reasons = reasons::of_port(evidence, &candidates::ruled_out(catalogue, port, evidence));
        reasons.extend(tampered.into_iter().flat_map(reasons::of_tampering));
    }
    Verdict {
        service: None,
        service_name: None,
        also: Vec::new(),
        process_service: None,
        protocol: None,
        product: None,
        proved_by: None,
        one_way: false,
        announces: false,
        is_whole: evidence.is_some_and(|evidence| evidence.whole),
        confidence,
        carries: None,
        fault: tampered.map(|_| Fault::Tampered),
        failure: None,
        fit: None,
        candidates,
        reasons,
        facts: None,
        first_values: FirstValues::default(),
    }
}
