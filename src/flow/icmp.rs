//! ICMP errors about the packets of flows.

use serde::{Deserialize, Serialize};

use super::{FlowHasher, FlowKey, Outcome};
use crate::decode::{IcmpKind, IcmpQuote};
use crate::time::Time;

/// An ICMP error that says why a packet did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IcmpError {
    /// Number of the frame with the error.
    pub frame: u64,
    /// What the error says.
    pub kind: IcmpKind,
}

impl IcmpError {
    /// Whether the receiver itself refused the packet.
    pub(super) const fn is_refusal(self) -> bool {
        self.kind.is_refusal()
    }

    /// The outcome of a flow of which the error met the initiator's packets.
    pub(super) const fn outcome(self) -> Outcome {
        if self.is_refusal() { Outcome::Refused } else { Outcome::Unreachable }
    }
}

/// An ICMP error with the key of the flow that it quotes.
#[derive(Debug, Clone)]
pub struct KeyedQuote {
    /// Key of the flow.
    pub key: FlowKey,
    /// Hash of the key.
    pub hash: u64,
    /// When the error was captured.
    pub time: Time,
    /// The error.
    pub error: IcmpError,
    end: u8,
}

impl KeyedQuote {
    /// Computes key and hash of the quoted packet, with the number of its tenant in the key.
    #[must_use]
    pub fn new(quote: &IcmpQuote, tenant: u16, hasher: &FlowHasher) -> Self {
        let (key, end) = FlowKey::new(&quote.five_tuple);
        let key = key.of_tenant(tenant);
        let error = IcmpError { frame: quote.frame, kind: quote.kind };
        Self { hash: hasher.hash(&key), key, time: quote.time, error, end: end as u8 }
    }

    /// The end of the key that sent the quoted packet.
    pub(super) const fn end(&self) -> usize {
        (self.end & 1) as usize
    }
}
