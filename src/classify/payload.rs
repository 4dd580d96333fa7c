//! The verdict on payload of a known protocol: marks, then the protocol.

use std::sync::Arc;

use super::marks::marked_services;
use super::port::max_candidates;
use super::reasons;
use super::verdict::{Candidate, Confidence, Fault, Fit, Verdict};
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::evidence::{Evidence, Fact, Protocol, Role};

/// The suffix of the names of facts that state that the sides use different variants of a protocol.
const MISMATCH: &str = ".mismatch";

/// Whether a fact affects verdicts without any mark on it: the fact may be of a carried protocol,
/// or state that the sides use different variants of a protocol.
#[must_use]
pub fn affects_verdicts(fact: &str) -> bool {
    let family = |(id, _): (&str, &str)| Protocol::from_id(id).and_then(Protocol::family);
    fact.ends_with(MISMATCH) || fact.split_once('.').and_then(family).is_some()
}

pub(super) fn by_payload(
    catalogue: &Catalogue,
    port: ServicePort,
    (evidence, protocol): (&Evidence, Protocol),
    explain: bool,
) -> Verdict {
    let speakers = || catalogue.claimants(port).filter(|service| service.speaks(protocol));
    let fit = match (catalogue.claimants(port).next(), speakers().next()) {
        (None, _) => Fit::Unclaimed,
        (Some(_), None) => Fit::Contradicts,
        (Some(_), Some(_)) => Fit::Agrees,
    };
    let mut reasons = Vec::new();
    let carried = evidence.facts.iter().find_map(|fact| Some((fact, carried(fact, protocol)?)));
    let carries = carried.map(|(_, protocol)| protocol);
    let mismatch = evidence.facts.iter().find(|fact| fact.name.stem.ends_with(MISMATCH));
    let fault = mismatch.map(|_| Fault::Mismatch);
    let mismatch_reason = mismatch.filter(|_| explain).map(reasons::of_fact);
    let mut marked = marked_services(catalogue, &evidence.facts, explain).into_iter();
    if let Some((service, proof)) = marked.next() {
        // One fact may fulfil two conditions.
        for reason in proof {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons.extend(mismatch_reason);
        if explain && fit == Fit::Contradicts {
            reasons.push(reasons::of_contradiction(catalogue, port));
        }
        return Verdict {
            service: Some(Arc::clone(service)),
            also: Vec::new(),
            product: None,
            proved_by: evidence.proved_by,
            one_way: evidence.one_way,
            announces: evidence.roles[0] == Some(Role::Server),
            protocol: Some(protocol),
            confidence: Confidence::Mark,
            carries,
            fault,
            fit: Some(fit),
            candidates: marked.map(|(other, _)| Candidate::Service(Arc::clone(other))).collect(),
            reasons,
        };
    }
    if explain {
        reasons.push(reasons::of_protocol(protocol, evidence));
        reasons.extend(carried.map(|(fact, protocol)| reasons::of_carried(protocol, fact)));
        reasons.extend(mismatch_reason);
        if fit == Fit::Contradicts {
            reasons.push(reasons::of_contradiction(catalogue, port));
        }
    }
    Verdict {
        service: None,
        also: Vec::new(),
        product: None,
        proved_by: evidence.proved_by,
        one_way: evidence.one_way,
        announces: evidence.roles[0] == Some(Role::Server),
        protocol: Some(protocol),
        confidence: Confidence::Protocol,
        carries,
        fault,
        fit: Some(fit),
        candidates: speakers()
            .take(max_candidates(explain))
            .map(|service| Candidate::Service(Arc::clone(service)))
            .collect(),
        reasons,
    }
}

/// The protocol of a fact, if it has a family of its own and the flow's protocol is another one.
fn carried(fact: &Fact, protocol: Protocol) -> Option<Protocol> {
    let (id, _) = fact.name.stem.split_once('.')?;
    Protocol::from_id(id).filter(|&carried| carried != protocol && carried.family().is_some())
}
