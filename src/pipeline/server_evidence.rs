//! What the opening of one flow proves of its server: frames, names and the product. A flow stores
//! only the number of a verdict that many flows share, so this is taken when it is classified.

use super::anomalies;
use crate::catalogue::Catalogue;
use crate::classify::{Verdict, mark_frame};
use crate::evidence::{Direction, Evidence, Fact, ProvedBy};
use crate::flow::Opening;
use crate::stats::{ServerEvidence, ServerKey, Servers, TextSource};

/// The facts with names by which clients call servers.
const SERVER_NAMES: [(&str, TextSource); 3] = [
    ("tls.sni", TextSource::Sni),
    ("quic.sni", TextSource::Sni),
    ("http.request-header.host", TextSource::Host),
];

/// Keeps what a flow that has just been classified proves of the server at `key`, if the server has
/// sent payload, or need not send any.
pub(super) fn keep(
    servers: &mut Servers,
    key: ServerKey,
    opening: &Opening,
    (verdict, evidence): (&Verdict, &Evidence),
    catalogue: &Catalogue,
) {
    if opening.side(Direction::Responder).is_empty() && !evidence.one_way {
        return;
    }
    let names = evidence.facts.iter().filter_map(name);
    let first_frame = evidence.first_payload.map_or(0, |(frame, _)| frame);
    let product = verdict.product.as_deref();
    let product = product.map(|product| (TextSource::Product, product, first_frame));
    let texts: Vec<_> = names.chain(product).collect();
    servers.take_evidence(
        key,
        &ServerEvidence {
            verdict,
            first_frame,
            proof_frame: &|service| match service {
                Some(service) => mark_frame(catalogue, service, &evidence.facts),
                None => Some(opening.side(proving_side(opening, evidence)).frame_at(0)),
            },
            texts: &texts,
            framings: anomalies::answered_framings(evidence),
        },
    );
}

/// The side whose bytes prove the protocol: the server's, if they do.
fn proving_side(opening: &Opening, evidence: &Evidence) -> Direction {
    let is_clients = evidence.proved_by == Some(ProvedBy::Initiator)
        || opening.side(Direction::Responder).is_empty();
    if is_clients { Direction::Initiator } else { Direction::Responder }
}

/// The name of the server in a client's fact, and its frame.
fn name(fact: &Fact) -> Option<(TextSource, &str, u64)> {
    let (_, source) = SERVER_NAMES.iter().find(|(name, _)| fact.name.is(name))?;
    let is_clients = fact.direction == Direction::Initiator;
    is_clients.then_some((*source, fact.value.as_str(), fact.frame))
}
