//! Who opened a flow. The first of these rules that says anything decides:
//!
//! 1. the handshake, which nothing overturns;
//! 2. the group or broadcast address to which the flow's first frame went: its sender, so that a
//!    group is the initiator only where it has sent the first frame;
//! 3. the roles that the bytes of the sides show, as the [`Judge`](super::Judge) reads them;
//! 4. the packet that an ICMP error quotes, where its receiver has sent nothing: its sender;
//! 5. the better known port, which answers;
//! 6. the only sender of datagrams;
//! 7. the lower port, which answers; of equal ports that of the higher end of the key.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::icmp::{IcmpError, KeyedQuote};
use super::key::{FlowKey, HIGH, LOW};
use super::live_flow::{LiveFlow, Seen};
use super::overflow::{FlowOverflow, OverflowTable};
use super::{KeyedSegment, Opening};
use crate::decode::Transport;

/// How the initiator is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Orientation {
    /// From SYN or SYN-ACK.
    Seen,
    /// From what the sides sent, from the group that was sent to, or from an ICMP error.
    Proved,
    /// From the ports.
    Guessed,
}

impl Orientation {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Proved => "proved",
            Self::Guessed => "guessed",
        }
    }
}

/// How likely a port is that of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortRank {
    /// Nothing is known of the port.
    Unknown,
    /// The registry has a name for the port.
    Registered,
    /// The catalogue has a claim on the port.
    Claimed,
}

/// The ports on which services are expected, as plain data: this module knows no catalogue.
#[derive(Debug, Clone)]
pub struct ServicePorts {
    ranks: Vec<PortRank>,
}

impl Default for ServicePorts {
    fn default() -> Self {
        Self { ranks: vec![PortRank::Unknown; 2 << 16] }
    }
}

impl ServicePorts {
    /// Raises the rank of a port.
    pub fn set(&mut self, transport: Transport, port: u16, rank: PortRank) {
        let place = &mut self.ranks[index(transport, port)];
        *place = (*place).max(rank);
    }

    /// How well known the port `a` is, compared to `b`.
    fn compare(&self, transport: Transport, a: u16, b: u16) -> Ordering {
        let rank = |port| self.ranks[index(transport, port)];
        rank(a).cmp(&rank(b))
    }

    /// The end of the key that is the initiator, as far as the ports say, or the end that alone has
    /// sent datagrams.
    fn initiator(&self, key: &FlowKey, only_sender: Option<usize>) -> usize {
        let (low, high) = (key.port(LOW), key.port(HIGH));
        let only_sender = only_sender.filter(|_| key.transport() == Transport::Udp);
        match self.compare(key.transport(), low, high) {
            Ordering::Greater => HIGH,
            Ordering::Less => LOW,
            Ordering::Equal => only_sender.unwrap_or(if low < high { HIGH } else { LOW }),
        }
    }
}

impl LiveFlow {
    /// Chooses the initiator by the flow's first segment.
    pub(super) fn orient_first(&mut self, segment: &KeyedSegment, ports: &ServicePorts) {
        let (sender, receiver) = (segment.end(), 1 - segment.end());
        let to_group = segment.link_broadcast || segment.key.is_group(receiver);
        if to_group && !segment.key.is_group(sender) {
            self.seen.set(Seen::GROUP);
            self.set_initiator(sender);
        } else {
            self.set_initiator(ports.initiator(&segment.key, Some(sender)));
        }
    }

    /// Whether this is the first segment of the second end that sends any.
    #[inline]
    pub(super) const fn is_first_answer(&self, segment: &KeyedSegment) -> bool {
        !self.has_packets(segment.end()) && self.has_packets(1 - segment.end())
    }

    /// Guesses anew, as now both ends have sent: what rests on the only sender, or on an error that
    /// met its packets, holds no longer.
    #[cold]
    pub(super) fn guess_again(&mut self, key: &FlowKey, ports: &ServicePorts) {
        if self.is_guess() {
            self.set_initiator(ports.initiator(key, None));
        }
    }

    /// Sets the initiator that the handshake showed, and corrects a guess made before it. A flow
    /// that is classified keeps the port by which it was classified.
    pub(super) fn orient(&mut self, initiator: usize) {
        if !self.is_judged() {
            self.set_initiator(initiator);
        }
        if initiator == self.initiator() {
            self.seen.set(Seen::ORIENTED);
        }
    }

    /// Takes over what the opening of the flow has shown, now that it is classified.
    pub(super) fn orient_like(&mut self, opening: &Opening) {
        if opening.is_proved() && !self.is_fixed() {
            self.set_initiator(opening.initiator());
            self.seen.set(Seen::PROVED);
        }
    }

    /// Whether nothing that the sides send can change the initiator.
    pub(super) const fn is_fixed(&self) -> bool {
        self.seen.has_any(Seen::ORIENTED | Seen::GROUP)
    }

    /// Whether the initiator is a guess that may still be corrected.
    const fn is_guess(&self) -> bool {
        !self.is_fixed() && !self.seen.has(Seen::PROVED) && !self.is_judged()
    }

    /// How the initiator is known, given the [`icmp`](Self::icmp) error.
    pub(super) const fn orientation(&self, icmp: Option<IcmpError>) -> Orientation {
        if self.seen.has(Seen::ORIENTED) {
            Orientation::Seen
        } else if self.seen.has_any(Seen::PROVED | Seen::GROUP) || icmp.is_some() {
            Orientation::Proved
        } else {
            Orientation::Guessed
        }
    }

    /// Records an ICMP error about a packet of this flow.
    pub(super) fn observe_icmp(&mut self, quote: &KeyedQuote, overflows: &mut OverflowTable) {
        let sender = quote.end();
        self.seen.set(Seen::ICMP);
        self.change_overflow(overflows, |overflow| {
            let known = &mut overflow.widen().icmp[sender];
            // Of several the first counts, but who refuses has been reached.
            if known.is_none_or(|known| quote.error.is_refusal() && !known.is_refusal()) {
                *known = Some(quote.error);
            }
        });
        if self.is_guess() && !self.has_packets(1 - sender) {
            self.set_initiator(sender);
        }
    }

    /// The ICMP error that met the initiator's packets, if nothing has come from the responder.
    pub(super) fn icmp(&self, overflow: &FlowOverflow) -> Option<IcmpError> {
        let initiator = self.initiator();
        if !self.seen.has(Seen::ICMP) || self.has_packets(1 - initiator) {
            return None;
        }
        overflow.wide()?.icmp[initiator]
    }

    fn set_initiator(&mut self, end: usize) {
        self.seen.unset(Seen::INITIATOR_HIGH);
        self.seen.set(if end == HIGH { Seen::INITIATOR_HIGH } else { 0 });
    }
}

fn index(transport: Transport, port: u16) -> usize {
    usize::from(port) << 1 | transport as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Endpoint, FiveTuple};

    #[test]
    fn the_claimed_port_answers_then_the_registered_then_that_of_who_is_silent_then_the_lower() {
        let mut ports = ServicePorts::default();
        ports.set(Transport::Tcp, 50_000, PortRank::Claimed);
        ports.set(Transport::Tcp, 40_000, PortRank::Registered);
        ports.set(Transport::Tcp, 50_000, PortRank::Registered);
        let responder = |transport, a, b, only_sender: Option<u16>| {
            let end = |port| Endpoint { address: [10, 0, 0, 1].into(), port };
            let tuple = FiveTuple { source: end(a), destination: end(b), transport };
            let (key, source) = FlowKey::new(&tuple);
            let sender = only_sender.map(|port| if port == a { source } else { 1 - source });
            key.endpoint(1 - ports.initiator(&key, sender)).port
        };
        let tcp = |a, b| responder(Transport::Tcp, a, b, Some(b));
        assert_eq!(tcp(50_000, 40_000), 50_000);
        assert_eq!(tcp(30_000, 40_000), 40_000);
        assert_eq!(tcp(30_000, 30_001), 30_000, "segments go both ways");
        let udp = |a, b, sender| responder(Transport::Udp, a, b, sender);
        assert_eq!(udp(50_000, 40_000, None), 40_000, "a TCP claim is none on UDP");
        assert_eq!(udp(50_000, 40_000, Some(40_000)), 50_000);
    }
}
