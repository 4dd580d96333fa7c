//! The bytes with which a protocol's messages may begin: a cheap test before the detector itself.
//!
//! A flow that no detector recognises is inspected several times, and most detectors would refuse
//! it by its first bytes. Each detector therefore states which first bytes it may accept, and the
//! registry turns these statements into tables that select the detectors worth calling. A prefilter
//! may let through too much, which costs time only. It must never be too narrow: the detector would
//! not be called, and the protocol would go unrecognised. Tests compare every prefilter with its
//! detector.

use std::ops::RangeInclusive;

use crate::evidence::BitSet;

/// Bytes of a stream, and of a datagram, that are compared.
pub(super) const PLACES: usize = 8;
/// The length of a datagram from which on all lengths count the same.
pub(super) const LONG_DATAGRAM: usize = 64;
/// Zero bytes at the beginning of a stream that are counted at most.
pub(super) const MAX_ZEROS: usize = 16;

/// A set of byte values.
pub(super) type ByteSet = BitSet<4>;

/// The bytes with which either side of a flow may begin in a protocol.
///
/// Of a stream and of a datagram the first eight bytes are compared, as far as they were captured;
/// of a stream also the number of leading zero bytes, and of a datagram that was not cut the length.
/// A flow passes if any of its datagrams does: others may be damaged.
///
/// # How to fill it in
///
/// | The protocol's messages | Prefilter |
/// |---|---|
/// | begin with one of a few bytes, on each transport that carries them | `Prefilter::first_byte(&[b'A'..=b'Z'])` |
/// | begin with other bytes over UDP than over TCP | `Prefilter::ANY.tcp_first_byte(..).udp_first_byte(..)` |
/// | have further fixed bytes in a stream | `.then(..)` for the next byte, `.skip(n)` over others |
/// | begin with one of a few words in a stream | `.tcp_words(..)` |
/// | have further fixed bytes in a datagram | `.udp_then(..)`, `.udp_skip(n)` |
/// | are datagrams of a length at least | `.udp_at_least(n)` |
/// | begin with a number that is not zero, such as a length | `.max_leading_zeros(n)` |
/// | are known by what the initiator sends, whatever comes back | `.initiator_only()` |
/// | are found again in a stream whose beginning is missing | `.mid_stream()` |
/// | may begin with any byte | none: [`Prefilter::ANY`] is the default |
///
/// List the first bytes of both sides: a detector is called where the bytes of either side pass.
#[derive(Debug, Clone, Copy)]
pub struct Prefilter {
    pub(super) datagram: [ByteSet; PLACES],
    pub(super) stream: [ByteSet; PLACES],
    /// Places of `datagram` and of `stream` that were described.
    datagram_places: usize,
    stream_places: usize,
    /// Bytes of a datagram that was not cut at least.
    pub(super) shortest: usize,
    pub(super) max_leading_zeros: usize,
    pub(super) initiator_only: bool,
    pub(super) mid_stream: bool,
}

impl Prefilter {
    /// Lets every flow through.
    pub const ANY: Self = Self {
        datagram: [ByteSet::FULL; PLACES],
        stream: [ByteSet::FULL; PLACES],
        datagram_places: 0,
        stream_places: 0,
        shortest: 1,
        max_leading_zeros: MAX_ZEROS,
        initiator_only: false,
        mid_stream: false,
    };

    /// The first byte of a stream and of a datagram is one of these.
    #[must_use]
    pub const fn first_byte(bytes: &[RangeInclusive<u8>]) -> Self {
        Self::ANY.tcp_first_byte(bytes).udp_first_byte(bytes)
    }

    /// The first byte of a stream is one of these.
    ///
    /// # Panics
    ///
    /// If a byte was described before; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn tcp_first_byte(self, bytes: &[RangeInclusive<u8>]) -> Self {
        assert!(self.stream_places == 0, "the first byte is described before the others");
        self.then(bytes)
    }

    /// The first byte of a datagram is one of these.
    ///
    /// # Panics
    ///
    /// If a byte was described before; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn udp_first_byte(self, bytes: &[RangeInclusive<u8>]) -> Self {
        assert!(self.datagram_places == 0, "the first byte is described before the others");
        self.udp_then(bytes)
    }

    /// The next byte of a stream, where there is one, is one of these.
    ///
    /// # Panics
    ///
    /// If more than eight bytes are described; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn then(mut self, bytes: &[RangeInclusive<u8>]) -> Self {
        assert!(self.stream_places < PLACES, "eight bytes of a stream are compared");
        self.stream[self.stream_places] = byte_set(bytes);
        self.stream_places += 1;
        self
    }

    /// A stream begins with one of the lists `words`, in letters of either case, or with bytes of
    /// `others`, a set for each place. As many places are compared as `others` has, and no more than
    /// the shortest word.
    ///
    /// # Panics
    ///
    /// As [`tcp_first_byte`](Self::tcp_first_byte).
    #[must_use]
    pub const fn tcp_words(mut self, words: &[&[&[u8]]], others: &[&[RangeInclusive<u8>]]) -> Self {
        assert!(self.stream_places == 0, "the first byte is described before the others");
        while self.stream_places < others.len() {
            let mut bytes = byte_set(others[self.stream_places]);
            let mut list = 0;
            while list < words.len() {
                let mut i = 0;
                while i < words[list].len() {
                    let word = words[list][i];
                    if word.len() <= self.stream_places {
                        return self;
                    }
                    bytes.insert(word[self.stream_places].to_ascii_lowercase() as usize);
                    bytes.insert(word[self.stream_places].to_ascii_uppercase() as usize);
                    i += 1;
                }
                list += 1;
            }
            self.stream[self.stream_places] = bytes;
            self.stream_places += 1;
        }
        self
    }

    /// The next `count` bytes of a stream may have any value.
    #[must_use]
    pub const fn skip(mut self, count: usize) -> Self {
        self.stream_places += count;
        self
    }

    /// The next byte of a datagram, where there is one, is one of these.
    ///
    /// # Panics
    ///
    /// If more than eight bytes are described; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn udp_then(mut self, bytes: &[RangeInclusive<u8>]) -> Self {
        assert!(self.datagram_places < PLACES, "eight bytes of a datagram are compared");
        self.datagram[self.datagram_places] = byte_set(bytes);
        self.datagram_places += 1;
        self
    }

    /// The next `count` bytes of a datagram may have any value.
    #[must_use]
    pub const fn udp_skip(mut self, count: usize) -> Self {
        self.datagram_places += count;
        self
    }

    /// A datagram that was not cut has at least `count` bytes.
    ///
    /// # Panics
    ///
    /// If `count` is more than 64; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn udp_at_least(self, count: usize) -> Self {
        assert!(count <= LONG_DATAGRAM, "longer datagrams are not told apart");
        Self { shortest: count, ..self }
    }

    /// The next `count` bytes of a stream and of a datagram, where there are so many, are of these.
    ///
    /// # Panics
    ///
    /// As [`then`](Self::then).
    #[must_use]
    pub const fn then_all(mut self, count: usize, bytes: &[RangeInclusive<u8>]) -> Self {
        let mut i = 0;
        while i < count {
            self = self.then(bytes).udp_then(bytes);
            i += 1;
        }
        self
    }

    /// A datagram goes on with these bytes.
    ///
    /// # Panics
    ///
    /// As [`udp_then`](Self::udp_then).
    #[must_use]
    pub const fn udp_literal(mut self, bytes: &[u8]) -> Self {
        let mut i = 0;
        while i < bytes.len() && self.datagram_places < PLACES {
            self = self.udp_then(&[bytes[i]..=bytes[i]]);
            i += 1;
        }
        self
    }

    /// A stream begins with at most `count` zero bytes. Without this, any number passes.
    #[must_use]
    pub const fn max_leading_zeros(self, count: usize) -> Self {
        Self { max_leading_zeros: count, ..self }
    }

    /// Only the initiator's bytes are compared, where the initiator sent any: after a request in
    /// another protocol, the detector refuses whatever the responder sent.
    #[must_use]
    pub const fn initiator_only(self) -> Self {
        Self { initiator_only: true, ..self }
    }

    /// A stream whose beginning was not captured passes, whatever its first bytes are: the detector
    /// finds the protocol's messages in it. Other detectors accept such a stream only if a message
    /// begins with the first byte that was captured, so its first bytes are compared as usual.
    #[must_use]
    pub const fn mid_stream(self) -> Self {
        Self { mid_stream: true, ..self }
    }
}

const fn byte_set(ranges: &[RangeInclusive<u8>]) -> ByteSet {
    let mut bytes = ByteSet::EMPTY;
    let mut i = 0;
    while i < ranges.len() {
        let mut byte = *ranges[i].start() as usize;
        while byte <= *ranges[i].end() as usize {
            bytes.insert(byte);
            byte += 1;
        }
        i += 1;
    }
    bytes
}

#[cfg(test)]
impl Prefilter {
    /// The method to widen where these first bytes do not pass, and the reason.
    pub(super) fn refusal(
        &self,
        transport: crate::decode::Transport,
        bytes: &[u8],
    ) -> Option<String> {
        use crate::decode::Transport;

        bytes.first()?;
        if transport == Transport::Udp {
            let (place, byte) = bytes
                .iter()
                .enumerate()
                .take(PLACES)
                .find(|&(place, &byte)| !self.datagram[place].contains(usize::from(byte)))
                .or_else(|| Some((0, bytes.first().filter(|_| bytes.len() < self.shortest)?)))?;
            let method = match place {
                _ if bytes.len() < self.shortest => "`udp_at_least`",
                0 => "`udp_first_byte` (or `first_byte`)",
                _ => "`udp_then`",
            };
            return Some(format!("{method} for byte {place} of a datagram lacks {byte:#04x}"));
        }
        let zeros = bytes.iter().take(MAX_ZEROS).take_while(|&&byte| byte == 0).count();
        if zeros > self.max_leading_zeros {
            return Some(format!("`max_leading_zeros` is below {zeros}"));
        }
        let (place, byte) = bytes
            .iter()
            .enumerate()
            .take(PLACES)
            .find(|&(place, &byte)| !self.stream[place].contains(usize::from(byte)))?;
        let method = if place == 0 { "`tcp_first_byte` (or `first_byte`)" } else { "`then`" };
        Some(format!("{method} for byte {place} of the stream lacks {byte:#04x}"))
    }
}
