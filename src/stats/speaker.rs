//! What spoke on a port: by what speakers are told apart, and what is known of each.

#![allow(clippy::mutable_key_type, reason = "candidates are compared by their ids alone")]

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ExampleFlow, Products, ServiceKey};
use crate::classify::{Candidate, Confidence, Fault, Fit, SharedStr, Verdict};
use crate::evidence::{Protocol, ProvedBy};
use crate::flow::{FlowRecord, Outcome};

/// Why there is no answer that could say who serves a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unanswered {
    /// The responder refused.
    Refused,
    /// The responder cannot be reached.
    Unreachable,
    /// Nothing came back.
    NoAnswer,
    /// Neither side sent payload, although nothing prevented it.
    Silent,
}

impl Unanswered {
    /// Whether and why a flow shows nobody who serves the port: it has no payload, or only the
    /// initiator proves what is spoken and the responder, of whom an answer was expected, sent
    /// nothing that was captured.
    #[must_use]
    pub fn new(record: &FlowRecord, verdict: &Verdict) -> Option<Self> {
        let is_silent = record.payload_bytes.sum() == 0;
        // One direction alone was captured: the other side may have answered.
        let is_one_sided = record.outcome == Outcome::Midstream && record.packets.responder == 0;
        let is_refused = matches!(record.outcome, Outcome::Refused | Outcome::Unreachable);
        let is_asked_only = verdict.proved_by == Some(ProvedBy::Initiator)
            && record.payload_bytes.responder == 0
            && (is_refused || !verdict.one_way && !is_one_sided);
        match record.outcome {
            _ if !is_silent && !is_asked_only => None,
            Outcome::Sent if !is_silent => None,
            Outcome::Refused => Some(Self::Refused),
            Outcome::Unreachable => Some(Self::Unreachable),
            Outcome::NoAnswer => Some(Self::NoAnswer),
            _ if is_silent => Some(Self::Silent),
            _ => Some(Self::NoAnswer),
        }
    }

    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no_answer",
            Self::Silent => "silent",
        }
    }
}

/// What spoke in a flow, as far as summaries tell flows apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Speaker {
    /// The id of the service that a mark names; the one that was asked for, if `unanswered` is set.
    pub service: Option<SharedStr>,
    /// The family that is proved.
    pub tag: Option<SharedStr>,
    /// The protocol.
    pub protocol: Option<Protocol>,
    /// The ground of the verdict.
    pub confidence: Confidence,
    /// Whether the verdict fits the port.
    pub fit: Option<Fit>,
    /// Why nothing shows who serves the port, if nothing does.
    pub unanswered: Option<Unanswered>,
    /// What keeps the sides from understanding each other.
    pub fault: Option<Fault>,
}

impl Speaker {
    /// The speaker of a flow.
    #[must_use]
    pub fn of_flow(record: &FlowRecord, verdict: &Verdict) -> Self {
        Self::new(verdict, Unanswered::new(record, verdict))
    }

    pub(super) fn new(verdict: &Verdict, unanswered: Option<Unanswered>) -> Self {
        Self {
            service: verdict.service.as_ref().map(|s| SharedStr::Service(Arc::clone(&s.id))),
            tag: verdict.shared_tag(),
            protocol: verdict.protocol,
            confidence: verdict.confidence,
            fit: verdict.fit,
            unanswered,
            fault: verdict.fault,
        }
    }

    /// The key under which its flows count among the services. What was only asked for is no
    /// service.
    pub(super) fn service_key(&self) -> ServiceKey {
        if self.unanswered.is_none() {
            return (self.service.clone(), self.tag.clone(), self.protocol);
        }
        let family = self.protocol.and_then(Protocol::family);
        (None, family.map(SharedStr::Static), self.protocol)
    }
}

/// What is known of a speaker on a port.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SpeakerStats {
    /// Flows.
    pub flows: u64,
    /// Bytes of their frames on the wire.
    pub bytes: u64,
    /// Flows by the sides whose bytes are of the protocol, indexed by [`ProvedBy`].
    pub proved_by: [u64; 3],
    /// The ids of services of other layers that marks name in some flow.
    pub also: BTreeSet<SharedStr>,
    /// Alternatives to the service; without one who it may be, in some flow.
    pub candidates: BTreeSet<Candidate>,
    /// What the responders call themselves; `None` if none of them does.
    pub products: Option<Box<Products>>,
    /// The names that marks take from what they match; `None` if none does.
    pub service_names: Option<Box<Products>>,
    /// The first of the flows; `None` if none is kept.
    pub example: Option<Box<ExampleFlow>>,
}

impl SpeakerStats {
    /// What all flows with verdicts of one kind share.
    pub(super) fn new(verdict: &Verdict) -> Self {
        let also = verdict.also.iter().map(|service| SharedStr::Service(Arc::clone(&service.id)));
        let mut one = Self {
            also: also.collect(),
            candidates: verdict.candidates.iter().cloned().collect(),
            ..Self::default()
        };
        if let Some(by) = verdict.proved_by {
            one.proved_by[by as usize] = 1;
        }
        one
    }

    /// The same of so many flows.
    pub(super) fn of_flows(self, flows: u64, bytes: u64) -> Self {
        let proved_by = self.proved_by.map(|one| one * flows);
        Self { flows, bytes, proved_by, ..self }
    }

    /// The sides whose bytes are of the protocol, in some flow.
    #[must_use]
    pub fn sides(&self) -> Option<ProvedBy> {
        let [initiator, responder, both] = self.proved_by.map(|flows| flows > 0);
        ProvedBy::from_sides(initiator || both, responder || both)
    }

    /// Adds the product of a flow, and the name that a mark took, if it has them.
    pub(super) fn add_names(&mut self, verdict: &Verdict) {
        if let Some(name) = &verdict.service_name {
            self.service_names.get_or_insert_default().insert(name);
        }
        if let Some(product) = &verdict.product {
            self.products.get_or_insert_default().insert(product);
        }
    }

    /// Adds what is known of the same speaker in other flows.
    pub(super) fn merge(&mut self, other: Self) {
        self.flows += other.flows;
        self.bytes += other.bytes;
        for (mine, theirs) in self.proved_by.iter_mut().zip(other.proved_by) {
            *mine += theirs;
        }
        self.also.extend(other.also);
        self.candidates.extend(other.candidates);
        if let Some(theirs) = other.products {
            self.products.get_or_insert_default().merge(*theirs);
        }
        if let Some(theirs) = other.service_names {
            self.service_names.get_or_insert_default().merge(*theirs);
        }
        ExampleFlow::keep_first(&mut self.example, other.example);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::classify::classify;
    use crate::decode::{ServicePort, Transport};
    use crate::flow::Counts;

    /// Why a flow of that outcome is not answered, of which the initiator alone proves the protocol
    /// unless `proved_by` says something else.
    fn unanswered(
        outcome: Outcome,
        payload: (u64, u64),
        proved_by: ProvedBy,
        one_way: bool,
    ) -> Option<Unanswered> {
        let mut record = FlowRecord::silent(1);
        record.outcome = outcome;
        record.payload_bytes = Counts { initiator: payload.0, responder: payload.1 };
        record.packets = Counts { initiator: 3, responder: 2 };
        let catalogue = Catalogue::shipped().unwrap();
        let verdict = classify(&catalogue, ServicePort::new(3037, Transport::Tcp), None, false);
        let proved_by = (payload.0 > 0).then_some(proved_by);
        Unanswered::new(&record, &Verdict { proved_by, one_way, ..verdict })
    }

    #[test]
    fn what_only_the_client_says_is_unanswered_unless_no_answer_is_expected() {
        use Outcome::{Answered, Established, Midstream, NoAnswer, Refused, Sent, Unreachable};
        let asked = |outcome| unanswered(outcome, (8, 0), ProvedBy::Initiator, false);
        assert_eq!(asked(NoAnswer), Some(Unanswered::NoAnswer));
        assert_eq!(asked(Established), Some(Unanswered::NoAnswer), "accepted, and no word since");
        assert_eq!(asked(Refused), Some(Unanswered::Refused));
        assert_eq!(asked(Unreachable), Some(Unanswered::Unreachable));
        assert_eq!(asked(Sent), None);
        assert_eq!(unanswered(NoAnswer, (8, 0), ProvedBy::Initiator, true), None, "one-way");
        let refused = unanswered(Refused, (8, 0), ProvedBy::Initiator, true);
        assert_eq!(refused, Some(Unanswered::Refused), "nobody is there");
        for answered in [(8, 8), (0, 8)] {
            assert_eq!(unanswered(Answered, answered, ProvedBy::Both, false), None);
            assert_eq!(unanswered(Midstream, answered, ProvedBy::Initiator, false), None);
        }
    }

    #[test]
    fn without_payload_the_outcome_says_why() {
        let silent = |outcome| unanswered(outcome, (0, 0), ProvedBy::Both, false);
        for (outcome, expected) in [
            (Outcome::Established, Unanswered::Silent),
            (Outcome::Refused, Unanswered::Refused),
            (Outcome::Unreachable, Unanswered::Unreachable),
            (Outcome::NoAnswer, Unanswered::NoAnswer),
            (Outcome::Sent, Unanswered::Silent),
        ] {
            assert_eq!(silent(outcome), Some(expected), "{outcome:?}");
        }
    }

    #[test]
    fn merged_parts_have_every_candidate_and_product_and_the_sides_that_proved_anything() {
        let part = |by: ProvedBy, product: &str, id: &'static str| {
            let mut proved = [0; 3];
            proved[by as usize] = 1;
            let mut products = Products::default();
            products.insert(product);
            SpeakerStats {
                proved_by: proved,
                candidates: [Candidate::Registered(id)].into(),
                products: Some(Box::new(products)),
                ..SpeakerStats::default()
            }
        };
        let parts = [
            part(ProvedBy::Initiator, "b", "x"),
            part(ProvedBy::Responder, "a", "y"),
            SpeakerStats::default(),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut sum = SpeakerStats::default();
            order.into_iter().for_each(|i| sum.merge(parts[i].clone().of_flows(2, 100)));
            assert_eq!((sum.flows, sum.bytes, sum.sides()), (6, 300, Some(ProvedBy::Both)));
            let ids: Vec<&str> = sum.candidates.iter().map(Candidate::id).collect();
            assert_eq!(ids, ["x", "y"]);
            assert!(sum.products.unwrap().kept().eq(["a", "b"]));
        }
    }
}
