//! What servers call themselves, what clients call them, and what they say where nobody knows the
//! protocol: products, names and a first line.
//!
//! Of each server the sixteen lowest products and the sixteen lowest names are kept, in bytewise
//! order, and the earliest line, each of at most 96 bytes; of all servers together the `limit` first ones in the order of
//! ranks. What a part leaves out, the whole leaves out too: as many stand before it there.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::key::ServerRank;
use crate::stats::sensors::{SensorPlace, move_frame};

/// The longest text in bytes; what is longer is cut.
const MAX_BYTES: usize = 96;
/// Texts that are kept of one server, products and names each.
const PER_SERVER: usize = 16;

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TextSource {
    /// What the server calls itself.
    Product,
    /// The server name that a client asked for in TLS or QUIC (RFC 6066, section 3).
    Sni,
    /// The `Host` of a client's HTTP request (RFC 9110, section 7.2).
    Host,
    /// An answer of a name server.
    Dns,
    /// An answer of multicast DNS (RFC 6762).
    Mdns,
    /// An answer of link-local name resolution (RFC 4795).
    Llmnr,
    /// The first line of a flow that was not recognised, or of plain text.
    FirstLine,
}

impl ServerText {
    /// Whether a `Host` says no more than the endpoint does.
    #[must_use]
    pub fn is_address(&self) -> bool {
        let host = self.text.split_once(':').map_or(&*self.text, |(host, _)| host);
        self.source == TextSource::Host
            && (host == "localhost"
                || self.text.parse::<SocketAddr>().is_ok()
                || self.text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
    }
}

impl TextSource {
    /// Whether the text is what somebody calls an address or a server.
    pub(super) const fn is_name(self) -> bool {
        !matches!(self, Self::Product | Self::FirstLine)
    }

    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Sni => "sni",
            Self::Host => "host",
            Self::Dns => "dns",
            Self::Mdns => "mdns",
            Self::Llmnr => "llmnr",
            Self::FirstLine => "first_line",
        }
    }

    /// Products come first, then names, then the line.
    const fn group(self) -> u8 {
        match self {
            Self::Product => 0,
            Self::Sni | Self::Host | Self::Dns | Self::Mdns | Self::Llmnr => 1,
            Self::FirstLine => 2,
        }
    }
}

/// An untrusted text about a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerText {
    /// Where it comes from.
    pub source: TextSource,
    /// The text, at most 96 bytes.
    pub text: Box<str>,
    /// The number of the first frame that has it.
    pub frame: u64,
}

impl ServerText {
    const fn key(&self) -> (u8, &str, TextSource) {
        key(self.source, &self.text)
    }
}

/// The place of a text among those of a server, which has only one line.
const fn key(source: TextSource, text: &str) -> (u8, &str, TextSource) {
    let text = if matches!(source, TextSource::FirstLine) { "" } else { text };
    (source.group(), text, source)
}

/// The texts of all servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ServerTexts {
    /// Those of each server in the order of their keys.
    texts: BTreeMap<ServerRank, Vec<ServerText>>,
    len: usize,
    limit: usize,
}

impl ServerTexts {
    pub(super) const fn new(limit: usize) -> Self {
        Self { texts: BTreeMap::new(), len: 0, limit }
    }

    pub(super) fn add(&mut self, rank: ServerRank, source: TextSource, text: &str, frame: u64) {
        let text = cut(text);
        if text.is_empty() {
            return;
        }
        let texts = self.texts.entry(rank).or_insert_with(|| Vec::with_capacity(1));
        match texts.binary_search_by(|known| known.key().cmp(&key(source, text))) {
            Ok(at) => {
                let known = &mut texts[at];
                if frame < known.frame && *known.text != *text {
                    known.text = text.into();
                }
                known.frame = known.frame.min(frame);
            }
            Err(at) => {
                texts.insert(at, ServerText { source, text: text.into(), frame });
                self.len += 1;
                let of_kind = |known: &ServerText| known.source.group() == source.group();
                if texts.iter().filter(|known| of_kind(known)).count() > PER_SERVER
                    && let Some(last) = texts.iter().rposition(of_kind)
                {
                    texts.remove(last);
                    self.len -= 1;
                }
                self.trim();
            }
        }
    }

    /// Whether the number of texts is what it was read as.
    pub(super) fn is_counted(&self) -> bool {
        let kinds = |texts: &Vec<ServerText>| texts.len() <= 2 * PER_SERVER + 1;
        self.len == self.texts.values().map(Vec::len).sum::<usize>()
            && self.texts.values().all(|texts| kinds(texts) && !texts.is_empty())
    }

    fn trim(&mut self) {
        while self.len > self.limit
            && let Some(mut last) = self.texts.last_entry()
        {
            self.len -= usize::from(last.get_mut().pop().is_some());
            if last.get().is_empty() {
                last.remove();
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (rank, texts) in other.texts {
            for ServerText { source, text, frame } in texts {
                self.add(rank, source, &text, frame);
            }
        }
    }

    /// The texts as they count among those of several sensors.
    pub(super) fn at(mut self, SensorPlace { sensor, frames }: SensorPlace) -> Self {
        for text in self.texts.values_mut().flatten() {
            move_frame(&mut text.frame, frames);
        }
        let texts = self.texts.into_iter();
        let texts = texts.map(|(rank, texts)| (rank.of_sensor(sensor), texts)).collect();
        Self { texts, ..self }
    }

    /// The products, the names and the first line of a server.
    pub(super) fn get(
        &self,
        rank: ServerRank,
    ) -> (&[ServerText], &[ServerText], Option<&ServerText>) {
        let texts = self.texts.get(&rank).map_or(&[][..], Vec::as_slice);
        let before = |group: u8| texts.partition_point(|text| text.source.group() < group);
        let (texts, line) = texts.split_at(before(2));
        let (products, names) = texts.split_at(before(1));
        (products, names, line.first())
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        let text = |text: &ServerText| text.text.len() + 16;
        let server = |texts: &Vec<ServerText>| {
            let own = texts.capacity() * size_of::<ServerText>() + 16;
            own + texts.iter().map(text).sum::<usize>()
        };
        let entry = 2 * (size_of::<ServerRank>() + size_of::<Vec<ServerText>>());
        self.texts.values().map(|texts| server(texts) + entry).sum()
    }
}

/// The longest beginning of a text that may be kept.
pub(super) fn cut(text: &str) -> &str {
    let is_end = |&end: &usize| text.is_char_boundary(end);
    (0..=MAX_BYTES.min(text.len()))
        .rev()
        .find(is_end)
        .and_then(|end| text.get(..end))
        .unwrap_or(text)
}
