//! Ports at which attempts failed.

use super::{Finding, FindingKind, Severity};
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::flow::Outcome;
use crate::stats::{Aggregate, Stats};

/// Attempts that are too many to be chance.
const MANY: u64 = 3;

/// A closed port is the expected state: it is worth a note where the catalogue has advice for it,
/// or where somebody kept trying.
pub(super) fn find(stats: &Stats, catalogue: &Catalogue, findings: &mut Vec<Finding>) {
    for (&port, stats) in &stats.ports {
        let all = &stats.all;
        let Some(failed) = &all.failed else { continue };
        let count = |outcome: Outcome| all.outcomes[outcome as usize];
        let (refused, unanswered) =
            (count(Outcome::Refused), count(Outcome::NoAnswer) + count(Outcome::Unreachable));
        let answered = all.flows - refused - unanswered;
        let advice = catalogue
            .claims_on(port)
            .find_map(|(service, claim)| Some((&*service.id, claim.closed.as_deref()?)));
        // Who waits for a server to start is refused, and who is answered now and then misses one.
        let is_many = |attempts: u64| attempts >= MANY && attempts > answered;
        let rows = [
            (FindingKind::Refused, refused, failed.first_refused),
            (FindingKind::Unanswered, unanswered, failed.first_unanswered),
        ];
        for (kind, attempts, frame) in rows {
            if attempts > 0 && (advice.is_some() || is_many(attempts)) {
                findings.push(finding(kind, port, attempts, all, frame).with_claim(advice));
            }
        }
    }
}

fn finding(
    kind: FindingKind,
    port: ServicePort,
    attempts: u64,
    all: &Aggregate,
    frame: u64,
) -> Finding {
    let noun = if all.flows == 1 { "attempt" } else { "attempts" };
    let of = if attempts == all.flows { String::new() } else { format!(" of {}", all.flows) };
    Finding {
        kind,
        severity: Severity::Note,
        port,
        server: None,
        sensor: 0,
        service: None,
        frame: (frame != u64::MAX).then_some(frame),
        sentence: format!("{attempts}{of} {noun} {}", kind.as_str()),
        advice: None,
    }
}

impl Finding {
    /// The finding with the service whose claim has advice.
    fn with_claim(self, claim: Option<(&str, &str)>) -> Self {
        self.with_service(claim.map(|claim| claim.0)).with_advice(claim.map(|claim| claim.1))
    }
}
