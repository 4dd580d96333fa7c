//! Who a flow may be of: the claimants of its port that the evidence leaves, and services that the
//! evidence finds beyond them.

use std::sync::Arc;

use super::alpn::OfferedProtocols;
use super::product::PRODUCT_HEADERS;
use super::reasons;
use super::verdict::{Candidate, Reason};
use crate::catalogue::{Catalogue, Claim, Service};
use crate::decode::ServicePort;
use crate::evidence::{Direction, Evidence, Fact, Protocol};

/// The candidates of a flow of a known protocol: the claimants that speak it on this port, the
/// likeliest first, then those that the hello of TLS or QUIC finds. Adds why claimants are not
/// among them.
pub(super) fn of_protocol(
    catalogue: &Catalogue,
    port: ServicePort,
    (evidence, protocol): (&Evidence, Protocol),
    offered: &OfferedProtocols<'_>,
    mut explain: Option<&mut Vec<Reason>>,
) -> Vec<Arc<Service>> {
    let speaks =
        |claim: &Claim| claim.protocols.contains(&protocol) || offered.finds(&claim.protocols);
    let mut found: Vec<Arc<Service>> = Vec::new();
    for (service, claim) in catalogue.claims_on(port) {
        let is_listed = || found.iter().any(|known| Arc::ptr_eq(known, service));
        if speaks(claim) && offered.admits(service) && !is_listed() {
            found.push(Arc::clone(service));
        }
    }
    for header in first_product_headers(evidence) {
        let mut struck = Vec::new();
        found.retain(|service| {
            let remains = !is_struck(service, header);
            if !remains {
                struck.push(Arc::clone(service));
            }
            remains
        });
        if let Some(reasons) = explain.as_deref_mut().filter(|_| !struck.is_empty()) {
            reasons.push(reasons::of_struck(header, &struck));
        }
    }
    for service in offered.found(catalogue) {
        if !found.iter().any(|known| Arc::ptr_eq(known, service)) {
            found.push(Arc::clone(service));
        }
    }
    found
}

/// The candidates of a flow of no known protocol: the claimants that the payload does not rule out,
/// then the registry's other names.
pub(super) fn of_port(
    catalogue: &Catalogue,
    port: ServicePort,
    evidence: Option<&Evidence>,
) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut listed: Vec<&Arc<Service>> = Vec::new();
    for (service, claim) in catalogue.claims_on(port) {
        if remains_possible(service, claim, evidence) && !listed.iter().any(|s| s.id == service.id)
        {
            listed.push(service);
            candidates.push(Candidate::Service(Arc::clone(service)));
        }
    }
    let is_claimed = |name: &str| {
        catalogue.claims_on(port).any(|(_, claim)| claim.registry.as_deref() == Some(name))
    };
    let others = catalogue.registry.names(port).filter(|name| !is_claimed(name));
    candidates.extend(others.map(Candidate::Registered));
    candidates
}

/// The claimants of a port that the payload rules out.
pub(super) fn ruled_out<'c>(
    catalogue: &'c Catalogue,
    port: ServicePort,
    evidence: Option<&Evidence>,
) -> Vec<&'c Arc<Service>> {
    let remains = |service: &&Arc<Service>| {
        let mut claims = catalogue.claims_on(port).filter(|(other, _)| other.id == service.id);
        claims.any(|(service, claim)| remains_possible(service, claim, evidence))
    };
    catalogue.claimants(port).filter(|service| !remains(service)).collect()
}

/// Whether payload of no known protocol can still be that of a service on the port that it claims.
fn remains_possible(service: &Service, claim: &Claim, evidence: Option<&Evidence>) -> bool {
    let Some(evidence) = evidence else { return true };
    service.wire_unknown || claim.protocols.iter().any(|&p| !evidence.ruled_out.contains(p))
}

/// The first of each header by which the responder names its product.
fn first_product_headers(evidence: &Evidence) -> impl Iterator<Item = &Fact> {
    PRODUCT_HEADERS.into_iter().filter_map(|name| {
        evidence.facts.iter().find(|fact| {
            fact.direction == Direction::Responder
                && fact.name.is(name)
                && !fact.value.trim().is_empty()
        })
    })
}

/// Whether a header that names a product says that it is not this service: the service has a mark
/// on this header alone, so it names itself there, and the header has another value. (A service one
/// of whose marks holds is named, and no candidate.) A service that can be told by this header only
/// together with something else, or by another header, remains.
fn is_struck(service: &Service, header: &Fact) -> bool {
    service.marks.iter().any(|mark| {
        let condition = &mark.first;
        mark.and.is_empty()
            && !condition.compare.is_empty()
            && condition.direction != Some(Direction::Initiator)
            && header.name.is(&condition.fact)
            && !condition.holds(header)
    })
}
