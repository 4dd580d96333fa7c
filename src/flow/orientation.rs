//! Who opened a flow: seen in the handshake, otherwise guessed from the ports.

use crate::decode::{Endpoint, Transport};

/// How the initiator is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// Whether `a` is the responder rather than `b`: the port of higher rank, else the lower port,
    /// else `None`.
    pub(super) fn responder(&self, transport: Transport, a: Endpoint, b: Endpoint) -> Option<bool> {
        let rank = |port| self.ranks[index(transport, port)];
        let by_rank = rank(a.port).cmp(&rank(b.port));
        match by_rank.then(b.port.cmp(&a.port)) {
            std::cmp::Ordering::Greater => Some(true),
            std::cmp::Ordering::Less => Some(false),
            std::cmp::Ordering::Equal => None,
        }
    }
}

fn index(transport: Transport, port: u16) -> usize {
    usize::from(port) << 1 | transport as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claimed_port_answers_then_the_registered_then_the_lower() {
        let mut ports = ServicePorts::default();
        ports.set(Transport::Tcp, 50_000, PortRank::Claimed);
        ports.set(Transport::Tcp, 40_000, PortRank::Registered);
        ports.set(Transport::Tcp, 50_000, PortRank::Registered);
        let end = |port| Endpoint { address: [10, 0, 0, 1].into(), port };
        let responder = |a, b| ports.responder(Transport::Tcp, end(a), end(b));
        assert_eq!(responder(50_000, 40_000), Some(true));
        assert_eq!(responder(30_000, 40_000), Some(false));
        assert_eq!(responder(30_000, 30_001), Some(true));
        assert_eq!(responder(30_000, 30_000), None);
        assert_eq!(
            ports.responder(Transport::Udp, end(50_000), end(40_000)),
            Some(false),
            "a TCP claim is none on UDP"
        );
    }
}
