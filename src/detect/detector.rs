//! What a detector is: the protocol it knows, when it is asked, what it states and its samples.

use super::prefilter::Begins;
use crate::decode::Transport;
use crate::evidence::{Finding, Protocol};
use crate::flow::Opening;

/// One detector.
pub struct Detector {
    /// The language that it knows.
    pub protocol: Protocol,
    /// Languages that a connection turns to after it began in this one: where this one is ruled
    /// out, they are.
    pub leads_to: &'static [Protocol],
    /// All that it states is said in the first words of both sides: the rest of the opening adds
    /// nothing.
    pub first_words: bool,
    /// It takes what no other detector does, so it is asked last and what others still wait for may
    /// overrule it.
    pub residual: bool,
    /// The bytes with which the words of either side may begin.
    pub begins: Begins,
    /// The transports on which the language is spoken.
    pub transports: &'static [Transport],
    /// The facts that it can state; `.*` at the end stands for a header's name.
    pub facts: &'static [&'static str],
    /// Looks at what both sides said first.
    pub inspect: fn(&Opening) -> Finding,
    /// Conversations that it must recognise: each side's segments or datagrams.
    pub samples: &'static [Sample],
}

/// A conversation in a detector's language.
pub struct Sample {
    /// TCP or UDP.
    pub transport: Transport,
    /// What the initiator said.
    pub initiator: &'static [&'static [u8]],
    /// What the responder said.
    pub responder: &'static [&'static [u8]],
}

impl Sample {
    /// The sample as an opening.
    #[must_use]
    pub fn opening(&self) -> Opening {
        Opening::of(self.transport, self.initiator, self.responder)
    }
}

impl Detector {
    /// Whether it can state this fact.
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
