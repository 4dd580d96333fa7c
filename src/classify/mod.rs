//! The verdict on a flow: the evidence of its payload beside the claims on its port.
//!
//! Takes the claims on a port and the evidence, gives a [`Verdict`]. Knows no payload. Precedence:
//! the marks of the user's services, then shipped marks, then the protocol, then the port.
//!
//! `verdict` is the result. `payload` and `port` make verdicts with and without a known protocol,
//! and `process` adds the process behind the port. `marks` finds services by facts, `candidates`
//! those that remain possible, `alpn` reads the protocols of a hello, `product` what the responder
//! calls itself, `fit` compares with the claims on the port, and `reasons` explains verdicts.

mod alpn;
mod candidates;
mod fit;
mod marks;
mod payload;
mod port;
mod process;
mod product;
mod reasons;
mod shared_str;
mod verdict;

pub use self::marks::mark_frame;
pub use self::payload::affects_verdicts;
pub use self::process::{add_process_facts, service_of_process};
pub use self::shared_str::SharedStr;
pub use self::verdict::{
    Candidate, Confidence, Fault, FirstValues, Fit, Reason, StatedFacts, Verdict,
};

use self::marks::marked_services;
use self::payload::by_payload;
use self::port::by_port;
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::evidence::{Direction, Evidence, Protocol, ProvedBy};

/// The verdict on a flow whose responder's port is `port`. `evidence` is `None` for a flow without
/// payload. `explain` adds the reasons, which cost some memory for every flow.
#[must_use]
pub fn classify(
    catalogue: &Catalogue,
    port: ServicePort,
    evidence: Option<&Evidence>,
    explain: bool,
) -> Verdict {
    match evidence.and_then(|evidence| Some((evidence, evidence.protocol?))) {
        Some(known) => by_payload(catalogue, port, known, explain),
        None => evidence
            .and_then(|evidence| by_lines(catalogue, port, evidence, explain))
            .unwrap_or_else(|| by_port(catalogue, port, evidence, explain)),
    }
}

/// The verdict on text in no known protocol whose first lines a mark names: it is text, and the
/// service's. `None` without such a mark.
fn by_lines(
    catalogue: &Catalogue,
    port: ServicePort,
    evidence: &Evidence,
    explain: bool,
) -> Option<Verdict> {
    let has_line = |side| evidence.facts.iter().any(|fact| fact.direction == side);
    let proved_by =
        ProvedBy::from_sides(has_line(Direction::Initiator), has_line(Direction::Responder))?;
    marked_services(catalogue, &evidence.facts, false, |_| true).best?;
    let (protocol, proved_by) = (Some(Protocol::Text), Some(proved_by));
    let evidence = Evidence { protocol, proved_by, ..evidence.clone() };
    Some(by_payload(catalogue, port, (&evidence, Protocol::Text), explain))
}

#[cfg(test)]
mod tests;
