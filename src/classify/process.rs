//! What the process behind the service's port adds to a verdict.

use super::{Candidate, Confidence, Reason, Verdict, marked};
use crate::catalogue::{Catalogue, Origin};
use crate::evidence::{Evidence, Fact};

/// The verdict, with a service that marks on `facts` of its processes name where the bytes name
/// none; the user's own marks go before shipped ones here too. A process does not outweigh the
/// bytes: it names nothing whose languages are not those that were heard. `silent`: nothing was
/// said at all.
#[must_use]
pub fn by_process<'c>(
    catalogue: &'c Catalogue,
    mut verdict: Verdict<'c>,
    silent: bool,
    facts: &[Fact],
    explain: bool,
) -> Verdict<'c> {
    if facts.is_empty() {
        return verdict;
    }
    let evidence = Evidence { facts: facts.to_vec(), ..Evidence::default() };
    let may = |service: &crate::catalogue::Service| match verdict.protocol {
        Some(protocol) => service.wire_unknown || service.speaks(protocol),
        None => silent || service.wire_unknown,
    };
    let Some((service, proof)) =
        marked(catalogue, &evidence, explain).into_iter().find(|(service, _)| may(service))
    else {
        return verdict;
    };
    let outranked = |known: &crate::catalogue::Service| {
        known.origin <= service.origin || service.origin != Origin::User
    };
    if verdict.service.is_some_and(outranked) {
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
    // No frame says who holds a socket.
    let proof = proof.into_iter().map(|reason| Reason { frame: None, ..reason });
    verdict.reasons.splice(0..0, proof);
    Verdict { service: Some(service), confidence: Confidence::Mark, ..verdict }
}
