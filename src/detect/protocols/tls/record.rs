//! The record layer (RFC 8446, section 5.1): content type, version, length, content; repeated.

use std::borrow::Cow;

use crate::detect::formats::tls_alert::WARNING;
use crate::detect::formats::tls_hello::MESSAGE_HEADER;
use crate::evidence::Role;

pub(super) const HEADER: usize = 5;
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
/// Bytes of a record's content at most: plain text, and what encryption may add (RFC 5246, section
/// 6.2.3).
const LONGEST: usize = (1 << 14) + 2048;
/// Bytes of an encrypted record at least: a tag or a hash.
const SHORTEST_SEALED: usize = 16;

/// A record, as far as it was captured.
#[derive(Debug, Clone, Copy)]
pub(super) struct TlsRecord<'a> {
    pub(super) content: u8,
    pub(super) version: u16,
    /// The length of the whole; fewer bytes may have been captured.
    pub(super) len: usize,
    pub(super) bytes: &'a [u8],
    /// The offset in the stream.
    pub(super) at: usize,
}

impl TlsRecord<'_> {
    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() == self.len
    }
}

/// Whether the bytes can be the beginning of a record of one of these content types.
pub(super) fn begins_record(bytes: &[u8], contents: &[u8]) -> bool {
    let at = |i: usize, is: &dyn Fn(u8) -> bool| bytes.get(i).is_none_or(|&b| is(b));
    let len = match bytes {
        [_, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 1,
    };
    at(0, &|b| contents.contains(&b))
        && at(1, &|b| b == 3)
        && at(2, &|b| b <= 4)
        && (1..=LONGEST).contains(&len)
}

/// The records from the beginning of `bytes`, up to the first bytes that are no record.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = TlsRecord<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let [content, major, minor, high, low, behind @ ..] = rest else { return None };
        if !begins_record(rest, &[CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA]) {
            return None;
        }
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let version = u16::from_be_bytes([*major, *minor]);
        let record = TlsRecord {
            content: *content,
            version,
            len,
            bytes: &behind[..len.min(behind.len())],
            at,
        };
        at += HEADER + len;
        Some(record)
    })
}

/// The handshake messages in the clear at the beginning of a side.
pub(super) struct HandshakeMessages<'a> {
    bytes: Cow<'a, [u8]>,
    /// The offset of each record's content in `bytes` and in the stream.
    places: Vec<(usize, usize)>,
    /// No other record follows yet, so more messages may come.
    pub(super) open: bool,
}

/// A handshake message (RFC 8446, section 4), as far as it was captured.
pub(super) struct HandshakeMessage<'a> {
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
    /// The length of the whole; fewer bytes may have been captured.
    pub(super) len: usize,
    /// The offset of the body in the messages.
    pub(super) at: usize,
}

/// The handshake messages that follow each other in `bytes`, as far as their headers are there.
pub(super) fn handshake_messages(bytes: &[u8]) -> impl Iterator<Item = HandshakeMessage<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let [kind, a, b, c, behind @ ..] = bytes.get(at..)? else { return None };
        let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let body = &behind[..len.min(behind.len())];
        let message = HandshakeMessage { kind: *kind, body, len, at: at + MESSAGE_HEADER };
        at += MESSAGE_HEADER + len;
        Some(message)
    })
}

impl<'a> HandshakeMessages<'a> {
    /// Joins the contents of the first handshake records: a message may take several records, and a
    /// record hold several messages.
    pub(super) fn from_records(stream: &'a [u8]) -> Self {
        let mut messages = Self { bytes: Cow::Borrowed(&[]), places: Vec::new(), open: true };
        let mut end = 0;
        for record in records(stream) {
            end = record.at + HEADER + record.len;
            if record.content == ALERT
                && record.len == 2
                && record.bytes.first() == Some(&WARNING)
                && messages.bytes.is_empty()
            {
                continue;
            }
            if record.content != HANDSHAKE {
                messages.open = false;
                break;
            }
            messages.places.push((messages.bytes.len(), record.at + HEADER));
            if messages.bytes.is_empty() {
                messages.bytes = Cow::Borrowed(record.bytes);
            } else {
                messages.bytes.to_mut().extend_from_slice(record.bytes);
            }
        }
        // Bytes that are no record end the messages too.
        let next: &[u8] =
            if messages.bytes.is_empty() { &[HANDSHAKE, ALERT] } else { &[HANDSHAKE] };
        messages.open &= stream.get(end..).is_none_or(|rest| begins_record(rest, next));
        messages
    }

    /// The offset in the stream of the byte at `at`.
    pub(super) fn in_stream(&self, at: usize) -> usize {
        let place = self
            .places
            .partition_point(|&(from, _)| from <= at)
            .checked_sub(1)
            .and_then(|i| self.places.get(i));
        place.map_or(0, |&(from, stream)| stream + (at - from))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = HandshakeMessage<'_>> {
        handshake_messages(&self.bytes)
    }

    /// The first byte, for a message whose header was not captured whole.
    pub(super) fn first(&self) -> Option<u8> {
        self.bytes.first().copied()
    }
}

/// The role of a side whose first record is a handshake message in the clear that only one side
/// sends, and nothing else (RFC 5246, section 7.4).
pub(super) fn role_in_clear(stream: &[u8]) -> Option<Role> {
    let record = records(stream).next().filter(|record| record.content == HANDSHAKE)?;
    let message = handshake_messages(record.bytes).next()?;
    let fits = MESSAGE_HEADER + message.len <= record.len;
    match message.kind {
        // Key exchange, request for a certificate, end of the hello; certificate status.
        12..=14 | 22 if fits => Some(Role::Server),
        // Key exchange.
        16 if fits => Some(Role::Client),
        _ => None,
    }
}

/// Records of a running connection that follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    pub(super) whole: usize,
    pub(super) version: u16,
    /// The last record ends with the side's last byte.
    pub(super) exact: bool,
}

/// The chain of records up to the last byte; `None` where the bytes are something else. Encrypted
/// contents cannot be checked: only headers that fit, all of one version, prove TLS.
pub(super) fn chain(stream: &[u8]) -> Option<Chain> {
    let first = records(stream).next()?;
    let mut chain = Chain { whole: 0, version: first.version, exact: true };
    let mut end = 0;
    for record in records(stream) {
        let fits = match record.content {
            CHANGE_CIPHER_SPEC => record.len == 1,
            APPLICATION_DATA => record.len >= SHORTEST_SEALED,
            // An alert may be in the clear or encrypted.
            ALERT => record.len == 2 || (SHORTEST_SEALED..64).contains(&record.len),
            _ => record.len >= MESSAGE_HEADER,
        };
        if !fits || record.version != first.version || !(0x0301..=0x0303).contains(&record.version)
        {
            return None;
        }
        let sealed = record.content != CHANGE_CIPHER_SPEC && record.len >= SHORTEST_SEALED;
        chain.whole += usize::from(record.is_whole() && sealed);
        end = record.at + HEADER + record.len;
    }
    chain.exact = end == stream.len();
    let rest = stream.get(end..).unwrap_or(&[]);
    begins_record(rest, &[CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA]).then_some(chain)
}
