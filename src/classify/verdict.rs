//! The verdict on a flow, and its parts.

use std::fmt;
use std::sync::Arc;

use super::SharedStr;
use crate::catalogue::Service;
use crate::evidence::{Direction, Protocol, ProvedBy};

/// The ground on which a verdict stands, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Whether the claims on the port agree with the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fit {
    /// A claimant uses the protocol, or the payload does not rule out every claimant.
    Agrees,
    /// No service claims the port.
    Unclaimed,
    /// Services claim the port, and none of them can be meant.
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

/// Why the two sides do not understand each other although they use the same protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The two sides use different variants of the protocol, such as different framings.
    Mismatch,
    /// The responder ended the connection without sending payload.
    CutOff,
}

impl Fault {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mismatch => "mismatch",
            Self::CutOff => "cut-off",
        }
    }
}

/// What a flow may be of: a service of the catalogue, or a name that only the registry has.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Candidate {
    /// A service of the catalogue.
    Service(Arc<Service>),
    /// A service name of the IANA registry.
    Registered(&'static str),
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

    /// The id, shared with the service.
    pub(crate) fn shared_id(&self) -> SharedStr {
        match self {
            Self::Service(service) => SharedStr::Service(Arc::clone(&service.id)),
            Self::Registered(name) => SharedStr::Static(name),
        }
    }
}

/// A fact that a verdict rests on, so that people can check the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// The name of a fact, or `protocol`, `carries`, `expected`, `port`, `ruled-out` or `cut-off`.
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
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// The service that a mark names.
    pub service: Option<Arc<Service>>,
    /// The services of other layers that marks name, the highest first: the server that runs the
    /// service, the proxy before it.
    pub also: Vec<Arc<Service>>,
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
    /// The ground.
    pub confidence: Confidence,
    /// A protocol with a family of its own that `protocol` carries, such as CSTA in HTTP.
    pub carries: Option<Protocol>,
    /// Why the sides do not understand each other, if they do not.
    pub fault: Option<Fault>,
    /// Whether the claims on the port agree with the payload; `None` where no protocol was
    /// recognised, or where only the initiator proves it and nothing shows that the responder took
    /// it.
    pub fit: Option<Fit>,
    /// Alternatives to `service`; if that is `None`, what the flow may be of. The likeliest comes
    /// first; without explanation the list may end after it.
    pub candidates: Vec<Candidate>,
    /// The facts that the verdict rests on; empty without explanation.
    pub reasons: Vec<Reason>,
}

impl Verdict {
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
                value: "the responder ended the connection without a word: consoles do so where the framing is not theirs".into(),
                direction: None,
                frame: None,
            });
        }
    }

    /// The family: the service's; else that of the protocol, or of the carried protocol, if one of
    /// them has a family; else the first candidate's.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag_source().map(|source| match source {
            TagSource::Service(service) => &*service.tag,
            TagSource::Protocol(family) => family,
        })
    }

    /// The [`tag`](Self::tag), shared with the service.
    pub(crate) fn shared_tag(&self) -> Option<SharedStr> {
        self.tag_source().map(|source| match source {
            TagSource::Service(service) => SharedStr::Service(Arc::clone(&service.tag)),
            TagSource::Protocol(family) => SharedStr::Static(family),
        })
    }

    fn tag_source(&self) -> Option<TagSource<'_>> {
        let of_protocol =
            || self.protocol.into_iter().chain(self.carries).find_map(Protocol::family);
        let of_candidate = || {
            self.candidates.iter().find_map(|candidate| match candidate {
                Candidate::Service(service) => Some(TagSource::Service(service)),
                Candidate::Registered(_) => None,
            })
        };
        let of_service = self.service.as_deref().map(TagSource::Service);
        of_service.or_else(|| of_protocol().map(TagSource::Protocol)).or_else(of_candidate)
    }
}

/// The source of a verdict's tag.
enum TagSource<'v> {
    /// A service, with its tag.
    Service(&'v Service),
    /// A protocol, with its family.
    Protocol(&'static str),
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
