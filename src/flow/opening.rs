//! The first bytes of each side in order, bounded: the input of the detectors.

use serde::{Deserialize, Serialize};

use super::received::{Arrival, Received};
use super::stream::{Repetition, SegmentPayload};
use super::{FlowKey, Stream, VerdictId};
use crate::decode::{Endpoint, Transport};
use crate::evidence::{Direction, Tampered};
use crate::saved::{BadState, check};

/// The first payload bytes of both sides of a flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// The end of the key of which bytes came twice and differ.
    tampered_end: u8,
    /// The frames that have these bytes; zero where there are none.
    tampered: [u64; 2],
    /// One of the two frames was damaged, unless the side's other checksums are wrong, too.
    repaired: bool,
    /// The verdict if no more payload comes.
    #[serde(skip)]
    provisional: Option<VerdictId>,
    /// The number of the flow's first frame.
    first_frame: u64,
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
            tampered_end: 0,
            tampered: [0; 2],
            repaired: false,
            provisional: None,
            first_frame: 0,
        }
    }

    /// The number of the flow's first frame.
    pub(crate) const fn first_frame(&self) -> u64 {
        self.first_frame
    }

    /// An empty opening of a flow that begins with this frame.
    pub(super) fn of_flow(transport: Transport, first_frame: u64) -> Self {
        Self { first_frame, ..Self::new(transport) }
    }

    /// Sets the number of the flow's first frame.
    pub(super) const fn begin_at(&mut self, first_frame: u64) {
        self.first_frame = first_frame;
    }

    /// Checks what was read of an opening, after `frames` frames.
    pub(super) fn check(&self, frames: u64) -> Result<(), BadState> {
        check(self.initiator <= 1 && self.tampered_end <= 1, "an opening has no such end")?;
        check(self.tampered.iter().all(|&frame| frame <= frames), "a frame is none")?;
        self.streams.iter().try_for_each(|stream| stream.check(self.transport, frames))
    }

    /// Prefetches the cache lines of the opening.
    pub(super) fn prefetch(&self) {
        self.streams.iter().for_each(Stream::prefetch);
    }

    /// Frees the memory that the opening holds on the heap.
    pub(super) fn free(&mut self) {
        self.streams.iter_mut().for_each(Stream::free);
    }

    /// Makes an opening whose memory was [freed](Self::free) an empty one.
    pub(super) fn renew(&mut self, transport: Transport) {
        self.transport = transport;
        self.streams.iter_mut().for_each(|stream| stream.renew(transport));
        (self.initiator, self.pushes, self.provisional) = (0, 0, None);
        (self.fixed, self.proved, self.to_group, self.kept) = (false, false, false, false);
        (self.tampered, self.repaired) = ([0; 2], false);
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
    pub(crate) fn start(&mut self, end: usize, first: u32) {
        self.streams[end].start(first);
    }

    /// Adds the payload of a segment or datagram: the captured `bytes` of `wire_len`.
    pub(crate) fn push(&mut self, end: usize, seq: u32, frame: u64, bytes: &[u8], wire_len: u32) {
        match self.transport {
            Transport::Tcp => {
                let received = Received::unknown(bytes.len() < wire_len as usize);
                let segment = SegmentPayload { seq, frame, bytes, wire_len, received };
                self.push_segment(end, &segment, None);
            }
            Transport::Udp => self.push_datagram(end, frame, bytes, wire_len),
        }
    }

    /// Adds a datagram: the captured `bytes` of `wire_len`.
    pub(super) fn push_datagram(&mut self, end: usize, frame: u64, bytes: &[u8], wire_len: u32) {
        (self.pushes, self.provisional) = (self.pushes.saturating_add(1), None);
        self.streams[end].push_datagram(frame, bytes, wire_len);
    }

    /// Adds a segment with an urgent byte at a place in it, or none. Bytes that come again change
    /// nothing, unless those that came first were damaged.
    pub(super) fn push_segment(
        &mut self,
        end: usize,
        segment: &SegmentPayload<'_>,
        urgent: Option<usize>,
    ) {
        (self.pushes, self.provisional) = (self.pushes.saturating_add(1), None);
        if self.repaired && end == usize::from(self.tampered_end) {
            self.confirm_repair(segment);
        }
        if let Repetition::Damaged(_) = self.compare(end, segment) {
            return;
        }
        match urgent {
            Some(at) => self.streams[end].push_urgent(segment, at),
            None => self.streams[end].push_segment(segment),
        }
    }

    /// Compares a segment with the bytes that are kept: repairs those, or notes that they differ.
    pub(super) fn compare(&mut self, end: usize, segment: &SegmentPayload<'_>) -> Repetition {
        let stream = &mut self.streams[end];
        let mut repetition = stream.compare(segment);
        let first = match repetition {
            Repetition::Agrees => return repetition,
            Repetition::Damaged(damaged) => {
                if damaged.is_first && !stream.repair(segment) {
                    repetition = Repetition::Differs(damaged.first);
                } else if damaged.is_certain {
                    return repetition;
                }
                damaged.first
            }
            Repetition::Differs(first) => first,
        };
        let differs = matches!(repetition, Repetition::Differs(_));
        if self.tampered == [0; 2] || self.repaired && differs {
            (self.tampered_end, self.tampered) = (end as u8, [first, segment.frame]);
            self.repaired = !differs;
        }
        repetition
    }

    /// Takes back that a segment was repaired if the next one of the side has a wrong checksum, too.
    fn confirm_repair(&mut self, segment: &SegmentPayload<'_>) {
        let arrival = segment.received.verify(segment.bytes);
        if arrival.is_bad() {
            self.repaired = false;
        } else if arrival == Arrival::Undamaged {
            (self.tampered, self.repaired) = ([0; 2], false);
        }
    }

    /// The bytes that came twice and differ.
    #[must_use]
    pub fn tampered(&self) -> Option<Tampered> {
        let direction = Direction::BOTH[usize::from(self.tampered_end != self.initiator)];
        let is_tampered = self.tampered != [0; 2] && !self.repaired;
        is_tampered.then_some(Tampered { direction, frames: self.tampered })
    }

    /// Adds what waits out of order: no more payload comes.
    pub(crate) fn finish(&mut self) {
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
mod tests;
