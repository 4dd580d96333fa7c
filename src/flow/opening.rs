//! The first bytes of each side, in order, bounded: what detectors look at.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use crate::decode::Transport;
use crate::evidence::Direction;

/// Bytes kept of each side.
pub const SIDE_BYTES: usize = 8 * 1024;
/// Segments or datagrams whose bytes are kept of each side.
const SIDE_PIECES: usize = 256;
/// TCP segments of each side that wait for one before them.
const WAITING: usize = 16;
/// Bytes by which a segment may be early or late. One farther off has no place in the order: the rest was lost, or the
/// sequence numbers mean nothing.
const WINDOW: u32 = 1 << 20;

/// Where a segment's bytes begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: u32,
    frame: u64,
    /// Bytes are missing before it.
    after_gap: bool,
}

/// A TCP segment that came too early.
#[derive(Debug, Clone)]
struct Early {
    frame: u64,
    wire_len: u32,
    bytes: Box<[u8]>,
}

/// What one side said first.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// TCP: the sequence number of the next byte.
    expected: Option<u32>,
    /// TCP: by distance from the first expected byte, so that sequence numbers may wrap.
    early: BTreeMap<u32, Early>,
    early_bytes: usize,
    /// TCP: the first expected byte.
    base: u32,
    /// TCP: SYN was seen, so that the first byte here is the first of the connection. UDP has no such thing: true.
    from_start: bool,
    /// The next piece follows missing bytes.
    gap: bool,
    full: bool,
}

impl Stream {
    /// Whether the first byte is the first that was said: the handshake was seen and nothing is missing after it.
    #[must_use]
    pub fn from_start(&self) -> bool {
        self.from_start && !self.pieces.first().is_some_and(|piece| piece.after_gap)
    }

    /// Nothing was kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes up to the first that is missing.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.runs().next().map_or(&[], |run| &self.bytes[run])
    }

    /// Whether more bytes may still follow the head: nothing is missing behind it and there is room.
    #[must_use]
    pub fn head_may_grow(&self) -> bool {
        !self.full && !self.gap && self.pieces.iter().skip(1).all(|piece| !piece.after_gap)
    }

    /// All bytes, missing ones left out; [`runs`](Self::runs) says where.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The ranges of [`bytes`](Self::bytes) within which nothing is missing.
    pub fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut starts = self.pieces.iter().filter(|p| p.after_gap).map(|p| p.start as usize).filter(|&s| s > 0);
        let mut from = (!self.bytes.is_empty()).then_some(0);
        std::iter::from_fn(move || {
            let start = from?;
            let next = starts.next();
            from = next;
            Some(start..next.unwrap_or(self.bytes.len()))
        })
    }

    /// Where in a range of [`bytes`](Self::bytes) segments begin.
    pub fn starts(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        self.pieces.iter().map(|piece| piece.start as usize).filter(move |start| range.contains(start))
    }

    /// The datagrams, each with its frame and whether the capture cut it.
    pub fn datagrams(&self) -> impl Iterator<Item = (&[u8], u64, bool)> + '_ {
        self.pieces.iter().enumerate().map(|(i, piece)| {
            let next = self.pieces.get(i + 1);
            let end = next.map_or(self.bytes.len(), |n| n.start as usize);
            let cut = next.map_or(self.gap, |n| n.after_gap);
            (&self.bytes[piece.start as usize..end], piece.frame, cut)
        })
    }

    /// The frame that holds the byte at `offset`.
    #[must_use]
    pub fn frame_at(&self, offset: usize) -> u64 {
        let after = self.pieces.partition_point(|piece| piece.start as usize <= offset);
        after.checked_sub(1).and_then(|i| self.pieces.get(i)).map_or(0, |piece| piece.frame)
    }

    /// The frames that begin behind `offset`, each with its distance from there.
    pub fn frames_behind(&self, offset: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        let first = self.pieces.partition_point(|piece| piece.start as usize <= offset);
        self.pieces[first..].iter().map(move |piece| (piece.start as usize - offset, piece.frame))
    }

    /// The frame of the first byte.
    #[must_use]
    pub fn first_frame(&self) -> Option<u64> {
        self.pieces.first().map(|piece| piece.frame)
    }

    /// Empties it for another flow; its memory stays.
    fn clear(&mut self, transport: Transport) {
        let (mut bytes, mut pieces) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.pieces));
        bytes.clear();
        pieces.clear();
        *self = Self { bytes, pieces, from_start: transport == Transport::Udp, ..Self::default() };
    }

    fn append(&mut self, frame: u64, bytes: &[u8], wire_len: u32) {
        let kept = bytes.len().min(SIDE_BYTES - self.bytes.len());
        if kept > 0 {
            self.pieces.push(Piece { start: self.bytes.len() as u32, frame, after_gap: self.gap });
            self.bytes.extend_from_slice(&bytes[..kept]);
            self.gap = false;
        }
        self.gap |= kept < wire_len as usize;
        self.full |= self.bytes.len() == SIDE_BYTES || self.pieces.len() == SIDE_PIECES;
        if self.full {
            self.early.clear();
            self.early_bytes = 0;
        }
    }

    fn push_segment(&mut self, seq: u32, frame: u64, mut bytes: &[u8], mut wire_len: u32) {
        if self.full {
            return;
        }
        let mut expected = *self.expected.get_or_insert_with(|| {
            self.base = seq;
            seq
        });
        if (seq.wrapping_sub(expected) as i32).unsigned_abs() > WINDOW {
            self.close_gaps();
            self.gap = true;
            self.base = seq;
            self.expected = Some(seq);
            expected = seq;
        }
        let ahead = seq.wrapping_sub(expected) as i32;
        if ahead > 0 {
            let kept = &bytes[..bytes.len().min(SIDE_BYTES)];
            if let Entry::Vacant(place) = self.early.entry(seq.wrapping_sub(self.base)) {
                place.insert(Early { frame, wire_len, bytes: kept.into() });
                self.early_bytes += kept.len();
            }
            if self.early.len() > WAITING {
                self.close_gap();
            }
            return;
        }
        let known = ahead.unsigned_abs();
        if known >= wire_len {
            return;
        }
        bytes = bytes.get(known as usize..).unwrap_or(&[]);
        wire_len -= known;
        self.expected = Some(expected.wrapping_add(wire_len));
        self.append(frame, bytes, wire_len);
        self.drain();
    }

    /// Takes up the waiting segments that fit now.
    fn drain(&mut self) {
        while let (Some(expected), Some(first)) = (self.expected, self.early.first_entry()) {
            let distance = *first.key();
            if distance.wrapping_sub(expected.wrapping_sub(self.base)) as i32 > 0 {
                return;
            }
            let early = first.remove();
            self.early_bytes -= early.bytes.len();
            self.push_segment(self.base.wrapping_add(distance), early.frame, &early.bytes, early.wire_len);
        }
    }

    /// Gives up all bytes that segments wait for.
    fn close_gaps(&mut self) {
        while !self.early.is_empty() {
            self.close_gap();
        }
    }

    /// Gives up the bytes that are missing before the first waiting segment.
    fn close_gap(&mut self) {
        if let Some((&distance, _)) = self.early.first_key_value() {
            self.expected = Some(self.base.wrapping_add(distance));
            self.gap = true;
            self.drain();
        }
    }
}

/// What both sides of a flow said first.
#[derive(Debug, Clone)]
pub struct Opening {
    transport: Transport,
    /// By the ends of the flow key.
    streams: [Stream; 2],
    initiator: usize,
    pushes: usize,
    /// All that fits is wanted.
    kept: bool,
}

impl Opening {
    /// An opening with nothing in it.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        let mut opening = Self { transport, streams: <[Stream; 2]>::default(), initiator: 0, pushes: 0, kept: false };
        opening.clear(transport);
        opening
    }

    /// Empties it for another flow; its memory stays.
    pub(super) fn clear(&mut self, transport: Transport) {
        self.transport = transport;
        self.initiator = 0;
        self.pushes = 0;
        self.kept = false;
        self.streams.iter_mut().for_each(|stream| stream.clear(transport));
    }

    /// Segments or datagrams with payload that both sides sent, kept or not.
    #[must_use]
    pub const fn pushes(&self) -> usize {
        self.pushes
    }

    /// Says that all that fits is wanted.
    pub(super) const fn keep_all(&mut self) {
        self.kept = true;
    }

    /// Whether all that fits is wanted.
    pub(super) const fn is_kept(&self) -> bool {
        self.kept
    }

    /// Who opened the flow, as far as is known now.
    pub(super) fn orient(&mut self, initiator: usize) {
        self.initiator = initiator;
    }

    /// TCP or UDP: streams or datagrams.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// One side.
    #[must_use]
    pub const fn side(&self, direction: Direction) -> &Stream {
        match direction {
            Direction::Initiator => &self.streams[self.initiator],
            Direction::Responder => &self.streams[1 - self.initiator],
        }
    }

    /// Both sides, the initiator first.
    pub fn sides(&self) -> impl Iterator<Item = (Direction, &Stream)> {
        Direction::BOTH.into_iter().map(|direction| (direction, self.side(direction)))
    }

    /// Whether more payload would change nothing.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.streams[0].full && self.streams[1].full
    }

    /// Whether neither side's payload was kept.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.streams[0].is_empty() && self.streams[1].is_empty()
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let held = |s: &Stream| {
            s.bytes.capacity() + s.pieces.capacity() * size_of::<Piece>() + s.early.len() * size_of::<Early>() + s.early_bytes
        };
        size_of::<Self>() + held(&self.streams[0]) + held(&self.streams[1])
    }

    /// The handshake told the sequence number of a side's first byte.
    pub(super) fn start(&mut self, end: usize, first: u32) {
        let stream = &mut self.streams[end];
        if stream.expected.is_none() {
            stream.base = first;
            stream.expected = Some(first);
        }
        stream.from_start |= stream.base == first;
    }

    /// Takes in a segment's payload: what was captured of the `wire_len` bytes that it had.
    pub(super) fn push(&mut self, end: usize, seq: u32, frame: u64, bytes: &[u8], wire_len: u32) {
        self.pushes += 1;
        let stream = &mut self.streams[end];
        match self.transport {
            Transport::Tcp => stream.push_segment(seq, frame, bytes, wire_len),
            Transport::Udp if stream.full || bytes.is_empty() => {}
            Transport::Udp => stream.append(frame, bytes, wire_len),
        }
    }

    /// Takes up what still waits and fixes who opened the flow: nothing more is to come.
    pub(super) fn finish(&mut self, initiator: usize) {
        self.orient(initiator);
        self.streams.iter_mut().for_each(Stream::close_gaps);
    }

    /// Payload of the initiator in frame 9, picked up in the middle of a connection.
    #[cfg(test)]
    pub(crate) fn push_for_test(&mut self, bytes: &[u8]) {
        self.push(0, 1, 9, bytes, bytes.len() as u32);
        self.finish(0);
    }

    /// An opening of TCP segments (end, sequence number, payload) in frames numbered from 1; `starts` are the numbers of both ends'
    /// first bytes where the handshake was seen.
    #[cfg(test)]
    pub(crate) fn of_segments(starts: Option<[u32; 2]>, segments: &[(usize, u32, &[u8])]) -> Self {
        let mut opening = Self::new(Transport::Tcp);
        for (end, first) in starts.into_iter().flatten().enumerate() {
            opening.start(end, first);
        }
        for (i, (end, seq, bytes)) in segments.iter().enumerate() {
            opening.push(*end, *seq, i as u64 + 1, bytes, bytes.len() as u32);
        }
        opening.finish(0);
        opening
    }

    /// An opening in which each side said these segments or datagrams, frames numbered from 1, the initiator's first: for
    /// detectors' samples and benchmarks.
    #[must_use]
    pub fn of(transport: Transport, initiator: &[&[u8]], responder: &[&[u8]]) -> Self {
        let mut opening = Self::new(transport);
        let mut frame = 0;
        for (end, pieces) in [initiator, responder].into_iter().enumerate() {
            let mut seq = 1;
            opening.start(end, 1);
            for piece in pieces {
                frame += 1;
                opening.push(end, seq, frame, piece, piece.len() as u32);
                seq += piece.len() as u32;
            }
        }
        opening.finish(0);
        opening
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tcp() -> Opening {
        let mut opening = Opening::new(Transport::Tcp);
        opening.start(0, seq(0));
        opening
    }

    /// The sequence number of the byte at `offset`, chosen to wrap early.
    fn seq(offset: usize) -> u32 {
        (u32::MAX - 2).wrapping_add(offset as u32)
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_of_segments_gives_the_bytes_in_order(
            cuts in prop::collection::btree_set(1_usize..200, 0..12),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let text: Vec<u8> = (0..200).collect();
            let mut edges: Vec<usize> = cuts.into_iter().collect();
            edges.insert(0, 0);
            edges.push(200);
            let pieces: Vec<_> = edges.windows(2).map(|w| w[0]..w[1]).collect();
            let mut opening = tcp();
            let all = order.iter().map(|i| i.get(&pieces).clone()).chain(pieces.iter().cloned());
            for piece in all {
                opening.push(0, seq(piece.start), piece.start as u64 + 1, &text[piece.clone()], piece.len() as u32);
            }
            opening.finish(0);
            let stream = opening.side(Direction::Initiator);
            prop_assert_eq!(stream.head(), &text[..]);
            prop_assert!(stream.from_start());
            for piece in pieces {
                prop_assert_eq!(stream.frame_at(piece.start), piece.start as u64 + 1);
                prop_assert_eq!(stream.frame_at(piece.end - 1), piece.start as u64 + 1);
            }
        }
    }

    #[test]
    fn overlapping_segments_add_only_what_is_new() {
        let mut opening = tcp();
        opening.push(0, seq(0), 1, b"abcd", 4);
        opening.push(0, seq(2), 2, b"cdef", 4);
        assert_eq!(opening.side(Direction::Initiator).head(), b"abcdef");
    }

    #[test]
    fn a_lost_segment_leaves_a_gap_between_two_runs() {
        let mut opening = tcp();
        opening.push(0, seq(0), 1, b"abcd", 4);
        opening.push(0, seq(8), 3, b"ijkl", 4);
        opening.finish(0);
        let stream = opening.side(Direction::Initiator);
        assert_eq!(stream.head(), b"abcd");
        assert_eq!(stream.runs().collect::<Vec<_>>(), [0..4, 4..8]);
    }

    #[test]
    fn what_follows_a_lost_first_segment_is_not_the_beginning() {
        let mut opening = tcp();
        opening.push(0, seq(4), 2, b"efgh", 4);
        opening.finish(0);
        let stream = opening.side(Direction::Initiator);
        assert_eq!((stream.head(), stream.from_start()), (&b"efgh"[..], false));
    }

    #[test]
    fn a_segment_that_the_capture_cut_leaves_a_gap_behind_it() {
        let mut opening = tcp();
        opening.push(0, seq(0), 1, b"ab", 10);
        opening.push(0, seq(10), 2, b"kl", 2);
        assert_eq!(opening.side(Direction::Initiator).runs().collect::<Vec<_>>(), [0..2, 2..4]);
    }

    #[test]
    fn a_jump_beyond_the_window_is_a_gap_and_nobody_waits_for_it() {
        let mut opening = tcp();
        opening.push(0, seq(0), 1, b"abcd", 4);
        opening.push(0, seq(0x1234_5678), 2, b"far", 3);
        opening.push(0, seq(0x1234_567b), 3, b"on", 2);
        assert_eq!(opening.side(Direction::Initiator).runs().collect::<Vec<_>>(), [0..4, 4..9]);
    }

    #[test]
    fn a_side_never_holds_more_than_its_limit() {
        let mut opening = tcp();
        for i in 0..20 {
            opening.push(0, seq(i * 1000), i as u64, &[7; 1000], 1000);
        }
        assert_eq!(opening.side(Direction::Initiator).head().len(), SIDE_BYTES);
        assert!(opening.footprint() < 40_000);
    }

    #[test]
    fn datagrams_keep_their_bounds_and_say_which_was_cut() {
        let mut opening = Opening::new(Transport::Udp);
        opening.push(1, 0, 4, b"one", 3);
        opening.push(1, 0, 5, b"tw", 9);
        opening.finish(0);
        let datagrams: Vec<_> = opening.side(Direction::Responder).datagrams().collect();
        assert_eq!(datagrams, [(&b"one"[..], 4, false), (&b"tw"[..], 5, true)]);
    }
}
