//! The verdict: what the bytes say beside what is claimed of the port.
//!
//! Takes the claims on a port and the evidence, gives a [`Verdict`]. Knows no bytes. Precedence:
//! the user's catalogue, then shipped marks, then the protocol, then the port.

mod process;

use std::fmt::Write;

pub use self::process::by_process;

use crate::catalogue::{Catalogue, Compare, Mark, Origin, Service};
use crate::decode::ServicePort;
use crate::evidence::{Direction, Evidence, Fact, Protocol};

/// On what ground a verdict stands, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// On none.
    Unknown,
    /// Only the number.
    Port,
    /// The bytes speak a known language.
    Protocol,
    /// A fact names the service.
    Mark,
}

impl Confidence {
    /// The name in output.
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

/// Whether the claims on the port agree with what the bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// A claimant speaks it, or nothing speaks against one.
    Agrees,
    /// Nobody claims the port.
    Unclaimed,
    /// No claimant speaks it.
    Contradicts,
}

impl Fit {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Unclaimed => "unclaimed",
            Self::Contradicts => "contradicts",
        }
    }
}

/// What keeps the two sides from understanding each other, though the language is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// They write it differently.
    Mismatch,
    /// The responder ended the connection without a word.
    CutOff,
}

impl Fault {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mismatch => "mismatch",
            Self::CutOff => "cut-off",
        }
    }
}

/// Who may be meant: a service of the catalogue, or a name that only the registry has.
#[derive(Debug, Clone, Copy)]
pub enum Candidate<'c> {
    /// A service.
    Service(&'c Service),
    /// A name of the registry.
    Registered(&'c str),
}

impl<'c> Candidate<'c> {
    /// The id in output.
    #[must_use]
    pub fn id(&self) -> &'c str {
        match self {
            Self::Service(service) => &service.id,
            Self::Registered(name) => name,
        }
    }
}

/// A fact that the verdict rests on, so that it can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A detector's fact, or `protocol`, `port`, `ruled-out`.
    pub fact: String,
    /// Its value: untrusted where it comes from the wire.
    pub value: String,
    /// Who said it.
    pub direction: Option<Direction>,
    /// Where it begins.
    pub frame: Option<u64>,
}

/// What is speaking, on what ground, and why.
#[derive(Debug, Clone)]
pub struct Verdict<'c> {
    /// The service that a mark names.
    pub service: Option<&'c Service>,
    /// The language.
    pub protocol: Option<Protocol>,
    /// The ground.
    pub confidence: Confidence,
    /// A language with a family of its own that is carried in this one: CSTA in HTTP.
    pub carries: Option<Protocol>,
    /// What keeps the sides from understanding each other.
    pub fault: Option<Fault>,
    /// Whether it fits the port.
    pub fit: Fit,
    /// Who else it may be; who it may be where no service is named. Only the likeliest where nobody
    /// asked why.
    pub candidates: Vec<Candidate<'c>>,
    /// Why; empty where nobody asked.
    pub reasons: Vec<Reason>,
}

impl<'c> Verdict<'c> {
    /// Takes in that the responder ended the connection without a word. Where OSC has a framing to
    /// be wrong about, that is what becomes of those who are: ETC's consoles close at the first
    /// packet that is none
    /// (<https://support.etcconnect.com/ETC/Consoles/Eos_Family/Software_and_Programming/Reverse-engineering_OSC_commands_to_be_sent_as_strings>).
    pub fn cut_off(&mut self, explain: bool) {
        if self.protocol != Some(Protocol::Osc) || self.fault.is_some() {
            return;
        }
        self.fault = Some(Fault::CutOff);
        if explain {
            self.reasons.push(Reason {
                fact: Fault::CutOff.as_str().into(),
                value: "the responder ended the connection without a word: consoles do so where the framing is not theirs".into(),
                direction: None,
                frame: None,
            });
        }
    }

    /// The language, then the one that it carries.
    fn spoken(&self) -> impl Iterator<Item = Protocol> {
        self.protocol.into_iter().chain(self.carries)
    }

    /// The family: the service's, else that of the protocol or of what it carries where these have
    /// one, else the first candidate's.
    #[must_use]
    pub fn tag(&self) -> Option<&'c str> {
        let first = || {
            self.candidates.iter().find_map(|candidate| match candidate {
                Candidate::Service(service) => Some(service.tag.as_str()),
                Candidate::Registered(_) => None,
            })
        };
        self.service
            .map(|s| s.tag.as_str())
            .or_else(|| self.spoken().find_map(Protocol::family))
            .or_else(first)
    }
}

/// How the name of a fact ends that says that the sides write the language differently.
const MISMATCH: &str = ".mismatch";

/// Whether a fact makes a difference whatever the catalogue has: it may be of a language inside
/// another, or say that the sides write it differently.
#[must_use]
pub fn heeds(fact: &str) -> bool {
    let family = |(id, _): (&str, &str)| Protocol::from_id(id).and_then(Protocol::family);
    fact.ends_with(MISMATCH) || fact.split_once('.').and_then(family).is_some()
}

/// Characters of a value that a reason repeats.
const VALUE: usize = 120;

/// Judges a flow whose service port is `port`; says why where `explain` is set, which costs some
/// memory for every flow.
#[must_use]
pub fn classify<'c>(
    catalogue: &'c Catalogue,
    port: ServicePort,
    evidence: Option<&Evidence>,
    explain: bool,
) -> Verdict<'c> {
    let Some((evidence, protocol)) = evidence.and_then(|e| Some((e, e.protocol?))) else {
        return by_port(catalogue, port, evidence, explain);
    };
    let speakers = || catalogue.claimants(port).filter(|service| service.speaks(protocol));
    let fit = match (catalogue.claimants(port).next(), speakers().next()) {
        (None, _) => Fit::Unclaimed,
        (Some(_), None) => Fit::Contradicts,
        (Some(_), Some(_)) => Fit::Agrees,
    };
    let mut reasons = Vec::new();
    let inside = evidence.facts.iter().find_map(|fact| Some((fact, carried(fact, protocol)?)));
    let carries = inside.map(|(_, protocol)| protocol);
    let mismatch = evidence.facts.iter().find(|fact| fact.name.stem.ends_with(MISMATCH));
    let fault = mismatch.map(|_| Fault::Mismatch);
    let differs = mismatch.filter(|_| explain).map(stated);
    let mut named = marked(catalogue, evidence, explain).into_iter();
    if let Some((service, proof)) = named.next() {
        // Two conditions may hold of one fact.
        for reason in proof {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons.extend(differs);
        if explain && fit == Fit::Contradicts {
            reasons.push(expected(catalogue, port));
        }
        return Verdict {
            service: Some(service),
            protocol: Some(protocol),
            confidence: Confidence::Mark,
            carries,
            fault,
            fit,
            candidates: named.map(|(other, _)| Candidate::Service(other)).collect(),
            reasons,
        };
    }
    if explain {
        reasons.push(spoken(protocol, evidence));
        reasons.extend(inside.map(|(fact, protocol)| Reason {
            fact: "carries".into(),
            value: told(protocol, fact),
            direction: Some(fact.direction),
            frame: Some(fact.frame),
        }));
        reasons.extend(differs);
        if fit == Fit::Contradicts {
            reasons.push(expected(catalogue, port));
        }
    }
    Verdict {
        service: None,
        protocol: Some(protocol),
        confidence: Confidence::Protocol,
        carries,
        fault,
        fit,
        candidates: speakers().map(Candidate::Service).take(wanted(explain)).collect(),
        reasons,
    }
}

/// Candidates that are worth their memory.
const fn wanted(explain: bool) -> usize {
    if explain { usize::MAX } else { 1 }
}

/// The bytes name nobody, or there are none: what is left of the claimants, and the registry's
/// other names.
fn by_port<'c>(
    catalogue: &'c Catalogue,
    port: ServicePort,
    evidence: Option<&Evidence>,
    explain: bool,
) -> Verdict<'c> {
    let remains =
        |service: &&Service| evidence.is_none_or(|e| service.remains_possible(e.ruled_out));
    let left = catalogue.claimants(port).filter(remains).map(Candidate::Service);
    let mut candidates: Vec<_> = left.take(wanted(explain)).collect();
    let is_claimed = |name: &str| {
        catalogue.claims_on(port).any(|(_, claim)| claim.registry.as_deref() == Some(name))
    };
    let others = catalogue.registry.names(port).filter(|name| !is_claimed(name));
    let others = others.map(|name| -> Candidate<'c> { Candidate::Registered(name) });
    candidates.extend(others.take(wanted(explain).saturating_sub(candidates.len())));
    // A registered name whose language nobody knows may be meant: then nothing is contradicted.
    let fit = match (catalogue.claimants(port).next(), candidates.is_empty()) {
        (None, _) => Fit::Unclaimed,
        (Some(_), true) => Fit::Contradicts,
        (Some(_), false) => Fit::Agrees,
    };
    let confidence = if candidates.is_empty() { Confidence::Unknown } else { Confidence::Port };
    let (service, protocol, carries, fault) = (None, None, None, None);
    let mut verdict = Verdict {
        service,
        protocol,
        confidence,
        carries,
        fault,
        fit,
        candidates,
        reasons: Vec::new(),
    };
    if explain {
        let gone: Vec<_> = catalogue.claimants(port).filter(|service| !remains(service)).collect();
        verdict.reasons = eliminated(evidence, &gone);
    }
    verdict
}

/// What the bytes did not say, and whom that rules out.
fn eliminated(evidence: Option<&Evidence>, gone: &[&Service]) -> Vec<Reason> {
    let at = evidence.and_then(|e| e.first_payload);
    let reason = |fact: &str, value| Reason {
        fact: fact.into(),
        value,
        direction: at.map(|a| a.1),
        frame: at.map(|a| a.0),
    };
    let said = if at.is_some() {
        "the bytes are no language that is known here"
    } else {
        "nothing was said"
    };
    let mut reasons = vec![reason("port", said.to_owned())];
    if !gone.is_empty() {
        reasons.push(reason(
            "ruled-out",
            format!("{}: these bytes are not what they speak", names(gone)),
        ));
    }
    reasons
}

/// A service that marks name.
struct Named<'c> {
    service: &'c Service,
    /// The different marks that hold.
    marks: Vec<&'c Mark>,
    /// The responder itself said one of them.
    answered: bool,
    proof: Vec<Reason>,
}

/// The services that marks name, the best first, each with its proof. One that another builds on is
/// left out.
fn marked<'c>(
    catalogue: &'c Catalogue,
    evidence: &Evidence,
    explain: bool,
) -> Vec<(&'c Service, Vec<Reason>)> {
    let mut found: Vec<Named<'c>> = Vec::new();
    // One buffer for all names: a conversation states hundreds of facts.
    let mut name = String::new();
    for fact in &evidence.facts {
        name.clear();
        // Writing to a string cannot fail.
        let _ = write!(name, "{}", fact.name);
        for (service, mark) in catalogue.marks_on(&name) {
            let Some(proof) = mark.proof(fact, &evidence.facts) else { continue };
            let answered = proof.iter().any(|fact| fact.direction == Direction::Responder);
            let known = found.iter_mut().find(|named| named.service.id == service.id);
            if let Some(named) = known {
                named.answered |= answered;
                if !named.marks.contains(&mark) {
                    named.marks.push(mark);
                }
            } else {
                let proof = if explain {
                    proof.into_iter().map(|fact| reason(fact, mark)).collect()
                } else {
                    Vec::new()
                };
                found.push(Named { service, marks: vec![mark], answered, proof });
            }
        }
    }
    let services: Vec<_> = found.iter().map(|named| named.service).collect();
    found.retain(|named| {
        !services.iter().any(|other| catalogue.builds_on(other, &named.service.id))
    });
    // What a server says of itself goes before what a client expects of it. Stable: among equals
    // the one proved first.
    found.sort_by_key(|named| {
        (
            named.service.origin != Origin::User,
            !named.answered,
            std::cmp::Reverse(named.marks.len()),
        )
    });
    found.into_iter().map(|named| (named.service, named.proof)).collect()
}

/// A fact as a reason.
fn stated(fact: &Fact) -> Reason {
    let value = excerpt(&fact.value, 0);
    Reason {
        fact: fact.name.to_string(),
        value,
        direction: Some(fact.direction),
        frame: Some(fact.frame),
    }
}

fn reason(fact: &Fact, mark: &Mark) -> Reason {
    let holding =
        std::iter::once(&mark.first).chain(&mark.and).find(|condition| condition.holds(fact));
    let around = holding.into_iter().flat_map(|condition| &condition.compare).find_map(|compare| {
        match compare {
            Compare::Contains(needle) => needle.find(&fact.value),
            Compare::Matches(pattern) => pattern.find(&fact.value),
            Compare::Equals(_) | Compare::Prefix(_) | Compare::Suffix(_) => None,
        }
    });
    Reason {
        fact: fact.name.to_string(),
        value: excerpt(&fact.value, around.unwrap_or(0)),
        direction: Some(fact.direction),
        frame: Some(fact.frame_at(around.unwrap_or(0))),
    }
}

/// The part of a long value that begins at `from`.
fn excerpt(value: &str, from: usize) -> String {
    let rest = &value[from..];
    let kept: String = rest.chars().take(VALUE).collect();
    let (before, after) =
        (if from > 0 { "…" } else { "" }, if kept.len() < rest.len() { "…" } else { "" });
    format!("{before}{kept}{after}")
}

/// The language with a family of its own that a fact is of, where the flow speaks another.
fn carried(fact: &Fact, spoken: Protocol) -> Option<Protocol> {
    let (id, _) = fact.name.stem.split_once('.')?;
    Protocol::from_id(id).filter(|&protocol| protocol != spoken && protocol.family().is_some())
}

fn told(protocol: Protocol, fact: &Fact) -> String {
    format!("{protocol}: {} = {}", fact.name, excerpt(&fact.value, 0))
}

fn spoken(protocol: Protocol, evidence: &Evidence) -> Reason {
    // The responder's word, where there is one, is what speaks on the port.
    let said = |d| evidence.facts.iter().find(move |f| f.direction == d);
    let fact = said(Direction::Responder).or_else(|| said(Direction::Initiator));
    Reason {
        fact: "protocol".into(),
        value: fact.map_or_else(|| protocol.as_str().to_owned(), |f| told(protocol, f)),
        direction: fact.map(|f| f.direction).or(evidence.first_payload.map(|p| p.1)),
        frame: fact.map(|f| f.frame).or(evidence.first_payload.map(|p| p.0)),
    }
}

/// What the port's claimants would have spoken.
fn expected(catalogue: &Catalogue, port: ServicePort) -> Reason {
    let (known, unknown): (Vec<_>, Vec<_>) =
        catalogue.claimants(port).partition(|s| !s.protocols.is_empty());
    let mut languages: Vec<&str> = Vec::new();
    for protocol in known.iter().flat_map(|service| &service.protocols) {
        if !languages.contains(&protocol.as_str()) {
            languages.push(protocol.as_str());
        }
    }
    let mut parts = Vec::new();
    if !known.is_empty() {
        parts.push(format!("{} on {port} ({})", languages.join(" or "), names(&known)));
    }
    if !unknown.is_empty() {
        parts.push(format!("what {} speaks there is not known", names(&unknown)));
    }
    Reason { fact: "expected".into(), value: parts.join("; "), direction: None, frame: None }
}

/// Names of a few services.
fn names(services: &[&Service]) -> String {
    const SOME: usize = 6;
    let mut text =
        services.iter().take(SOME).map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
    if services.len() > SOME {
        text += &format!(" and {} more", services.len() - SOME);
    }
    text
}

#[cfg(test)]
mod tests;
