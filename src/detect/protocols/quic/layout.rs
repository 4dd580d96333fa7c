//! Long headers by their layout alone (RFC 9000, section 17.2; RFC 8999, section 6): a known
//! version, and lengths that lead to the last byte of the datagram. That is what can be told of a
//! server whose client was not captured, of a connection that began before the capture, and of
//! datagrams that the capture cut.

use super::ECHO;
use super::client::SHORTEST;
use super::packet::{Bounds, FIXED, LONG, LongHeader, PacketType};
use super::version::{is_plausible, is_reserved, known};
use crate::evidence::Role;
use crate::flow::Stream;

/// Datagrams of a side that are read at most, and packets in each.
const DATAGRAMS: usize = 4;
const PACKETS: usize = 4;
/// Bytes of a packet with a short header at least: flags, number, the sample that masks it.
const SHORTEST_SEALED: usize = 21;
/// First bytes of a sealed packet of which one is no text.
const SEALED: usize = 16;
/// The weight of packets that is a proof.
const PROOF: usize = 2;
/// Bytes of a server's identifier at least, where no other length is known.
const IDENTIFIER: usize = 4;

/// What the datagrams of a side show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SideLayout {
    /// The side sent nothing.
    Silent,
    /// Its datagrams may be packets.
    Perhaps,
    /// They are packets. The version is at the offset `at` of the stream.
    Proved { version: u32, role: Option<Role>, at: usize },
    /// They are something else.
    Other,
}

/// What one datagram shows.
enum Shown {
    Perhaps,
    /// Packets that fit; `weight` counts those with a short length once and others twice.
    Fits {
        version: u32,
        role: Option<Role>,
        weight: usize,
    },
    Other,
}

impl SideLayout {
    /// Reads what a side sent; `other` is what the other side sent.
    pub(super) fn read(stream: &Stream, other: &Stream) -> Self {
        if stream.is_empty() {
            return Self::Silent;
        }
        let (mut found, mut begin, mut total) = (None, 0, 0);
        let (mut fitting, mut foreign) = (0, 0);
        for ((datagram, ..), len) in stream.datagrams().zip(stream.wire_lens()).take(DATAGRAMS) {
            let shown = datagram_shows(datagram, len, other);
            foreign += usize::from(matches!(shown, Shown::Other));
            fitting += usize::from(!matches!(shown, Shown::Other));
            if let Shown::Fits { version, role, weight } = shown {
                total += weight;
                found = found.or(Some(Self::Proved { version, role, at: begin + 1 }));
            }
            begin += datagram.len();
        }
        match found {
            _ if foreign > 0 && foreign >= fitting => Self::Other,
            // The length of a short packet fits by chance too often.
            Some(proved) if total >= PROOF => proved,
            None if foreign > 0 => Self::Other,
            _ => Self::Perhaps,
        }
    }
}

/// Judges a datagram, of which the capture may have cut the end: it had `len` bytes, if that is
/// known.
fn datagram_shows(datagram: &[u8], len: Option<usize>, other: &Stream) -> Shown {
    let cut = len != Some(datagram.len());
    let [first, ..] = datagram else { return Shown::Perhaps };
    // Google's packets have their version behind an identifier of eight bytes.
    let versioned = first & (LONG | FIXED | 0x09) == 0x09;
    let google = datagram.get(9..).is_none_or(|rest| rest.iter().zip(b"Q0").all(|(a, b)| a == b));
    if cut && versioned && google {
        return Shown::Perhaps;
    }
    if first & LONG == 0 {
        let head = &datagram[..datagram.len().min(SEALED)];
        let text = head.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
        let long = cut || datagram.len() >= SHORTEST_SEALED;
        return if first & FIXED != 0 && long && !text { Shown::Perhaps } else { Shown::Other };
    }
    let Some(header) = LongHeader::read(datagram) else {
        let begun = match datagram.get(1..5) {
            Some(version) => u32::from_be_bytes([version[0], version[1], version[2], version[3]]),
            None => 0,
        };
        let may_be = begun == 0 || is_plausible(begun);
        return if cut && may_be { Shown::Perhaps } else { Shown::Other };
    };
    if header.version == 0 {
        return negotiation_shows(&header, datagram, cut, other);
    }
    let (Some(version), Some(len)) = (known(header.version), len) else {
        let may_be = known(header.version).is_some() || cut && is_plausible(header.version);
        return if may_be { Shown::Perhaps } else { Shown::Other };
    };
    let (mut at, mut role, mut weight) = (0, None, 0);
    for _ in 0..PACKETS {
        let rest = datagram.get(at..).unwrap_or_default();
        let begin = match rest.first() {
            // What follows was cut, or another kind of packet fills the rest.
            None => break,
            Some(first) if first & LONG == 0 && first & FIXED != 0 && at > 0 => {
                at = len;
                break;
            }
            Some(_) => LongHeader::read(rest).filter(|next| next.version == header.version),
        };
        let bounds = begin.and_then(|begin| Bounds::read(&begin, rest, len - at, version));
        let Some(bounds) = bounds else {
            return if cut && begin.is_none_or(|begin| begin.version == header.version) {
                Shown::Perhaps
            } else {
                Shown::Other
            };
        };
        match bounds.kind {
            PacketType::Retry => return Shown::Perhaps,
            PacketType::Early => role = Some(Role::Client),
            // The client chooses an identifier of eight bytes at least for the server, and fills
            // its datagrams (RFC 9000, sections 7.2 and 14.1).
            PacketType::Initial if header.destination.len() < ECHO || len < SHORTEST => {
                role = role.or(Some(Role::Server));
            }
            PacketType::Initial | PacketType::Sealed => {}
        }
        weight += if bounds.is_wide { PROOF } else { 1 };
        at += bounds.end;
    }
    let identified = header.destination.len() >= ECHO || header.source.len() >= IDENTIFIER;
    match (weight > 0 && identified, at == len) {
        (true, true) => Shown::Fits { version: header.version, role, weight },
        (_, false) if !cut => Shown::Other,
        _ => Shown::Perhaps,
    }
}

/// Judges a version negotiation whose client was not captured: a list of versions, of which one is
/// known and none is arbitrary.
fn negotiation_shows(header: &LongHeader<'_>, datagram: &[u8], cut: bool, other: &Stream) -> Shown {
    let list = datagram.get(header.rest..).unwrap_or_default();
    let numbers = || list.chunks_exact(4).map(|v| u32::from_be_bytes([v[0], v[1], v[2], v[3]]));
    let fits = header.source.len() >= ECHO
        && numbers().all(is_plausible)
        && numbers().any(|number| known(number).is_some());
    if !fits || !cut && list.len() % 4 != 0 {
        return Shown::Other;
    }
    let echoes = other.datagrams().next().and_then(|(request, ..)| LongHeader::read(request));
    if echoes.is_some_and(|request| {
        request.source != header.destination || request.destination != header.source
    }) {
        return Shown::Other;
    }
    match numbers().find(|&number| !is_reserved(number) && known(number).is_some()) {
        Some(version) => Shown::Fits { version, role: Some(Role::Server), weight: PROOF },
        None => Shown::Perhaps,
    }
}
