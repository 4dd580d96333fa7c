//! The reasons of a verdict, in words.

use std::sync::Arc;

use super::fit::is_known;
use super::verdict::{Fault, Reason};
use crate::catalogue::{Catalogue, Compare, Mark, Service};
use crate::decode::ServicePort;
use crate::evidence::{Direction, Evidence, Fact, Failure, Protocol, Tampered};
use crate::sentence::joined;

/// The longest excerpt of a value in a reason, in characters.
pub(super) const MAX_VALUE: usize = 120;

/// A fact as a reason.
pub(super) fn of_fact(fact: &Fact) -> Reason {
    Reason {
        fact: fact.name.to_string(),
        value: value(fact),
        direction: Some(fact.direction),
        frame: Some(fact.frame),
    }
}

/// The beginning of a fact's value.
pub(super) fn value(fact: &Fact) -> String {
    excerpt(&fact.value, 0)
}

/// The error that most answers are as a reason.
pub(super) fn of_failure(failure: &Failure) -> Reason {
    Reason {
        fact: "error".into(),
        value: failure.cause.clone(),
        direction: Some(failure.direction),
        frame: Some(failure.frame),
    }
}

/// Bytes that came twice and differ as reasons, one for each frame. Neither names the other frame:
/// flows share reasons that differ in their own frames only.
pub(super) fn of_tampering(tampered: Tampered) -> [Reason; 2] {
    let [earlier, later] = tampered.frames;
    let values = [
        (earlier, "a later frame sends this part of the data with different bytes"),
        (later, "sends a part of the data again, with different bytes"),
    ];
    values.map(|(frame, value)| Reason {
        fact: Fault::Tampered.as_str().into(),
        value: value.into(),
        direction: Some(tampered.direction),
        frame: Some(frame),
    })
}

/// A fact that fulfils a condition of `mark` as a reason. The excerpt begins at the match.
pub(super) fn of_mark(fact: &Fact, mark: &Mark) -> Reason {
    let fulfilled =
        std::iter::once(&mark.first).chain(&mark.and).find(|condition| condition.holds(fact));
    let mut comparisons = fulfilled.into_iter().flat_map(|condition| &condition.compare);
    let offset = comparisons.find_map(|compare| match compare {
        Compare::Contains(needle) => needle.find(&fact.value),
        Compare::Matches(pattern) => pattern.find(&fact.value),
        Compare::Equals(_) | Compare::Prefix(_) | Compare::Suffix(_) => None,
    });
    let offset = offset.unwrap_or(0);
    Reason {
        fact: fact.name.to_string(),
        value: excerpt(&fact.value, offset),
        direction: Some(fact.direction),
        frame: Some(fact.frame_at(offset)),
    }
}

/// The protocol as a reason, with a fact of it: the responder's if there is one, because the
/// responder has the service port.
pub(super) fn of_protocol(protocol: Protocol, evidence: &Evidence) -> Reason {
    let first_of = |side| evidence.facts.iter().find(move |fact| fact.direction == side);
    let fact = first_of(Direction::Responder).or_else(|| first_of(Direction::Initiator));
    Reason {
        fact: "protocol".into(),
        value: fact.map_or_else(|| protocol.as_str().to_owned(), |f| fact_text(protocol, f)),
        direction: fact.map(|f| f.direction).or(evidence.first_payload.map(|p| p.1)),
        frame: fact.map(|f| f.frame).or(evidence.first_payload.map(|p| p.0)),
    }
}

/// A carried protocol as a reason, with the fact that shows it.
pub(super) fn of_carried(protocol: Protocol, fact: &Fact) -> Reason {
    Reason {
        fact: "carries".into(),
        value: fact_text(protocol, fact),
        direction: Some(fact.direction),
        frame: Some(fact.frame),
    }
}

/// The protocols that the port's claimants are known to use there, as a reason of a contradiction.
pub(super) fn of_contradiction(catalogue: &Catalogue, port: ServicePort) -> Reason {
    let mut protocols: Vec<Protocol> = Vec::new();
    let (mut known, mut unknown): (Vec<&Arc<Service>>, Vec<&Arc<Service>>) = Default::default();
    // Whether the undocumented ones stand in the registry.
    let mut registered = true;
    for (service, claim) in catalogue.claims_on(port) {
        if is_known(service, claim) {
            if !known.iter().any(|other| other.id == service.id) {
                known.push(service);
            }
            for protocol in &claim.protocols {
                if !protocols.contains(protocol) {
                    protocols.push(*protocol);
                }
            }
        } else if service.wire_unknown && !unknown.iter().any(|other| other.id == service.id) {
            unknown.push(service);
            registered &= claim.standing.is_in_registry();
        }
    }
    let protocols: Vec<String> = protocols.into_iter().map(Protocol::name).collect();
    let mut parts = vec![format!("{} on {port} ({})", joined(&protocols, "or"), names(&known))];
    match &unknown[..] {
        [] => {}
        [one] => {
            let verb = if registered { "is registered for" } else { "also uses" };
            parts.push(format!("{} {verb} this port, but its protocol is undocumented", one.name));
        }
        many => {
            let verb = if registered { "are registered for" } else { "also use" };
            parts.push(format!(
                "{} {verb} this port, but their protocols are undocumented",
                names(many)
            ));
        }
    }
    Reason { fact: "expected".into(), value: parts.join("; "), direction: None, frame: None }
}

/// The claimants that a header which names a product excludes.
pub(super) fn of_struck(header: &Fact, struck: &[Arc<Service>]) -> Reason {
    let struck: Vec<&Arc<Service>> = struck.iter().collect();
    let value =
        format!("{} (the server calls itself {})", names(&struck), excerpt(&header.value, 0));
    Reason {
        fact: "ruled-out".into(),
        value,
        direction: Some(header.direction),
        frame: Some(header.frame),
    }
}

/// The reasons of a verdict by port: that the payload is of no known protocol, and the claimants
/// that it rules out.
pub(super) fn of_port(evidence: Option<&Evidence>, ruled_out: &[&Arc<Service>]) -> Vec<Reason> {
    let first_payload = evidence.and_then(|e| e.first_payload);
    let reason = |fact: &str, value| Reason {
        fact: fact.into(),
        value,
        direction: first_payload.map(|p| p.1),
        frame: first_payload.map(|p| p.0),
    };
    let payload = if first_payload.is_some() { "protocol not recognised" } else { "no payload" };
    let mut reasons = vec![reason("port", payload.to_owned())];
    if !ruled_out.is_empty() {
        let why = if ruled_out.len() == 1 {
            "portlore would have recognised its protocol"
        } else {
            "portlore would have recognised their protocols"
        };
        let value = format!("{} ({why})", names(ruled_out));
        reasons.push(reason("ruled-out", value));
    }
    reasons
}

fn fact_text(protocol: Protocol, fact: &Fact) -> String {
    format!("{protocol}: {} = {}", fact.name, excerpt(&fact.value, 0))
}

/// The part of a value that begins at the byte offset `from`, at most [`MAX_VALUE`] characters; `…`
/// stands for what is left out.
pub(super) fn excerpt(value: &str, from: usize) -> String {
    let rest = &value[from..];
    let kept: String = rest.chars().take(MAX_VALUE).collect();
    let (before, after) =
        (if from > 0 { "…" } else { "" }, if kept.len() < rest.len() { "…" } else { "" });
    format!("{before}{kept}{after}")
}

/// The names of the first services, and the number of the others.
fn names(services: &[&Arc<Service>]) -> String {
    const SHOWN: usize = 6;
    let mut text =
        services.iter().take(SHOWN).map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
    if services.len() > SHOWN {
        text += &format!(" and {} more", services.len() - SHOWN);
    }
    text
}
