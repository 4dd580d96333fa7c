//! The IANA Service Name and Transport Protocol Port Number Registry: every name of every port.

use std::collections::HashMap;

use memchr::memchr;

use crate::decode::Transport;

static TABLE: &str = include_str!("../../catalogue/registry.tsv");

/// A line of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The port.
    pub port: u16,
    /// TCP or UDP; the registry's SCTP and DCCP lines are not read.
    pub transport: Transport,
    /// The service name; empty for a port that IANA reserves.
    pub name: &'static str,
    /// Its description.
    pub description: &'static str,
}

/// The registry.
pub struct Registry {
    /// By port and transport, several names in the registry's order.
    entries: Vec<Entry>,
    /// Where in `entries` those of a port stand: asked for every flow that nobody recognised.
    places: HashMap<(u16, Transport), std::ops::Range<usize>, foldhash::fast::RandomState>,
    /// Day of the data, `YYYY-MM-DD`.
    pub date: &'static str,
}

impl Registry {
    /// The table that came with the program.
    pub(super) fn shipped() -> Self {
        let date = TABLE.split_once("published ").map_or("", |(_, rest)| &rest[..10]);
        let (mut entries, mut rest) = (Vec::new(), TABLE);
        while !rest.is_empty() {
            let (line, behind) = cut(rest, b'\n');
            entries.extend(parse(line));
            rest = behind;
        }
        // Stable: keeps the registry's order of names.
        entries.sort_by_key(|e| (e.port, e.transport));
        let mut places = HashMap::<_, std::ops::Range<usize>, _>::default();
        for (i, entry) in entries.iter().enumerate() {
            places.entry((entry.port, entry.transport)).or_insert(i..i).end = i + 1;
        }
        Self { entries, places, date }
    }

    /// Every line for a port, reserved ones too.
    #[must_use]
    pub fn entries(&self, port: u16, transport: Transport) -> &[Entry] {
        self.places.get(&(port, transport)).map_or(&[], |place| &self.entries[place.clone()])
    }

    /// Every name of a port.
    pub fn names(&self, port: u16, transport: Transport) -> impl Iterator<Item = &'static str> {
        self.entries(port, transport).iter().map(|e| e.name).filter(|name| !name.is_empty())
    }

    /// The ports that have a name.
    pub fn named_ports(&self) -> impl Iterator<Item = (u16, Transport)> {
        self.entries.iter().filter(|e| !e.name.is_empty()).map(|e| (e.port, e.transport))
    }
}

fn parse(line: &'static str) -> Option<Entry> {
    if line.starts_with('#') {
        return None;
    }
    let (port, rest) = cut(line, b'\t');
    let (transport, rest) = cut(rest, b'\t');
    let (name, rest) = cut(rest, b'\t');
    let (description, _) = cut(rest, b'\t');
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return None,
    };
    Some(Entry { port: port.parse().ok()?, transport, name, description })
}

/// What stands before an ASCII character and what behind it. The table is cut 60,000 times at every
/// start.
fn cut(text: &'static str, at: u8) -> (&'static str, &'static str) {
    let before = memchr(at, text.as_bytes()).unwrap_or(text.len());
    (&text[..before], text.get(before + 1..).unwrap_or(""))
}

/// The three ranges of RFC 6335, section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// 0 to 1023.
    WellKnown,
    /// 1024 to 49151.
    Registered,
    /// 49152 to 65535.
    Dynamic,
}

impl Range {
    /// The range of a port.
    #[must_use]
    pub const fn of(port: u16) -> Self {
        match port {
            0..=1023 => Self::WellKnown,
            1024..=49151 => Self::Registered,
            _ => Self::Dynamic,
        }
    }

    /// Its name and bounds, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::WellKnown => "well-known (0-1023)",
            Self::Registered => "registered (1024-49151)",
            Self::Dynamic => "dynamic (49152-65535)",
        }
    }
}
