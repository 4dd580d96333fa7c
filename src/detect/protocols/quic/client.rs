//! The frames in a client's Initial packets (RFC 9000, sections 12.4 and 19), which carry its
//! `ClientHello` in pieces, in any order, over several packets.

use super::packet::{Bounds, Keys, LongHeader, PacketType, varint};
use super::version::{Version, known};
use crate::flow::Stream;

/// Bytes of a datagram with a client's Initial packet (RFC 9000, section 14.1).
pub(super) const SHORTEST: usize = 1200;
/// Datagrams of a client that are read at most, and packets in each.
const DATAGRAMS: usize = 8;
const PACKETS: usize = 4;
/// Packets that could not be decrypted after which no other is tried.
const FAILURES: usize = 2;
/// The type of the frame that carries the handshake, and Google's type for it.
const CRYPTO: usize = 6;
const GOOGLES_CRYPTO: usize = 8;
/// Bytes of a hello at most.
const LONGEST_HELLO: usize = 1 << 14;

/// A client whose Initial packets could be decrypted.
pub(super) struct Client<'a> {
    pub(super) version: Version,
    /// The client's own connection identifier.
    pub(super) source: &'a [u8],
    /// The offset in the stream of the datagram with the first Initial packet.
    pub(super) at: usize,
    /// Pieces of the handshake: offset, bytes, and the offset of their datagram in the stream.
    pieces: Vec<(usize, Vec<u8>, usize)>,
}

impl<'a> Client<'a> {
    /// Decrypts the Initial packets of a side; `None` where there are none.
    pub(super) fn read(stream: &'a Stream) -> Option<Self> {
        let mut found: Option<(Self, Keys)> = None;
        let (mut begin, mut failures) = (0, 0);
        for (datagram, _, cut) in stream.datagrams().take(DATAGRAMS) {
            let mut rest = datagram;
            for _ in 0..PACKETS {
                let Some(header) = LongHeader::read(rest) else { break };
                let Some(version) = known(header.version) else { break };
                if cut || datagram.len() < SHORTEST {
                    break;
                }
                let Some(bounds) = Bounds::read(&header, rest, rest.len(), version) else { break };
                if bounds.kind == PacketType::Initial {
                    let by_known = found.as_ref().and_then(|(_, keys)| keys.open(rest, bounds));
                    let opened = by_known.map(|content| (content, None)).or_else(|| {
                        let keys = Keys::from_destination(version, header.destination)?;
                        Some((keys.open(rest, bounds)?, Some(keys)))
                    });
                    match (opened, &mut found) {
                        (None, _) if failures == FAILURES => return found.map(|found| found.0),
                        (None, _) => failures += 1,
                        (Some((content, _)), Some((client, _))) => client.take(&content, begin),
                        (Some((content, keys)), None) => {
                            let source = header.source;
                            let mut client =
                                Self { version, source, at: begin, pieces: Vec::new() };
                            client.take(&content, begin);
                            found = keys.map(|keys| (client, keys));
                        }
                    }
                }
                rest = rest.get(bounds.end..).unwrap_or(&[]);
            }
            begin += datagram.len();
        }
        found.map(|found| found.0)
    }

    /// Collects the pieces of the handshake in the frames of a packet.
    fn take(&mut self, content: &[u8], begin: usize) {
        let mut at = 0;
        while let Some(kind) = varint(content, &mut at) {
            match kind {
                // Padding, often much.
                0 => {
                    at += content
                        .get(at..)
                        .unwrap_or(&[])
                        .iter()
                        .take_while(|&&byte| byte == 0)
                        .count();
                }
                // Ping.
                1 => {}
                // Acknowledgement: largest, delay, ranges of two numbers each, and three counters
                // in type 3.
                2 | 3 => {
                    let mut skip =
                        |n: usize| (0..n).try_for_each(|_| varint(content, &mut at).map(|_| ()));
                    if skip(2).is_none() {
                        return;
                    }
                    let Some(ranges) = varint(content, &mut at) else { return };
                    let numbers = 1 + 2 * ranges.min(content.len()) + if kind == 3 { 3 } else { 0 };
                    if (0..numbers).try_for_each(|_| varint(content, &mut at).map(|_| ())).is_none()
                    {
                        return;
                    }
                }
                CRYPTO | GOOGLES_CRYPTO if kind == CRYPTO || self.version.google => {
                    let (Some(offset), Some(len)) =
                        (varint(content, &mut at), varint(content, &mut at))
                    else {
                        return;
                    };
                    let Some(end) = at.checked_add(len) else { return };
                    let Some(bytes) = content.get(at..end) else { return };
                    if offset <= LONGEST_HELLO {
                        self.pieces.push((offset, bytes.to_vec(), begin));
                    }
                    at = end;
                }
                _ => return,
            }
        }
    }

    /// The handshake from its beginning up to the first missing byte.
    pub(super) fn handshake(&mut self) -> Vec<u8> {
        self.pieces.sort_by_key(|piece| piece.0);
        let mut bytes = Vec::new();
        for (offset, piece, _) in &self.pieces {
            let Some(known) = bytes.len().checked_sub(*offset) else { break };
            bytes.extend_from_slice(piece.get(known..).unwrap_or(&[]));
        }
        bytes
    }

    /// The offset in the stream of the datagram that has the handshake's byte at `at`.
    pub(super) fn place(&self, at: usize) -> usize {
        let holds =
            |piece: &&(usize, Vec<u8>, usize)| (piece.0..piece.0 + piece.1.len()).contains(&at);
        self.pieces.iter().find(holds).map_or(self.at, |piece| piece.2)
    }
}
