//! The first bytes of one side: in order, bounded, and with the frame of each byte.

mod repetition;

use std::ops::Range;
use std::slice::from_ref;

use prefetch_index::prefetch_index;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub(super) use self::repetition::Repetition;
use super::out_of_order::OutOfOrder;
use super::received::Received;
use super::short_vec;
use crate::decode::Transport;
use crate::saved::{BadState, check};

/// Bytes stored of each side.
pub const SIDE_BYTES: usize = 8 * 1024;
/// Segments whose bytes are stored of each side.
const SIDE_SEGMENTS: usize = 256;
/// Datagrams that are stored of each side: the first ones whole, of the others the beginning. The
/// first messages say what is spoken; that many others follow in step tells a stream of media.
const SIDE_DATAGRAMS: usize = 32;
const WHOLE_DATAGRAMS: usize = 4;
const DATAGRAM_HEAD: usize = 64;
/// Bytes and segments that are stored inline: most sides of most flows are classified by fewer.
const INLINE_BYTES: usize = 96;
const INLINE_SEGMENTS: usize = 2;
/// Bytes by which a segment may be early or late. A segment farther off cannot be ordered: either
/// the rest was lost, or the sequence numbers mean nothing.
const WINDOW: u32 = 1 << 20;

/// Missing bytes that are not counted any more.
const MANY: u16 = u16::MAX;

/// Where the bytes of a segment begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct SegmentStart {
    frame: u64,
    start: u16,
    /// Number of bytes that are missing before this segment; [`MANY`] or more are not counted.
    missing: u16,
    received: Received,
}

/// The payload of a TCP segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentPayload<'a> {
    pub(super) seq: u32,
    pub(super) frame: u64,
    /// The captured bytes.
    pub(super) bytes: &'a [u8],
    /// Bytes on the wire.
    pub(super) wire_len: u32,
    pub(super) received: Received,
}

/// The first bytes of one side.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one thing that was seen, in any combination"
)]
pub struct Stream {
    #[serde(with = "short_vec")]
    bytes: SmallVec<[u8; INLINE_BYTES]>,
    #[serde(with = "short_vec")]
    segments: SmallVec<[SegmentStart; INLINE_SEGMENTS]>,
    /// TCP: segments that came too early, by their distance from `base`, so that sequence numbers
    /// may wrap.
    out_of_order: Option<Box<OutOfOrder>>,
    /// TCP: the first expected sequence number.
    base: u32,
    /// TCP: the sequence number of the next byte, once it is known.
    expected: u32,
    expecting: bool,
    /// TCP: SYN was seen, so that the first byte here is the first of the connection. Always true
    /// for UDP, which has no such thing.
    from_start: bool,
    /// Number of bytes that are missing before the next segment; at most [`MANY`].
    missing: u16,
    /// Urgent bytes that were left out before the next segment.
    urgent: u8,
    full: bool,
    /// Number of bytes before the first missing one.
    head: u16,
}

impl Stream {
    /// Whether the first byte is the first that the side sent: the handshake was seen and no byte
    /// after it is missing.
    #[must_use]
    pub fn from_start(&self) -> bool {
        self.from_start && self.segments.first().is_none_or(|segment| segment.missing == 0)
    }

    /// Whether no byte is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes before the first missing one.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.head)).unwrap_or(&[])
    }

    /// Whether more bytes may follow the head: no byte is missing behind it, and there is room.
    #[must_use]
    pub fn head_may_grow(&self) -> bool {
        !self.full
            && self.missing == 0
            && self.segments.iter().skip(1).all(|segment| segment.missing == 0)
    }

    /// All bytes without the missing ones; [`runs`](Self::runs) gives the ranges.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The ranges of [`bytes`](Self::bytes) within which no byte is missing.
    pub fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut starts = self
            .segments
            .iter()
            .filter(|p| p.missing > 0)
            .map(|p| usize::from(p.start))
            .filter(|&s| s > 0);
        let mut from = (!self.bytes.is_empty()).then_some(0);
        std::iter::from_fn(move || {
            let start = from?;
            let next = starts.next();
            from = next;
            Some(start..next.unwrap_or(self.bytes.len()))
        })
    }

    /// The positions in a range of [`bytes`](Self::bytes) where segments begin.
    pub fn starts(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        self.segments
            .iter()
            .map(|segment| usize::from(segment.start))
            .filter(move |start| range.contains(start))
    }

    /// The number of bytes that are missing before the segment that begins at `start`; `None` where
    /// they are too many to be counted, or no segment begins there.
    #[must_use]
    pub fn missing_before(&self, start: usize) -> Option<usize> {
        let place = self.segments.binary_search_by_key(&start, |s| usize::from(s.start)).ok()?;
        let missing = self.segments.get(place)?.missing;
        (missing < MANY).then_some(usize::from(missing))
    }

    /// The datagrams, each with the number of its frame and whether its end is not stored: the
    /// capture cut it, or it is one of those whose beginning is enough.
    pub fn datagrams(&self) -> impl Iterator<Item = (&[u8], u64, bool)> + '_ {
        self.segments.iter().enumerate().map(|(i, segment)| {
            let next = self.segments.get(i + 1);
            let end = next.map_or(self.bytes.len(), |n| usize::from(n.start));
            let cut = next.map_or(self.missing, |n| n.missing) > 0;
            (&self.bytes[usize::from(segment.start)..end], segment.frame, cut)
        })
    }

    /// The lengths of the datagrams on the wire, as far as missing bytes are counted.
    pub fn datagram_lens(&self) -> impl Iterator<Item = usize> + '_ {
        self.wire_lens().map(|len| len.unwrap_or(usize::from(MANY)))
    }

    /// The bytes of each datagram on the wire; `None` where so many were cut that they were not
    /// counted.
    pub fn wire_lens(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        self.segments.iter().enumerate().map(|(i, segment)| {
            let next = self.segments.get(i + 1);
            let end = next.map_or(self.bytes.len(), |n| usize::from(n.start));
            let missing = next.map_or(self.missing, |n| n.missing);
            (missing < MANY).then_some(end - usize::from(segment.start) + usize::from(missing))
        })
    }

    /// The number of the frame that holds the byte at `offset`; zero if there is none.
    #[must_use]
    pub fn frame_at(&self, offset: usize) -> u64 {
        let after = self.segments.partition_point(|segment| usize::from(segment.start) <= offset);
        after.checked_sub(1).and_then(|i| self.segments.get(i)).map_or(0, |segment| segment.frame)
    }

    /// The frames that begin behind `offset`: distance from there in bytes, and number.
    pub fn frames_behind(&self, offset: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        let first = self.segments.partition_point(|segment| usize::from(segment.start) <= offset);
        self.segments[first..]
            .iter()
            .map(move |segment| (usize::from(segment.start) - offset, segment.frame))
    }

    /// The number of the frame that holds the first byte.
    #[must_use]
    pub fn first_frame(&self) -> Option<u64> {
        self.segments.first().map(|segment| segment.frame)
    }

    /// Removes the first `len` bytes, none of which is missing.
    pub(super) fn remove_prefix(&mut self, len: usize) {
        let len = len.min(usize::from(self.head));
        let before = self.segments.first().map_or(0, |segment| segment.missing);
        let whole = self.bytes.len();
        let kept = self.segments.iter().skip(1).take_while(|next| usize::from(next.start) <= len);
        let first = if len == whole { self.segments.len() } else { kept.count() };
        self.segments.drain(..first);
        for segment in &mut self.segments {
            segment.start = segment.start.saturating_sub(len as u16);
        }
        if let Some(segment) = self.segments.first_mut() {
            segment.missing = segment.missing.max(before);
        }
        self.bytes.drain(..len);
        self.head -= len as u16;
    }

    /// Checks what was read of a stream, after `frames` frames.
    pub(super) fn check(&self, transport: Transport, frames: u64) -> Result<(), BadState> {
        let (bytes, segments) = (self.bytes.len(), &self.segments);
        let is_udp = transport == Transport::Udp;
        let (most, room) = match segments.len() {
            stored @ ..WHOLE_DATAGRAMS if is_udp => {
                (SIDE_DATAGRAMS, SIDE_BYTES - DATAGRAM_HEAD * (SIDE_DATAGRAMS - stored))
            }
            _ if is_udp => (SIDE_DATAGRAMS, SIDE_BYTES),
            _ => (SIDE_SEGMENTS, SIDE_BYTES),
        };
        let fits = bytes <= room && segments.len() <= most && usize::from(self.head) <= bytes;
        check(fits, "an opening is too large")?;
        let is_sorted = segments.is_sorted_by(|one, next| one.start < next.start);
        let begins = segments.first().map_or(bytes == 0, |first| first.start == 0);
        let ends = segments.last().is_none_or(|last| usize::from(last.start) < bytes);
        check(is_sorted && begins && ends, "the segments of an opening are not in order")?;
        let frame = segments.iter().map(|segment| segment.frame).max();
        check(frame.is_none_or(|frame| frame <= frames), "a frame is none")?;
        self.out_of_order.as_ref().map_or(Ok(()), |early| early.check(frames))
    }

    /// Whether there is no more room.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// Prefetches the cache lines of the stream.
    pub(super) fn prefetch(&self) {
        prefetch_index(from_ref(&self.bytes), 0);
        prefetch_index(from_ref(&self.segments), 0);
        prefetch_index(from_ref(&self.expected), 0);
    }

    /// Whether segments wait for one before them.
    pub(super) fn has_out_of_order(&self) -> bool {
        self.out_of_order.as_ref().is_some_and(|out_of_order| !out_of_order.is_empty())
    }

    /// Frees the memory on the heap: the stream is not used any more.
    pub(super) fn free(&mut self) {
        if self.bytes.spilled() {
            self.bytes = SmallVec::new();
        }
        if self.segments.spilled() {
            self.segments = SmallVec::new();
        }
        self.out_of_order = None;
    }

    /// Bytes on the heap that count for the stream.
    pub(super) fn footprint(&self) -> usize {
        let bytes = if self.bytes.spilled() { self.bytes.capacity() } else { 0 };
        let segments = if self.segments.spilled() {
            self.segments.capacity() * size_of::<SegmentStart>()
        } else {
            0
        };
        bytes
            + segments
            + self.out_of_order.as_ref().map_or(0, |out_of_order| out_of_order.accounted_bytes())
    }

    /// A side of which nothing was seen yet.
    pub(super) fn new(transport: Transport) -> Self {
        Self { from_start: transport == Transport::Udp, ..Self::default() }
    }

    /// Makes a stream whose memory was [freed](Self::free) a new one, without moving its inline
    /// memory.
    pub(super) fn renew(&mut self, transport: Transport) {
        self.bytes.clear();
        self.segments.clear();
        (self.base, self.expected, self.expecting) = (0, 0, false);
        self.from_start = transport == Transport::Udp;
        (self.missing, self.urgent, self.full, self.head) = (0, 0, false, 0);
    }

    /// Sets the sequence number of the first byte, which the handshake showed.
    pub(super) fn start(&mut self, first: u32) {
        if !self.expecting || self.is_empty() && self.base != first && !self.has_out_of_order() {
            self.expect_first(first);
        }
        self.from_start |= self.base == first;
    }

    /// Adds a datagram: the captured `bytes` of `wire_len`.
    pub(super) fn push_datagram(&mut self, frame: u64, bytes: &[u8], wire_len: u32) {
        if self.full || bytes.is_empty() {
            return;
        }
        let stored = self.segments.len();
        let room = if stored < WHOLE_DATAGRAMS {
            // The beginnings of all that may follow have room.
            let reserved = DATAGRAM_HEAD * (SIDE_DATAGRAMS - 1 - stored);
            SIDE_BYTES - reserved - self.bytes.len()
        } else {
            DATAGRAM_HEAD
        };
        self.append(frame, &bytes[..bytes.len().min(room)], wire_len, Received::default());
        self.full |= self.segments.len() == SIDE_DATAGRAMS;
    }

    /// Adds the payload of a segment.
    pub(super) fn push_segment(&mut self, segment: &SegmentPayload<'_>) {
        let seq = segment.seq;
        if self.full {
            return;
        }
        if !self.expecting {
            self.expect_first(seq);
        }
        if (seq.wrapping_sub(self.expected) as i32).unsigned_abs() > WINDOW {
            self.close_gaps();
            self.missing = MANY;
            self.expect_first(seq);
        }
        if seq.wrapping_sub(self.expected) as i32 > 0 {
            let (expected, room) =
                (self.expected.wrapping_sub(self.base), SIDE_BYTES - self.bytes.len());
            let out_of_order = self.out_of_order.get_or_insert_default();
            if out_of_order.insert(seq.wrapping_sub(self.base), segment, expected, room) {
                self.close_gap();
            }
            return;
        }
        self.take(segment);
        self.drain();
    }

    /// As [`push_segment`](Self::push_segment), without the urgent byte at `at`: by default, sockets
    /// do not hand it over with the others (RFC 6093, section 3.1). One that comes early stays, as
    /// what comes before it may be lost.
    pub(super) fn push_urgent(&mut self, segment: &SegmentPayload<'_>, at: usize) {
        let SegmentPayload { seq, bytes, wire_len, received, .. } = *segment;
        let place = seq.wrapping_add(at as u32);
        let part = |from: usize, to: usize, seq: u32, wire_len: u32| SegmentPayload {
            seq,
            bytes: &bytes[from.min(bytes.len())..to.min(bytes.len())],
            wire_len,
            received: received.keep(bytes, from.min(bytes.len()), to.min(bytes.len())),
            ..*segment
        };
        if at > 0 {
            self.push_segment(&part(0, at, seq, at as u32));
        } else if !self.expecting {
            self.expect_first(seq);
        }
        if self.expected != place || self.full {
            self.push_segment(&part(at, bytes.len(), place, wire_len - at as u32));
            return;
        }
        self.expected = place.wrapping_add(1);
        self.urgent = self.urgent.saturating_add(1);
        let (behind, rest) = (at + 1, wire_len - at as u32 - 1);
        if rest > 0 {
            self.push_segment(&part(behind, bytes.len(), self.expected, rest));
        }
    }

    /// Gives up all missing bytes for which segments wait.
    pub(super) fn close_gaps(&mut self) {
        while self.out_of_order.as_ref().is_some_and(|out_of_order| !out_of_order.is_empty()) {
            self.close_gap();
        }
    }

    const fn expect_first(&mut self, seq: u32) {
        self.base = seq;
        self.expected = seq;
        self.expecting = true;
    }

    fn append(&mut self, frame: u64, bytes: &[u8], wire_len: u32, received: Received) {
        let kept = bytes.len().min(SIDE_BYTES - self.bytes.len());
        if kept > 0 {
            self.segments.push(SegmentStart {
                frame,
                start: self.bytes.len() as u16,
                missing: self.missing,
                received: received.keep(bytes, 0, kept).behind_urgent(self.urgent),
            });
            if self.missing == 0 && self.bytes.len() == usize::from(self.head)
                || self.bytes.is_empty()
            {
                self.head += kept as u16;
            }
            self.bytes.extend_from_slice(&bytes[..kept]);
            (self.missing, self.urgent) = (0, 0);
        }
        self.miss(wire_len.saturating_sub(kept as u32));
        self.full |= self.bytes.len() == SIDE_BYTES || self.segments.len() == SIDE_SEGMENTS;
    }

    /// Counts bytes that are missing before the next segment.
    fn miss(&mut self, bytes: u32) {
        self.missing = self.missing.saturating_add(u16::try_from(bytes).unwrap_or(MANY));
    }

    /// Appends the new bytes of a segment that is not early.
    fn take(&mut self, segment: &SegmentPayload<'_>) {
        let SegmentPayload { seq, frame, bytes, wire_len, received } = *segment;
        let known = self.expected.wrapping_sub(seq);
        if !self.full && known < wire_len {
            self.expected = seq.wrapping_add(wire_len);
            let from = bytes.len().min(known as usize);
            let received = received.keep(bytes, from, bytes.len());
            self.append(frame, &bytes[from..], wire_len - known, received);
        }
    }

    /// Appends the waiting segments that are not early any more.
    fn drain(&mut self) {
        let Some(mut out_of_order) = self.out_of_order.take() else { return };
        while let Some(early) = out_of_order.first().filter(|early| {
            early.distance.wrapping_sub(self.expected.wrapping_sub(self.base)) as i32 <= 0
        }) {
            self.take(&out_of_order.payload(early, self.base));
            out_of_order.remove_first();
        }
        if self.full {
            out_of_order.clear();
        }
        self.out_of_order = Some(out_of_order);
    }

    /// Gives up the missing bytes before the first waiting segment.
    fn close_gap(&mut self) {
        if let Some(early) =
            self.out_of_order.as_ref().and_then(|out_of_order| out_of_order.first())
        {
            let next = self.base.wrapping_add(early.distance);
            let missing = next.wrapping_sub(self.expected);
            self.expected = next;
            self.miss(missing);
            self.drain();
        }
    }
}
