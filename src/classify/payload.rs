//! The verdict on payload of a known protocol: marks, then the protocol.

use std::sync::Arc;

use super::alpn::{self, OfferedProtocols};
use super::candidates;
use super::fit::fit;
use super::marks::{MarkedServices, marked_services};
use super::product::{self, is_product, product};
use super::reasons;
use super::verdict::{Candidate, Confidence, Fault, FirstValues, Reason, Verdict};
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::evidence::{Direction, Evidence, Fact, Protocol};

/// The suffix of the names of facts that state that the sides use different variants of a protocol.
const MISMATCH: &str = ".mismatch";
/// Facts that are reasons of every verdict, whatever it rests on.
const ALWAYS_REASONS: [&str; 1] = ["osc.framing"];

/// The protocols that have a family, few enough to compare every fact with.
const WITH_FAMILY: [Protocol; 2] = [Protocol::Osc, Protocol::Csta];

/// Whether a fact affects verdicts without any mark on it: the fact may be of a carried protocol,
/// state that the sides use different variants of a protocol, name the responder's product, or the
/// protocols inside TLS.
#[must_use]
pub fn affects_verdicts(fact: &str) -> bool {
    let family = |(id, _): (&str, &str)| Protocol::from_id(id).and_then(Protocol::family);
    fact.ends_with(MISMATCH)
        || is_product(fact)
        || alpn::FACTS.contains(&fact)
        || fact.split_once('.').and_then(family).is_some()
}

pub(super) fn by_payload(
    catalogue: &Catalogue,
    port: ServicePort,
    known: (&Evidence, Protocol),
    explain: bool,
) -> Verdict {
    let (evidence, protocol) = known;
    let offered = OfferedProtocols::new(evidence);
    let carried = evidence.facts.iter().find_map(|fact| Some((fact, carried(fact, protocol)?)));
    let carries = carried.map(|(_, protocol)| protocol);
    let (fit, fit_reason) = fit(catalogue, port, known, carries, &offered, explain);
    let mismatch = evidence.facts.iter().find(|fact| fact.name.stem.ends_with(MISMATCH));
    let product = product(evidence);
    let MarkedServices { best, name, also, others } =
        marked_services(catalogue, &evidence.facts, explain, |_| true);
    let mut verdict = Verdict {
        service: None,
        service_name: name,
        also,
        process_service: None,
        protocol: Some(protocol),
        product: product.map(product::text),
        proved_by: evidence.proved_by,
        one_way: evidence.one_way,
        announces: evidence.announces(),
        is_whole: false,
        confidence: Confidence::Protocol,
        carries,
        fault: evidence
            .tampered
            .map(|_| Fault::Tampered)
            .or_else(|| mismatch.map(|_| Fault::Mismatch)),
        failure: evidence.failure.clone(),
        fit,
        candidates: Arc::default(),
        reasons: Vec::new(),
        facts: None,
        first_values: FirstValues::default(),
    };
    let mut reasons = Vec::new();
    let is_marked = best.is_some();
    if let Some((service, proof)) = best {
        // One fact may fulfil two conditions.
        proof.into_iter().for_each(|reason| push_new(&mut reasons, reason));
        verdict.service = Some(Arc::clone(service));
        verdict.confidence = Confidence::Mark;
        verdict.candidates =
            others.into_iter().map(|other| Candidate::Service(Arc::clone(other))).collect();
    } else {
        if explain {
            reasons.push(reasons::of_protocol(protocol, evidence));
            reasons.extend(carried.map(|(fact, protocol)| reasons::of_carried(protocol, fact)));
        }
        let explained = explain.then_some(&mut reasons);
        let services = candidates::of_protocol(catalogue, port, known, &offered, explained);
        verdict.candidates = services.into_iter().map(Candidate::Service).collect();
    }
    if explain {
        let always = evidence.facts.iter().filter(|fact| ALWAYS_REASONS.contains(&fact.name.stem));
        let alpn = offered.facts.into_iter().filter(|_| !is_marked);
        for fact in mismatch.into_iter().chain(product).chain(alpn).chain(first_of_sides(always)) {
            push_new(&mut reasons, reasons::of_fact(fact));
        }
        reasons.extend(fit_reason);
        reasons.extend(evidence.tampered.into_iter().flat_map(reasons::of_tampering));
        reasons.extend(evidence.failure.as_deref().map(reasons::of_failure));
        verdict.reasons = reasons;
    }
    verdict
}

/// The first of some facts of each side.
fn first_of_sides<'f>(
    facts: impl Iterator<Item = &'f Fact> + Clone,
) -> impl Iterator<Item = &'f Fact> {
    Direction::BOTH
        .into_iter()
        .filter_map(move |side| facts.clone().find(|fact| fact.direction == side))
}

/// Adds a reason, unless the same fact is one already: a mark shows another part of a long value.
fn push_new(reasons: &mut Vec<Reason>, reason: Reason) {
    let is_same = |known: &Reason| {
        (&known.fact, &known.value, known.frame) == (&reason.fact, &reason.value, reason.frame)
    };
    if !reasons.iter().any(is_same) {
        reasons.push(reason);
    }
}

/// The protocol of a fact, if it has a family of its own and the flow's protocol is another one.
fn carried(fact: &Fact, protocol: Protocol) -> Option<Protocol> {
    let (id, _) = fact.name.stem.split_once('.')?;
    let mut others = WITH_FAMILY.into_iter().filter(|&carried| carried != protocol);
    others.find(|carried| carried.as_str() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_with_a_family_can_be_carried() {
        let with_family = Protocol::ALL.iter().filter(|protocol| protocol.family().is_some());
        assert!(with_family.eq(&WITH_FAMILY));
    }
}
