//! The IANA Service Name and Transport Protocol Port Number Registry: every name of every port.

#![allow(clippy::unreadable_literal, reason = "the tables that `build.rs` makes")]

use crate::decode::{ServicePort, Transport};

// `PRESENT` has a bit for each port and transport that has lines, and `NAMED` for each that has a
// name; `BEFORE` has the number of `PRESENT`'s bits before each word, and `STARTS` where in `LINES`
// the lines of each such port begin, and where the last end.
include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// The lines, `name TAB description`, by port and transport; several names of a port are in the
/// registry's order.
static LINES: &str = include_str!(concat!(env!("OUT_DIR"), "/registry.txt"));

/// A line of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryEntry {
    /// The service name; empty for a port that IANA reserves.
    pub name: &'static str,
    /// The description; "Reserved" or similar for a port without a name.
    pub description: &'static str,
}

/// The registry, by port and transport. `build.rs` prepares it.
pub struct Registry {
    /// The day of the data, `YYYY-MM-DD`.
    pub date: &'static str,
}

impl Registry {
    /// The registry that is part of the program.
    pub(super) const fn shipped() -> Self {
        Self { date: DATE }
    }

    /// Every line for a port, including reserved ones.
    pub fn entries(&self, port: ServicePort) -> impl Iterator<Item = RegistryEntry> + use<> {
        let lines = place(port).and_then(|n| LINES.get(range(n)?)).unwrap_or("");
        lines.lines().map(|line| {
            let (name, description) = line.split_once('\t').unwrap_or((line, ""));
            RegistryEntry { name, description }
        })
    }

    /// Every name of a port.
    pub fn names(&self, port: ServicePort) -> impl Iterator<Item = &'static str> + use<> {
        self.entries(port).map(|entry| entry.name).filter(|name| !name.is_empty())
    }

    /// The ports that a service name is registered for, as `portlore port ssh` asks, in ascending
    /// order.
    pub fn ports_of(&self, name: &str) -> impl Iterator<Item = ServicePort> {
        self.named_ports()
            .filter(move |&port| self.names(port).any(|other| other.eq_ignore_ascii_case(name)))
    }

    /// The ports that have a name, in ascending order.
    pub fn named_ports(&self) -> impl Iterator<Item = ServicePort> + use<> {
        let bits = |word: u64| {
            let rest = std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)));
            rest.take_while(|&rest| rest != 0).map(u64::trailing_zeros)
        };
        let places = (0_u32..)
            .zip(NAMED)
            .flat_map(move |(word, named)| bits(named).map(move |bit| word * u64::BITS + bit));
        places.map(|at| {
            let transport = if at % 2 == 0 { Transport::Tcp } else { Transport::Udp };
            ServicePort::new((at / 2) as u16, transport)
        })
    }
}

/// The place of a port among those that have lines.
fn place(port: ServicePort) -> Option<usize> {
    let at = usize::from(port.port) * 2 + usize::from(port.transport == Transport::Udp);
    let (word, bit) = (PRESENT.get(at / 64)?, 1_u64 << (at % 64));
    let before = usize::from(*BEFORE.get(at / 64)?) + (word & (bit - 1)).count_ones() as usize;
    (word & bit != 0).then_some(before)
}

/// Where the lines of the port in a place are.
fn range(place: usize) -> Option<std::ops::Range<usize>> {
    Some(*STARTS.get(place)? as usize..*STARTS.get(place + 1)? as usize)
}

/// The three ranges of RFC 6335, section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortRange {
    /// 0 to 1023.
    WellKnown,
    /// 1024 to 49151.
    Registered,
    /// 49152 to 65535.
    Dynamic,
}

impl PortRange {
    /// The range of a port.
    #[must_use]
    pub const fn from_port(port: u16) -> Self {
        match port {
            0..=1023 => Self::WellKnown,
            1024..=49151 => Self::Registered,
            _ => Self::Dynamic,
        }
    }

    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WellKnown => "well-known",
            Self::Registered => "registered",
            Self::Dynamic => "dynamic",
        }
    }

    /// Name and bounds of the range, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::WellKnown => "well-known (0-1023)",
            Self::Registered => "registered (1024-49151)",
            Self::Dynamic => "dynamic (49152-65535)",
        }
    }
}
