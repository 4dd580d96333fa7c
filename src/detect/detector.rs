//! What a detector is: the protocol that it recognises, the function that does so, the facts that
//! it can state, and samples that prove it.

use crate::decode::Transport;
use crate::detect::prefilter::Prefilter;
use crate::evidence::{Depth, Detection, Protocol};
use crate::flow::Opening;

/// A detector of one protocol.
///
/// [`Detector::new`] takes what every detector has; each further method states in what a detector
/// differs from the default. A detector names its transports, its facts and at least one sample:
///
/// ```text
/// pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Vnc, inspect)
///     .tcp()
///     .prefilter(Prefilter::first_byte(&[b'R'..=b'R']))
///     .facts(&["vnc.version"])
///     .samples(&[Sample { transport: Transport::Tcp, initiator: &[], responder: &[b"RFB 003.008\n"] }]);
/// ```
#[allow(clippy::struct_excessive_bools, reason = "statements that do not depend on each other")]
pub struct Detector {
    /// The protocol that the detector recognises.
    pub protocol: Protocol,
    /// Recognises the protocol by what both sides sent first. Pure, and never panics.
    pub inspect: fn(&Opening, Depth) -> Detection,
    /// The transports that carry the protocol.
    pub transports: &'static [Transport],
    /// The bytes with which either side may begin.
    pub prefilter: Prefilter,
    /// Whether an opening may be of the protocol, by a test that takes little time.
    pub(super) may_be: Option<fn(&Opening) -> bool>,
    /// The test of the detector before this one in the registry counts for this one too.
    pub(super) shares_test: bool,
    /// The facts that the detector can state; `.*` at the end stands for a header field's name.
    pub facts: &'static [&'static str],
    /// Those of `facts` that are stated at every depth, because they take no time to read.
    pub facts_at_any_depth: &'static [&'static str],
    /// Conversations that the detector must recognise, and no other detector may.
    pub samples: &'static [Sample],
    /// Protocols that a connection can change to after it began in this one: where this protocol is
    /// ruled out, so are they.
    pub leads_to: &'static [Protocol],
    /// The first message of each side holds every fact: the rest of the opening adds none.
    pub first_words: bool,
    /// The protocol's clients expect no answer, unless a recognition says that one does.
    pub one_way: bool,
    /// The detector takes what no other detector does: it is called last, and another detector that
    /// still needs more bytes may overrule it.
    pub residual: bool,
}

impl Detector {
    /// A detector of `protocol` that is called for openings of any bytes, on no transport yet.
    #[must_use]
    pub const fn new(protocol: Protocol, inspect: fn(&Opening, Depth) -> Detection) -> Self {
        Self {
            protocol,
            inspect,
            transports: &[],
            prefilter: Prefilter::ANY,
            may_be: None,
            shares_test: false,
            facts: &[],
            facts_at_any_depth: &[],
            samples: &[],
            leads_to: &[],
            first_words: false,
            one_way: false,
            residual: false,
        }
    }

    /// TCP carries the protocol.
    #[must_use]
    pub const fn tcp(self) -> Self {
        let transports: &'static [Transport] = match self.transports {
            [Transport::Udp, ..] => &[Transport::Udp, Transport::Tcp],
            _ => &[Transport::Tcp],
        };
        Self { transports, ..self }
    }

    /// UDP carries the protocol.
    #[must_use]
    pub const fn udp(self) -> Self {
        let transports: &'static [Transport] = match self.transports {
            [Transport::Tcp, ..] => &[Transport::Tcp, Transport::Udp],
            _ => &[Transport::Udp],
        };
        Self { transports, ..self }
    }

    /// The detector is called only where the bytes of either side pass the prefilter.
    #[must_use]
    pub const fn prefilter(self, prefilter: Prefilter) -> Self {
        Self { prefilter, ..self }
    }

    /// The detector, and those that follow it in the registry and [share its
    /// test](Self::shares_test), are called only where `may_be` is true.
    #[must_use]
    pub(super) const fn only_if(self, may_be: fn(&Opening) -> bool) -> Self {
        Self { may_be: Some(may_be), ..self }
    }

    /// The protocol has the messages of the detector before this one in the registry, so what that
    /// one's test excludes is not of this protocol either.
    #[must_use]
    pub(super) const fn shares_test(self) -> Self {
        Self { shares_test: true, ..self }
    }

    /// The names of all facts that `inspect` can state, such as `vnc.version`. Catalogue files may
    /// refer to these facts only. `http.request-header.*` stands for a fact per header field.
    #[must_use]
    pub const fn facts(self, facts: &'static [&'static str]) -> Self {
        Self { facts, ..self }
    }

    /// Those of the facts that `inspect` states at every [`Depth`].
    #[must_use]
    pub const fn facts_at_any_depth(self, facts: &'static [&'static str]) -> Self {
        Self { facts_at_any_depth: facts, ..self }
    }

    /// Conversations in the protocol. Tests check that this detector recognises each of them, also
    /// while only a prefix has arrived, that every other detector refuses them, and that the
    /// prefilter lets them through. Bytes that are computed stand in a constant of their own.
    #[must_use]
    pub const fn samples(self, samples: &'static [Sample]) -> Self {
        Self { samples, ..self }
    }

    /// A connection can change from this protocol to these, as HTTP does to WebSocket: where this
    /// one is ruled out, they are ruled out too.
    #[must_use]
    pub const fn leads_to(self, protocols: &'static [Protocol]) -> Self {
        Self { leads_to: protocols, ..self }
    }

    /// The first message of each side holds every fact, so the flow need not be inspected again
    /// when more of it has arrived.
    #[must_use]
    pub const fn first_words(self) -> Self {
        Self { first_words: true, ..self }
    }

    /// Clients of the protocol expect no answer: syslog, sACN, NetFlow. Where this depends on what is
    /// sent, `Statement::awaits_answer` says so.
    #[must_use]
    pub const fn one_way(self) -> Self {
        Self { one_way: true, ..self }
    }

    /// The detector takes what all others refuse. It must be the last of the registry.
    #[must_use]
    pub const fn residual(self) -> Self {
        Self { residual: true, ..self }
    }

    /// Whether the detector can state the fact `fact`.
    #[must_use]
    pub fn states(&self, fact: &str) -> bool {
        self.facts.iter().any(|known| match known.strip_suffix(".*") {
            Some(stem) => fact
                .strip_prefix(stem)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|leaf| !leaf.is_empty()),
            None => *known == fact,
        })
    }
}

/// A conversation in a detector's protocol.
pub struct Sample {
    /// TCP or UDP.
    pub transport: Transport,
    /// The payloads of the initiator's segments or datagrams.
    pub initiator: &'static [&'static [u8]],
    /// The payloads of the responder's segments or datagrams.
    pub responder: &'static [&'static [u8]],
}

impl Sample {
    /// The sample as an opening that was captured from its first byte.
    #[must_use]
    pub fn opening(&self) -> Opening {
        Opening::from_payloads(self.transport, self.initiator, self.responder)
    }
}
