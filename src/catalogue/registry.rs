//! The IANA Service Name and Transport Protocol Port Number Registry: every name of every port.

use std::collections::HashMap;

use memchr::memchr;

use crate::decode::{ServicePort, Transport};

static TABLE: &str = include_str!("../../catalogue/registry.tsv");

/// A line of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryEntry {
    /// The port, of TCP or UDP; the registry's SCTP and DCCP lines are not read.
    pub port: ServicePort,
    /// The service name; empty for a port that IANA reserves.
    pub name: &'static str,
    /// The description; "Reserved" or similar for a port without a name.
    pub description: &'static str,
}

/// The registry, indexed by port and transport.
pub struct Registry {
    /// Sorted by port and transport; several names of a port are in the registry's order.
    entries: Vec<RegistryEntry>,
    /// The entries of each port. A hash table, because every unrecognised flow is looked up.
    positions: HashMap<ServicePort, std::ops::Range<usize>, foldhash::fast::RandomState>,
    /// The day of the data, `YYYY-MM-DD`.
    pub date: &'static str,
}

impl Registry {
    /// Parses the table that is part of the program.
    pub(super) fn shipped() -> Self {
        let date = TABLE.split_once("published ").map_or("", |(_, rest)| &rest[..10]);
        let (mut entries, mut rest) = (Vec::new(), TABLE);
        while !rest.is_empty() {
            let (line, after) = split_at_byte(rest, b'\n');
            entries.extend(parse(line));
            rest = after;
        }
        // A stable sort keeps the registry's order of names.
        entries.sort_by_key(|e| e.port);
        let mut positions = HashMap::<_, std::ops::Range<usize>, _>::default();
        for (i, entry) in entries.iter().enumerate() {
            positions.entry(entry.port).or_insert(i..i).end = i + 1;
        }
        Self { entries, positions, date }
    }

    /// Every line for a port, including reserved ones.
    #[must_use]
    pub fn entries(&self, port: ServicePort) -> &[RegistryEntry] {
        self.positions.get(&port).map_or(&[], |range| &self.entries[range.clone()])
    }

    /// Every name of a port.
    pub fn names(&self, port: ServicePort) -> impl Iterator<Item = &'static str> {
        self.entries(port).iter().map(|e| e.name).filter(|name| !name.is_empty())
    }

    /// The ports that a service name is registered for, as `portlore port ssh` asks.
    pub fn ports_of<'n>(&'n self, name: &'n str) -> impl Iterator<Item = ServicePort> + 'n {
        let named = self.entries.iter().filter(move |e| e.name.eq_ignore_ascii_case(name));
        named.map(|e| e.port)
    }

    /// The ports that have a name.
    pub fn named_ports(&self) -> impl Iterator<Item = ServicePort> {
        self.entries.iter().filter(|e| !e.name.is_empty()).map(|e| e.port)
    }
}

fn parse(line: &'static str) -> Option<RegistryEntry> {
    if line.starts_with('#') {
        return None;
    }
    let (port, rest) = split_at_byte(line, b'\t');
    let (transport, rest) = split_at_byte(rest, b'\t');
    let (name, rest) = split_at_byte(rest, b'\t');
    let (description, _) = split_at_byte(rest, b'\t');
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return None,
    };
    let port = ServicePort::new(port.parse().ok()?, transport);
    Some(RegistryEntry { port, name, description })
}

/// The text before and after the first `at`, an ASCII character. This runs 60,000 times at every
/// start, hence `memchr`.
fn split_at_byte(text: &'static str, at: u8) -> (&'static str, &'static str) {
    let before = memchr(at, text.as_bytes()).unwrap_or(text.len());
    (&text[..before], text.get(before + 1..).unwrap_or(""))
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
