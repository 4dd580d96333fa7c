//! The first bytes of each side in order, bounded: the input of the detectors.

use super::{FlowKey, Stream, VerdictId};
use crate::decode::{Endpoint, Transport};
use crate::evidence::Direction;

/// The first payload bytes of both sides of a flow.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "states that do not depend on each other")]
pub struct Opening {
    transport: Transport,
    /// Indexed by the ends of the flow key.
    streams: [Stream; 2],
    initiator: u8,
    /// Nothing that the sides send can change the initiator.
    fixed: bool,
    /// What the sides sent shows the initiator.
    proved: bool,
    /// The first datagram went to a group or broadcast address.
    to_group: bool,
    pushes: u32,
    /// Store all that fits.
    kept: bool,
    /// The verdict if no more payload comes.
    provisional: Option<VerdictId>,
}

impl Opening {
    /// An empty opening.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            streams: [Stream::new(transport), Stream::new(transport)],
            initiator: 0,
            fixed: false,
            proved: false,
            to_group: false,
            pushes: 0,
            kept: false,
            provisional: None,
        }
    }

    /// Prefetches the cache lines of the opening.
    pub(super) fn prefetch(&self) {
        self.streams.iter().for_each(Stream::prefetch);
    }

    /// Frees the memory that the opening holds on the heap.
    pub(super) fn free(&mut self) {
        self.streams.iter_mut().for_each(Stream::free);
    }

    /// Number of segments or datagrams with payload that both sides sent, stored or not.
    #[must_use]
    pub const fn pushes(&self) -> usize {
        self.pushes as usize
    }

    /// Requests that all that fits is stored.
    pub(super) const fn keep_everything(&mut self) {
        self.kept = true;
    }

    /// Whether all that fits is to be stored.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.kept
    }

    /// Stores the verdict for the case that no more payload comes.
    pub(super) const fn set_provisional(&mut self, verdict: VerdictId) {
        self.provisional = Some(verdict);
    }

    /// The verdict of the last inspection, unless payload came since or waits out of order.
    pub(super) fn provisional(&self) -> Option<VerdictId> {
        self.provisional.filter(|_| !self.streams.iter().any(Stream::has_out_of_order))
    }

    /// Sets the initiator that is known now, and whether what the sides sent may change it.
    pub(super) fn orient(&mut self, initiator: usize, fixed: bool) {
        if usize::from(self.initiator) != initiator {
            self.turn();
        }
        (self.fixed, self.proved) = (fixed, false);
    }

    /// Swaps initiator and responder.
    pub(crate) const fn turn(&mut self) {
        (self.initiator, self.provisional) = (1 - self.initiator, None);
    }

    /// Whether nothing that the sides send can change the initiator.
    pub(crate) const fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// States that what the sides sent shows the initiator.
    pub(crate) const fn prove(&mut self) {
        self.proved = true;
    }

    /// Whether what the sides sent shows the initiator.
    pub(super) const fn is_proved(&self) -> bool {
        self.proved
    }

    /// States that the initiator sends to a group or broadcast address.
    pub(crate) const fn address_to_group(&mut self) {
        self.to_group = true;
    }

    /// Whether the initiator sends to a group or broadcast address, where no single server is.
    #[must_use]
    pub const fn is_to_group(&self) -> bool {
        self.to_group
    }

    /// The end of the flow key that is the initiator.
    pub(super) const fn initiator(&self) -> usize {
        self.initiator as usize
    }

    /// The responder of the flow with this key.
    #[must_use]
    pub fn responder(&self, key: &FlowKey) -> Endpoint {
        key.endpoint(1 - self.initiator())
    }

    /// Both ends of the flow with this key, the initiator first.
    #[must_use]
    pub fn endpoints(&self, key: &FlowKey) -> [Endpoint; 2] {
        [key.endpoint(self.initiator()), self.responder(key)]
    }

    /// TCP (streams) or UDP (datagrams).
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// The payload of one side.
    #[must_use]
    pub const fn side(&self, direction: Direction) -> &Stream {
        match direction {
            Direction::Initiator => &self.streams[self.initiator as usize],
            Direction::Responder => &self.streams[1 - self.initiator as usize],
        }
    }

    /// Both sides, the initiator first.
    pub fn sides(&self) -> impl Iterator<Item = (Direction, &Stream)> {
        Direction::BOTH.into_iter().map(|direction| (direction, self.side(direction)))
    }

    /// Whether more payload would change nothing.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.streams[0].is_full() && self.streams[1].is_full()
    }

    /// Whether no payload of either side is stored.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.streams[0].is_empty() && self.streams[1].is_empty()
    }

    /// Bytes of memory that count for the opening.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + self.streams[0].footprint() + self.streams[1].footprint()
    }

    /// The opening without the first `len` bytes of a side, none of which is missing: a header that
    /// is not of the conversation.
    pub(crate) fn without_prefix(&self, direction: Direction, len: usize) -> Self {
        let mut rest = self.clone();
        let end = match direction {
            Direction::Initiator => usize::from(self.initiator),
            Direction::Responder => 1 - usize::from(self.initiator),
        };
        rest.streams[end].remove_prefix(len);
        rest
    }

    /// Sets the sequence number of a side's first byte, which the handshake showed.
    pub(super) fn start(&mut self, end: usize, first: u32) {
        self.streams[end].start(first);
    }

    /// Adds the payload of a segment: the captured `bytes` of `wire_len`.
    pub(super) fn push(&mut self, end: usize, seq: u32, frame: u64, bytes: &[u8], wire_len: u32) {
        (self.pushes, self.provisional) = (self.pushes.saturating_add(1), None);
        let stream = &mut self.streams[end];
        match self.transport {
            Transport::Tcp => stream.push_segment(seq, frame, bytes, wire_len),
            Transport::Udp => stream.push_datagram(frame, bytes, wire_len),
        }
    }

    /// Adds what waits out of order: no more payload comes.
    pub(super) fn finish(&mut self) {
        self.streams.iter_mut().for_each(Stream::close_gaps);
    }

    /// Adds payload of the initiator in frame 9, as if captured in the middle of a connection.
    #[cfg(test)]
    pub(crate) fn push_for_test(&mut self, bytes: &[u8]) {
        self.push(0, 1, 9, bytes, bytes.len() as u32);
        self.finish();
    }

    /// Adds segments of the initiator from the beginning of a connection, of which the capture kept
    /// the first bytes: each with its length on the wire.
    #[cfg(test)]
    pub(crate) fn push_cut_for_test(&mut self, segments: &[(&[u8], u32)]) {
        let mut seq = 1;
        self.start(0, seq);
        for (frame, &(bytes, len)) in (1..).zip(segments) {
            self.push(0, seq, frame, bytes, len);
            seq += len;
        }
        self.finish();
    }

    /// An opening of TCP segments (end, sequence number, payload) in frames numbered from 1;
    /// `starts` are the sequence numbers of both ends' first bytes if the handshake was seen.
    #[cfg(test)]
    pub(crate) fn from_segments(
        starts: Option<[u32; 2]>,
        segments: &[(usize, u32, &[u8])],
    ) -> Self {
        let mut opening = Self::new(Transport::Tcp);
        for (end, first) in starts.into_iter().flatten().enumerate() {
            opening.start(end, first);
        }
        for (i, (end, seq, bytes)) in segments.iter().enumerate() {
            opening.push(*end, *seq, i as u64 + 1, bytes, bytes.len() as u32);
        }
        opening.finish();
        opening
    }

    /// An opening of datagrams (end, captured bytes, length on the wire) in frames numbered from 1.
    #[cfg(test)]
    pub(crate) fn from_datagrams(datagrams: &[(usize, &[u8], u32)]) -> Self {
        let mut opening = Self::new(Transport::Udp);
        for (i, (end, bytes, wire_len)) in datagrams.iter().enumerate() {
            opening.push(*end, 0, i as u64 + 1, bytes, *wire_len);
        }
        opening.finish();
        opening
    }

    /// An opening made of the payloads of each side's segments or datagrams: for the samples of
    /// detectors, for benchmarks and for bytes that come from no capture. Frames are numbered from
    /// 1, the initiator's first.
    #[must_use]
    pub fn from_payloads(transport: Transport, initiator: &[&[u8]], responder: &[&[u8]]) -> Self {
        let mut opening = Self::new(transport);
        let mut frame = 0;
        for (end, payloads) in [initiator, responder].into_iter().enumerate() {
            let mut seq = 1;
            opening.start(end, 1);
            for payload in payloads {
                frame += 1;
                opening.push(end, seq, frame, payload, payload.len() as u32);
                seq += payload.len() as u32;
            }
        }
        opening.finish();
        opening
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::SIDE_BYTES;

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
            opening.finish();
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Bytes behind the room that a side has are not stored while they wait.
        #[test]
        fn large_segments_in_any_order_give_all_that_fits(
            lens in prop::collection::vec(1_usize..4000, 1..16), order in prop::collection::vec(any::<prop::sample::Index>(), 16),
        ) {
            let text: Vec<u8> = (0..64_000_u32).map(|i| (i % 251) as u8).collect();
            let mut at = 0;
            let mut pieces: Vec<_> = lens.iter().map(|len| { at += len; at - len..at }).collect();
            let mut opening = tcp();
            for i in order {
                if !pieces.is_empty() {
                    let piece = pieces.swap_remove(i.index(pieces.len()));
                    opening.push(0, seq(piece.start), 1, &text[piece.clone()], piece.len() as u32);
                    prop_assert!(opening.footprint() < 2 * (SIDE_BYTES + 4000) + 3 * SIDE_BYTES, "{}", opening.footprint());
                }
            }
            opening.finish();
            prop_assert_eq!(opening.side(Direction::Initiator).head(), &text[..at.min(SIDE_BYTES)]);
        }
    }

    /// Found by a property test: only segments that came behind others were dropped.
    #[test]
    fn large_segments_from_the_last_to_the_first_wait_in_no_more_memory_than_a_side_needs() {
        let text: Vec<u8> = (0..60_000_u32).map(|i| (i % 251) as u8).collect();
        let mut opening = tcp();
        for piece in (0..15).rev().map(|i| i * 4000..(i + 1) * 4000) {
            opening.push(0, seq(piece.start), 1, &text[piece.clone()], 4000);
            assert!(opening.footprint() < 4 * SIDE_BYTES, "{}", opening.footprint());
        }
        assert_eq!(opening.side(Direction::Initiator).head(), &text[..SIDE_BYTES]);
    }

    #[test]
    fn a_lost_segment_leaves_a_gap_between_two_runs() {
        let mut opening = tcp();
        opening.push(0, seq(0), 1, b"abcd", 4);
        opening.push(0, seq(8), 3, b"ijkl", 4);
        opening.finish();
        let stream = opening.side(Direction::Initiator);
        assert_eq!(stream.head(), b"abcd");
        assert_eq!(stream.runs().collect::<Vec<_>>(), [0..4, 4..8]);
    }

    #[test]
    fn what_follows_a_lost_first_segment_is_not_the_beginning() {
        let mut opening = tcp();
        opening.push(0, seq(4), 2, b"efgh", 4);
        opening.finish();
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
        opening.finish();
        let datagrams: Vec<_> = opening.side(Direction::Responder).datagrams().collect();
        assert_eq!(datagrams, [(&b"one"[..], 4, false), (&b"tw"[..], 5, true)]);
    }

    #[test]
    fn of_many_datagrams_the_first_are_whole_and_of_the_others_the_beginning_is_kept() {
        let long: Vec<u8> = (0..1460_u32).map(|i| i as u8).collect();
        let mut opening = Opening::new(Transport::Udp);
        for i in 0..50 {
            opening.push(0, 0, i + 1, &long, 1460);
        }
        let stream = opening.side(Direction::Initiator);
        let kept: Vec<_> = stream.datagrams().map(|(bytes, _, cut)| (bytes.len(), cut)).collect();
        assert_eq!(kept, [vec![(1460, false); 4], vec![(64, true); 28]].concat());
        assert!(stream.is_full() && stream.datagram_lens().all(|len| len == 1460));
    }

    #[test]
    fn datagrams_longer_than_a_side_holds_leave_room_for_the_beginnings_of_others() {
        let mut opening = Opening::new(Transport::Udp);
        for i in 0..50 {
            opening.push(0, 0, i + 1, &[7; 9000], 9000);
        }
        let stream = opening.side(Direction::Initiator);
        assert_eq!(stream.bytes().len(), SIDE_BYTES);
        assert!(stream.datagrams().all(|(bytes, _, cut)| bytes.len() >= 64 && cut));
        assert_eq!((stream.datagrams().count(), opening.footprint() < 20_000), (32, true));
    }
}
