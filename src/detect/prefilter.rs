//! Which detectors need to be asked: those whose language may begin with the bytes that were said
//! first. A flow that nobody understands is asked about several times, and most detectors would
//! refuse it by its first bytes.

use std::ops::RangeInclusive;

/// Bytes of a stream that count.
pub(super) const PLACES: usize = 5;
/// Zero bytes at the beginning of a stream that are counted.
pub(super) const ZEROS: usize = 16;

/// Bytes that may stand in a place, a bit each.
pub(super) type Bytes = [u64; 4];

const EVERY: Bytes = [u64::MAX; 4];

/// With which bytes the words of either side may begin in a language, as far as these tell. Of a
/// datagram only the first counts: it may be damaged or cut, and other datagrams speak for it.
#[derive(Debug, Clone, Copy)]
pub struct Begins {
    pub(super) datagram: Bytes,
    pub(super) stream: [Bytes; PLACES],
    /// Places of `stream` that were told.
    pub(super) told: usize,
    /// Zero bytes that a stream may begin with.
    pub(super) zeros: usize,
    /// Only what the initiator says counts, where it said something.
    pub(super) asks: bool,
    /// The first bytes of a stream that was joined in the middle say nothing.
    pub(super) joins: bool,
}

impl Begins {
    /// Any.
    pub const ANY: Self = Self {
        datagram: EVERY,
        stream: [EVERY; PLACES],
        told: 0,
        zeros: ZEROS,
        asks: false,
        joins: false,
    };

    /// The first byte is one of these.
    #[must_use]
    pub const fn with(first: &[RangeInclusive<u8>]) -> Self {
        Self { datagram: bytes(first), ..Self::over_tcp(first) }
    }

    /// The first byte of a stream is one of these, that of a datagram any.
    #[must_use]
    pub const fn over_tcp(first: &[RangeInclusive<u8>]) -> Self {
        Self::ANY.then(first)
    }

    /// The first byte of a datagram is one of these.
    #[must_use]
    pub const fn over_udp(self, first: &[RangeInclusive<u8>]) -> Self {
        Self { datagram: bytes(first), ..self }
    }

    /// This tells of the initiator alone: once it has asked otherwise, no answer matters.
    #[must_use]
    pub const fn asks(self) -> Self {
        Self { asks: true, ..self }
    }

    /// The detector finds its place in a stream that was joined in the middle, whose first bytes
    /// say nothing to it. The others look at how a side begins, wherever that is.
    #[must_use]
    pub const fn joins(self) -> Self {
        Self { joins: true, ..self }
    }

    /// The next byte of a stream is one of these.
    #[must_use]
    pub const fn then(mut self, next: &[RangeInclusive<u8>]) -> Self {
        self.stream[self.told] = bytes(next);
        self.told += 1;
        self
    }

    /// The next bytes of a stream may be any.
    #[must_use]
    pub const fn then_any(mut self, places: usize) -> Self {
        self.told += places;
        self
    }

    /// A stream begins with no more zero bytes than these: a length is none, for example.
    #[must_use]
    pub const fn zeros(mut self, most: usize) -> Self {
        self.zeros = most;
        self
    }
}

const fn bytes(ranges: &[RangeInclusive<u8>]) -> Bytes {
    let mut bytes = [0; 4];
    let mut i = 0;
    while i < ranges.len() {
        let mut byte = *ranges[i].start() as usize;
        while byte <= *ranges[i].end() as usize {
            bytes[byte / 64] |= 1 << (byte % 64);
            byte += 1;
        }
        i += 1;
    }
    bytes
}

pub(super) const fn has(bytes: &Bytes, byte: usize) -> bool {
    bytes[byte / 64] >> (byte % 64) & 1 == 1
}
