//! The verdict on a flow, and its parts.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{SharedStr, reasons};
use crate::catalogue::{Service, by_id};
use crate::evidence::{Direction, Evidence, Fact, Failure, Protocol, ProvedBy};
use crate::saved::{StaticText, arc_slice, static_text};

/// The ground on which a verdict stands, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Confidence {
    /// No ground: neither the payload nor the port identifies anything.
    Unknown,
    /// Only the port number.
    Port,
    /// The payload is of a known protocol.
    Protocol,
    /// A mark names the service.
    Mark,
}

impl Confidence {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Port => "port",
            Self::Protocol => "protocol",
            Self::Mark => "mark",
        }
    }
}

/// Whether the claims on the port agree with the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fit {
    /// A claimant speaks the protocol on this port.
    Agrees,
    /// Nobody is known to be expected on the port.
    Unclaimed,
    /// Services claim the port whose protocols are known, and this is none of them.
    Contradicts,
}

impl Fit {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Unclaimed => "unclaimed",
            Self::Contradicts => "contradicts",
        }
    }
}

/// Why the two sides do not understand each other although they use the same protocol, or why nobody
/// else knows what they said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fault {
    /// The two sides use different variants of the protocol, such as different framings.
    Mismatch,
    /// The responder ended the connection without sending payload.
    CutOff,
    /// Bytes came twice and differ.
    Tampered,
}

impl Fault {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mismatch => "mismatch",
            Self::CutOff => "cut-off",
            Self::Tampered => "tampered",
        }
    }
}

/// What a flow may be of: a service of the catalogue, or a name that only the registry has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Candidate {
    /// A service of the catalogue.
    #[serde(with = "by_id::one")]
    Service(Arc<Service>),
    /// A service name of the IANA registry.
    #[serde(with = "static_text")]
    Registered(StaticText),
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Services before names of the registry, then by id.
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |candidate: &Self| matches!(candidate, Self::Registered(_));
        (key(self), self.id()).cmp(&(key(other), other.id()))
    }
}

impl Candidate {
    /// The id in machine-readable output.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Service(service) => &service.id,
            Self::Registered(name) => name,
        }
    }

    /// The name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Service(service) => &service.name,
            Self::Registered(name) => name,
        }
    }

    /// The family; `None` where only the registry has the name.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Service(service) => Some(&service.tag),
            Self::Registered(_) => None,
        }
    }

    /// The families of some candidates, in their order, each once.
    #[must_use]
    pub fn tags<'c>(candidates: impl IntoIterator<Item = &'c Self>) -> Vec<&'c str> {
        let mut tags = Vec::new();
        for tag in candidates.into_iter().filter_map(Self::tag) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }
}

/// A fact that a verdict rests on, so that people can check the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reason {
    /// The name of a fact, or `protocol`, `carries`, `expected`, `clear-text`, `port`, `ruled-out`,
    /// `cut-off`, `tampered` or `error`.
    pub fact: String,
    /// The fact's value; untrusted if it comes from the wire or from a process.
    pub value: String,
    /// The side that sent the fact.
    pub direction: Option<Direction>,
    /// The number of the frame in which the value begins.
    pub frame: Option<u64>,
}

/// The protocol and the service of a flow, on what ground, and why.
///
/// Shares the services that it names with the catalogue, and stays valid without it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// The service that a mark names.
    #[serde(with = "by_id::option")]
    pub service: Option<Arc<Service>>,
    /// Which of the services of one entry it is, by what its mark matches: untrusted, at most 64
    /// characters.
    pub service_name: Option<String>,
    /// The services of other layers that marks name, the highest first: the server that runs the
    /// service, the proxy before it.
    #[serde(with = "by_id::list")]
    pub also: Vec<Arc<Service>>,
    /// The service that the process behind the port is likely to be, by its name. It proves nothing
    /// of what was spoken.
    #[serde(with = "by_id::option")]
    pub process_service: Option<Arc<Service>>,
    /// The protocol of the payload.
    pub protocol: Option<Protocol>,
    /// What the responder calls itself, such as `nginx/1.22.1`: untrusted, at most 96 characters.
    pub product: Option<String>,
    /// The sides whose bytes are of the protocol.
    pub proved_by: Option<ProvedBy>,
    /// The initiator expects no answer.
    pub one_way: bool,
    /// The initiator's bytes are a server's: an announcement, or an answer to a group.
    pub announces: bool,
    /// The payload is of no known protocol although it was captured whole, in more than one message.
    pub is_whole: bool,
    /// The ground.
    pub confidence: Confidence,
    /// A protocol with a family of its own that `protocol` carries, such as CSTA in HTTP.
    pub carries: Option<Protocol>,
    /// Why the sides do not understand each other, or nobody knows what they said.
    pub fault: Option<Fault>,
    /// The error that most of the flow's answers are: it speaks, but does not work.
    pub failure: Option<Box<Failure>>,
    /// Whether the claims on the port agree with the payload; `None` where no protocol was
    /// recognised, or where only the initiator proves it and nothing shows that the responder took
    /// it.
    pub fit: Option<Fit>,
    /// Alternatives to `service`; if that is `None`, who the flow may be of, the likeliest first:
    /// the claimants of the port, then services that the payload finds elsewhere.
    #[serde(with = "arc_slice")]
    pub candidates: Arc<[Candidate]>,
    /// The facts that the verdict rests on; empty without explanation.
    pub reasons: Vec<Reason>,
    /// All that detectors stated; `None` where it is not kept.
    pub facts: Option<StatedFacts>,
    /// The first value of each fact whose values are kept.
    pub first_values: FirstValues,
}

/// What detectors stated of a flow: a part of it, where it is much.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatedFacts {
    /// The first facts of each side, in the order in which they were stated; long values are cut.
    pub first: Vec<Reason>,
    /// The number of the others.
    pub more: usize,
}

impl StatedFacts {
    /// Facts of a side that are kept.
    const PER_SIDE: usize = 32;

    /// The facts of what was found in a flow.
    #[must_use]
    pub fn new(evidence: &Evidence) -> Self {
        let mut kept = [0; 2];
        let mut is_first = |fact: &&Fact| {
            let of_side = &mut kept[fact.direction as usize];
            *of_side += 1;
            *of_side <= Self::PER_SIDE
        };
        let first: Vec<_> =
            evidence.facts.iter().filter(|fact| is_first(fact)).map(reasons::of_fact).collect();
        Self { more: evidence.facts.len() - first.len(), first }
    }
}

/// The first values of some facts of a flow, by name; long values are cut.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FirstValues(Box<[FirstValue]>);

/// The name of a fact, and its first value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FirstValue(#[serde(with = "static_text")] StaticText, Box<str>);

impl FirstValues {
    /// The first value of each of the facts `names`.
    #[must_use]
    pub fn new(evidence: &Evidence, names: &[&'static str]) -> Self {
        let value = |&name: &&'static str| {
            let fact = evidence.facts.iter().find(|fact| fact.name.is(name))?;
            Some(FirstValue(name, reasons::value(fact).into()))
        };
        Self(names.iter().filter_map(value).collect())
    }

    /// The value of the fact `name`; untrusted.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|FirstValue(known, _)| *known == name)
            .map(|FirstValue(_, value)| &**value)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Verdict {
    /// Moves the numbers of its frames behind `by` others.
    pub(crate) fn move_frames(&mut self, by: u64) {
        let facts = self.facts.iter_mut().flat_map(|facts| &mut facts.first);
        let reasons = self.reasons.iter_mut().chain(facts);
        let failure = self.failure.iter_mut().map(|failure| &mut failure.frame);
        for frame in reasons.filter_map(|reason| reason.frame.as_mut()).chain(failure) {
            *frame = frame.saturating_add(by);
        }
    }

    /// Records that the responder ended the connection without sending payload. This is a fault of
    /// OSC only, where the initiator can use a framing that the responder does not: ETC's consoles
    /// close the connection at the first packet that they cannot parse
    /// (<https://support.etcconnect.com/ETC/Consoles/Eos_Family/Software_and_Programming/Reverse-engineering_OSC_commands_to_be_sent_as_strings>).
    pub fn set_cut_off(&mut self, explain: bool) {
        if self.protocol != Some(Protocol::Osc) || self.fault.is_some() {
            return;
        }
        self.fault = Some(Fault::CutOff);
        if explain {
            self.reasons.push(Reason {
                fact: Fault::CutOff.as_str().into(),
                value: "the server closed the connection without answering, as consoles do when the framing is wrong".into(),
                direction: None,
                frame: None,
            });
        }
    }

    /// Takes back what nothing shows where the responder is not known to have taken what the
    /// initiator sent: whether the claims agree and, if it `is_refused`, who is there. The service
    /// that was asked for becomes the first candidate.
    pub fn retract(&mut self, is_refused: bool) {
        self.fit = None;
        self.reasons.retain(|reason| reason.fact != "expected");
        if let Some(service) = self.service.take_if(|_| is_refused) {
            self.service_name = None;
            let asked_for = std::iter::once(service).chain(self.also.drain(..));
            let others = self.candidates.iter().cloned();
            self.candidates = asked_for.map(Candidate::Service).chain(others).collect();
            self.confidence = Confidence::Protocol;
        }
    }

    /// The family that is proved: the service's; else that of the protocol, or of the carried
    /// protocol, if one of them has a family.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.service.as_deref().map(|service| &*service.tag).or_else(|| self.protocol_family())
    }

    /// The [`tag`](Self::tag), shared with the service.
    pub(crate) fn shared_tag(&self) -> Option<SharedStr> {
        let of_service =
            self.service.as_ref().map(|service| SharedStr::Service(Arc::clone(&service.tag)));
        of_service.or_else(|| self.protocol_family().map(SharedStr::Static))
    }

    /// The families of the candidates, in their order, each once.
    #[must_use]
    pub fn candidate_tags(&self) -> Vec<&str> {
        Candidate::tags(self.candidates.iter())
    }

    fn protocol_family(&self) -> Option<&'static str> {
        self.protocol.into_iter().chain(self.carries).find_map(Protocol::family)
    }
}

/// The short form of a verdict: `http: Vite`, `csta in http`, or `unknown`. Candidates are left
/// out.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(protocol) = self.protocol else {
            return f.write_str(self.service.as_ref().map_or("unknown", |service| &service.name));
        };
        if let Some(carried) = self.carries {
            write!(f, "{carried} in ")?;
        }
        write!(f, "{protocol}")?;
        self.service.as_ref().map_or(Ok(()), |service| write!(f, ": {}", service.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_facts_the_first_of_each_side_are_kept_in_their_order_and_the_others_counted() {
        let fact = |n: u64| Fact {
            name: "osc.address".into(),
            value: "x".repeat(500),
            direction: Direction::BOTH[usize::from(n % 4 == 3)],
            frame: n,
            later: Vec::new(),
            exchange: 0,
        };
        let evidence = Evidence { facts: (0..200).map(fact).collect(), ..Evidence::default() };
        let StatedFacts { first, more } = StatedFacts::new(&evidence);
        assert_eq!((first.len(), more), (64, 136));
        let of_side = |side| first.iter().filter(move |fact| fact.direction == Some(side)).count();
        assert_eq!(Direction::BOTH.map(of_side), [32, 32]);
        assert!(first.is_sorted_by_key(|fact| fact.frame));
        assert!(first.iter().all(|fact| fact.value.chars().count() <= 122));
    }
}
