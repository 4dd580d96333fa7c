//! Bytes that come again, and whether they are those that came first.
//!
//! Where they differ, one of the two may have been damaged on its way, which its receiver sees by the
//! checksum. Else whoever listens cannot know which of them the receiver took (RFC 9293, section
//! 3.10.7.4, leaves it open): somebody wants readers to see something else than the receiver.

use super::{MANY, SegmentPayload, Stream};
use crate::flow::received::Arrival;

/// What is known of a segment beside those of the same side before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::flow) enum Repetition {
    /// No byte differs from one that is kept.
    Agrees,
    /// Bytes differ from those in this frame, and nothing shows which of them count.
    Differs(u64),
    /// Bytes differ, and the checksums show which of the two was damaged, so that its receiver
    /// dropped it.
    Damaged(DamagedSegment),
}

/// One of two segments whose bytes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::flow) struct DamagedSegment {
    /// The frame of the bytes that came first.
    pub(in crate::flow) first: u64,
    /// It is the one that came first.
    pub(in crate::flow) is_first: bool,
    /// Another segment of the side is known to be undamaged: the sender computes checksums.
    pub(in crate::flow) is_certain: bool,
}

impl Stream {
    /// Compares a segment with the kept bytes. One that the capture cut is not compared, nor the byte
    /// before the next of a keep-alive (RFC 9293, section 3.8.4), which may be any.
    #[inline]
    pub(in crate::flow) fn compare(&self, segment: &SegmentPayload<'_>) -> Repetition {
        // Behind all that is kept, no byte can differ.
        let is_behind = segment.seq.wrapping_sub(self.expected) as i32 >= 0;
        if is_behind && !self.has_out_of_order() || !self.expecting {
            return Repetition::Agrees;
        }
        self.compare_bytes(segment)
    }

    fn compare_bytes(&self, segment: &SegmentPayload<'_>) -> Repetition {
        let is_keep_alive = segment.wire_len == 1 && segment.seq.wrapping_add(1) == self.expected;
        if is_keep_alive || segment.received.is_cut() {
            return Repetition::Agrees;
        }
        let others = self.kept().filter(|kept| differs(kept, segment));
        match others.map(|kept| kept.frame).min() {
            Some(first) => self
                .find_damaged(segment, first)
                .map_or_else(|| Repetition::Differs(first), Repetition::Damaged),
            None => Repetition::Agrees,
        }
    }

    /// Which was damaged, `segment` or the kept ones that differ from it, the first of which is in the
    /// frame `first`, if the checksums show that.
    fn find_damaged(&self, segment: &SegmentPayload<'_>, first: u64) -> Option<DamagedSegment> {
        let arrival = segment.received.verify(segment.bytes);
        let is_first = arrival == Arrival::Undamaged;
        let (mut is_certain, mut is_offloaded) = (false, arrival == Arrival::Offloaded);
        for kept in self.kept() {
            let of_kept = kept.received.verify(kept.bytes);
            let is_decided = match of_kept {
                _ if arrival == Arrival::Unknown => false,
                // Exactly one of the two is damaged, and no other one.
                _ if differs(&kept, segment) => of_kept.is_bad() == is_first,
                _ => !of_kept.is_bad(),
            };
            if !is_decided || differs(&kept, segment) && of_kept == Arrival::Unknown {
                return None;
            }
            is_certain |= of_kept == Arrival::Undamaged && !differs(&kept, segment);
            is_offloaded |= of_kept == Arrival::Offloaded;
        }
        // A sender that leaves checksums to its interface sends none that a capture on its host
        // finds right.
        let is_known = is_certain || !is_offloaded;
        is_known.then_some(DamagedSegment { first, is_first, is_certain })
    }

    /// Replaces the kept segments that differ from this one, all of which were damaged. Returns
    /// whether that was possible: not where so much is missing that places are not known.
    pub(in crate::flow) fn repair(&mut self, segment: &SegmentPayload<'_>) -> bool {
        let is_whole = self.missing < MANY && self.segments.iter().all(|s| s.missing < MANY);
        if !is_whole {
            return false;
        }
        let old = self.clone();
        let mut rest: Vec<_> = old.kept().filter(|kept| !differs(kept, segment)).collect();
        rest.sort_by_key(|kept| kept.seq.wrapping_sub(old.base) as i32);
        self.bytes.clear();
        self.segments.clear();
        if let Some(out_of_order) = &mut self.out_of_order {
            out_of_order.clear();
        }
        (self.missing, self.urgent, self.full, self.head) = (0, 0, false, 0);
        self.expected = self.base;
        for kept in &rest {
            let urgent = kept.received.urgent_before;
            if self.expected.wrapping_add(urgent.into()) == kept.seq {
                (self.expected, self.urgent) = (kept.seq, urgent);
            }
            self.push_segment(kept);
        }
        self.push_segment(segment);
        true
    }

    /// The segments of which bytes are kept, the last first, then those that wait; as far back as
    /// places are known. Each has the kept part only.
    fn kept(&self) -> impl Iterator<Item = SegmentPayload<'_>> {
        let mut end = place_before(self.expected, self.missing, self.urgent);
        let mut to = self.bytes.len();
        let kept = self.segments.iter().rev().map_while(move |segment| {
            let from = usize::from(segment.start);
            let bytes = self.bytes.get(from..to)?;
            let seq = end?.wrapping_sub(bytes.len() as u32);
            end = place_before(seq, segment.missing, segment.received.urgent_before);
            to = from;
            let (frame, received) = (segment.frame, segment.received);
            Some(SegmentPayload { seq, frame, bytes, wire_len: bytes.len() as u32, received })
        });
        let base = self.base;
        kept.chain(self.out_of_order.iter().flat_map(move |waiting| waiting.payloads(base)))
    }
}

/// The sequence number before missing and urgent bytes; `None` where those are too many to count.
fn place_before(seq: u32, missing: u16, urgent: u8) -> Option<u32> {
    let left_out = u32::from(missing) + u32::from(urgent);
    (missing < MANY).then(|| seq.wrapping_sub(left_out))
}

/// Whether two segments have another byte at the same place. One that the capture cut is not
/// compared.
fn differs(kept: &SegmentPayload<'_>, segment: &SegmentPayload<'_>) -> bool {
    let ahead = segment.seq.wrapping_sub(kept.seq) as i32;
    let by = ahead.unsigned_abs() as usize;
    let (in_kept, in_segment) = if ahead > 0 { (by, 0) } else { (0, by) };
    let both = kept.bytes.get(in_kept..).zip(segment.bytes.get(in_segment..));
    let is_equal = |(one, other): (&[u8], &[u8])| {
        let len = one.len().min(other.len());
        one[..len] == other[..len]
    };
    !kept.received.is_cut() && !both.is_none_or(is_equal)
}
