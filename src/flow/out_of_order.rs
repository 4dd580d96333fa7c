//! Segments of one side that came before others which they follow. They wait until these come or
//! are given up.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::SIDE_BYTES;
use super::received::Received;
use super::short_vec::uncounted;
use super::stream::SegmentPayload;
use crate::saved::{BadState, check};

/// Maximum number of segments that wait.
const MAX_SEGMENTS: usize = 16;
/// Segments and bytes that are stored inline: what waits is one allocation for most sides.
const INLINE_SEGMENTS: usize = 2;
const INLINE_BYTES: usize = 96;

/// A segment that came too early.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct EarlySegment {
    /// Distance in bytes from the first byte of the stream.
    pub(super) distance: u32,
    pub(super) frame: u64,
    wire_len: u32,
    from: u32,
    to: u32,
    received: Received,
}

/// The segments by distance, and their bytes in one buffer: no allocation per segment once the
/// buffer has grown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct OutOfOrder {
    #[serde(with = "uncounted")]
    segments: SmallVec<[EarlySegment; INLINE_SEGMENTS]>,
    #[serde(with = "uncounted")]
    bytes: SmallVec<[u8; INLINE_BYTES]>,
    /// Bytes of `bytes` that still belong to a segment.
    live: u32,
    accounted: AccountedSize,
}

/// The accounted, not the actual, size: the capacities of two lists that double when they are full,
/// whether or not their elements are inline.
///
/// Evictions of openings depend on this size, and the golden reports on evictions, so it stays
/// fixed when the layout changes. The actual memory may be some 30 bytes more or, where many
/// segments wait, twice as much.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct AccountedSize {
    segments: u32,
    bytes: u32,
}

impl AccountedSize {
    /// Bytes accounted while nothing waits: two lists and a number, as they were laid out when the
    /// accounting was fixed. Not `size_of::<OutOfOrder>()`, by intention.
    const EMPTY: usize = 56;
    /// Bytes accounted for each segment, as above.
    const SEGMENT: usize = 24;

    fn grow(&mut self, segments: usize, bytes: usize) {
        let grown = |now: u32, need: usize, least: u32| {
            if need as u32 > now { least.max(2 * now).max(need as u32) } else { now }
        };
        (self.segments, self.bytes) =
            (grown(self.segments, segments, 4), grown(self.bytes, bytes, 8));
    }
}

impl OutOfOrder {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Adds a segment unless one with the same distance waits already, and returns whether too many
    /// wait now. The stream continues at distance `expected` and has room for `room` more bytes.
    pub(super) fn insert(
        &mut self,
        distance: u32,
        segment: &SegmentPayload<'_>,
        expected: u32,
        room: usize,
    ) -> bool {
        let SegmentPayload { frame, wire_len, received, .. } = *segment;
        let bytes = &segment.bytes[..segment.bytes.len().min(SIDE_BYTES)];
        if let Err(at) = self.segments.binary_search_by_key(&distance, |early| early.distance) {
            self.tidy();
            let from = self.bytes.len() as u32;
            self.bytes.extend_from_slice(bytes);
            self.live += bytes.len() as u32;
            self.segments.insert(
                at,
                EarlySegment {
                    distance,
                    frame,
                    wire_len,
                    from,
                    to: self.bytes.len() as u32,
                    received,
                },
            );
            self.drop_useless(expected, room);
            self.accounted.grow(self.segments.len(), self.bytes.len());
        }
        self.segments.len() > MAX_SEGMENTS
    }

    /// Drops the bytes of segments that will never fit because nearer ones fill the room. They are
    /// lost if a retransmission of the nearer ones comes of which the capture holds less.
    fn drop_useless(&mut self, mut expected: u32, room: usize) {
        let (mut filled, mut gone) = (0, 0);
        for early in &mut self.segments {
            if filled >= room {
                gone += early.to - early.from;
                if early.to as usize == self.bytes.len() {
                    self.bytes.truncate(early.from as usize);
                }
                early.to = early.from;
                early.received = Received::unknown(true);
                continue;
            }
            // Missing bytes before the segment count as given up.
            let known = expected.saturating_sub(early.distance);
            if known < early.wire_len {
                filled += (early.to - early.from).saturating_sub(known) as usize;
                expected = early.distance.saturating_add(early.wire_len);
            }
        }
        self.live -= gone;
        if gone > 0 && self.bytes.len() > self.live as usize {
            self.gather();
        }
    }

    /// Checks what was read, after `frames` frames.
    pub(super) fn check(&self, frames: u64) -> Result<(), BadState> {
        let is_its = |early: &EarlySegment| {
            early.from <= early.to && early.to as usize <= self.bytes.len() && early.frame <= frames
        };
        let are_its = self.segments.len() <= MAX_SEGMENTS && self.segments.iter().all(is_its);
        check(are_its, "a segment that waits has no bytes")?;
        let live: u64 = self.segments.iter().map(|early| u64::from(early.to - early.from)).sum();
        let is_sorted = self.segments.is_sorted_by(|one, next| one.distance < next.distance);
        let most = 2 * (MAX_SEGMENTS + 1) * SIDE_BYTES;
        let is_bounded = self.bytes.len() <= most
            && self.accounted.bytes as usize <= 2 * most
            && self.accounted.segments as usize <= 2 * MAX_SEGMENTS + 4;
        let is_valid = live == u64::from(self.live) && is_sorted && is_bounded;
        check(is_valid, "segments that wait are not in order")
    }

    /// The segment with the smallest distance.
    pub(super) fn first(&self) -> Option<EarlySegment> {
        self.segments.first().copied()
    }

    /// The segment that waits, in a stream that begins with the sequence number `base`.
    pub(super) fn payload(&self, early: EarlySegment, base: u32) -> SegmentPayload<'_> {
        let EarlySegment { distance, frame, wire_len, from, to, received } = early;
        SegmentPayload {
            seq: base.wrapping_add(distance),
            frame,
            bytes: self.bytes.get(from as usize..to as usize).unwrap_or(&[]),
            wire_len,
            received,
        }
    }

    /// The segments that wait, as [`payload`](Self::payload) gives them.
    pub(super) fn payloads(&self, base: u32) -> impl Iterator<Item = SegmentPayload<'_>> {
        self.segments.iter().map(move |&early| self.payload(early, base))
    }

    /// Removes the segment with the smallest distance.
    pub(super) fn remove_first(&mut self) {
        if !self.segments.is_empty() {
            let gone = self.segments.remove(0);
            self.live -= gone.to - gone.from;
        }
    }

    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.bytes.clear();
        self.live = 0;
    }

    /// Accounted bytes of memory; see [`AccountedSize`].
    pub(super) const fn accounted_bytes(&self) -> usize {
        AccountedSize::EMPTY
            + self.accounted.segments as usize * AccountedSize::SEGMENT
            + self.accounted.bytes as usize
    }

    /// Removes bytes that belong to no segment before they outweigh the others.
    fn tidy(&mut self) {
        if self.live == 0 {
            self.bytes.clear();
        } else if self.bytes.len() > 2 * self.live as usize {
            self.gather();
        }
    }

    /// Removes all bytes that belong to no segment.
    fn gather(&mut self) {
        let old = std::mem::take(&mut self.bytes);
        for early in &mut self.segments {
            let from = self.bytes.len() as u32;
            self.bytes
                .extend_from_slice(old.get(early.from as usize..early.to as usize).unwrap_or(&[]));
            (early.from, early.to) = (from, self.bytes.len() as u32);
        }
        self.accounted.bytes = old.len() as u32;
    }
}
