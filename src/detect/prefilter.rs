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

/// Bytes of a stream that are compared.
pub(super) const PLACES: usize = 5;
/// Zero bytes at the beginning of a stream that are counted at most.
pub(super) const MAX_ZEROS: usize = 16;

/// A set of byte values.
pub(super) type ByteSet = BitSet<4>;

/// The bytes with which either side of a flow may begin in a protocol.
///
/// Of a datagram only the first byte is compared: a datagram may be damaged or cut, and other
/// datagrams of the flow can pass instead. Of a stream the first five bytes and the number of
/// leading zero bytes are compared.
///
/// # How to fill it in
///
/// | The protocol's messages | Prefilter |
/// |---|---|
/// | begin with one of a few bytes, on each transport that carries them | `Prefilter::first_byte(&[b'A'..=b'Z'])` |
/// | begin with other bytes over UDP than over TCP | `Prefilter::ANY.tcp_first_byte(..).udp_first_byte(..)` |
/// | have further fixed bytes in a stream | `.then(..)` for the next byte, `.skip(n)` over others |
/// | begin with a number that is not zero, such as a length | `.max_leading_zeros(n)` |
/// | are known by what the initiator sends, whatever comes back | `.initiator_only()` |
/// | are found again in a stream whose beginning is missing | `.mid_stream()` |
/// | may begin with any byte | none: [`Prefilter::ANY`] is the default |
///
/// List the first bytes of both sides: a detector is called where the bytes of either side pass.
#[derive(Debug, Clone, Copy)]
pub struct Prefilter {
    pub(super) datagram: ByteSet,
    pub(super) stream: [ByteSet; PLACES],
    /// Places of `stream` that were described.
    described: usize,
    pub(super) max_leading_zeros: usize,
    pub(super) initiator_only: bool,
    pub(super) mid_stream: bool,
}

impl Prefilter {
    /// Lets every flow through.
    pub const ANY: Self = Self {
        datagram: ByteSet::FULL,
        stream: [ByteSet::FULL; PLACES],
        described: 0,
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
        assert!(self.described == 0, "the first byte is described before the others");
        self.then(bytes)
    }

    /// The first byte of a datagram is one of these.
    #[must_use]
    pub const fn udp_first_byte(self, bytes: &[RangeInclusive<u8>]) -> Self {
        Self { datagram: byte_set(bytes), ..self }
    }

    /// The next byte of a stream, where there is one, is one of these.
    ///
    /// # Panics
    ///
    /// If more than five bytes are described; in a constant, that is an error of the compiler.
    #[must_use]
    pub const fn then(mut self, bytes: &[RangeInclusive<u8>]) -> Self {
        assert!(self.described < PLACES, "five bytes of a stream are compared");
        self.stream[self.described] = byte_set(bytes);
        self.described += 1;
        self
    }

    /// The next `count` bytes of a stream may have any value.
    #[must_use]
    pub const fn skip(self, count: usize) -> Self {
        Self { described: self.described + count, ..self }
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

        let first = usize::from(*bytes.first()?);
        if transport == Transport::Udp {
            return (!self.datagram.contains(first))
                .then(|| format!("`udp_first_byte` (or `first_byte`) lacks {first:#04x}"));
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
