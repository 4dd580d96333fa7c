//! When each end first sent payload, so that the time to the first response is known whichever end
//! turns out to be the initiator.
//!
//! The end that was the first by time is `first`, the other one `second`. What a flow keeps depends
//! on how many of the times are known:
//!
//! | known | `payload_times[0]` | `payload_times[1]` |
//! |---|---|---|
//! | 0 | | |
//! | 1 | from the flow's beginning to the first payload | |
//! | 2 | from the first payload to the second end's first | from the flow's beginning to the latter |
//! | 3 | as above | from the second end's first payload to the first end's next |
//!
//! If the first end is the initiator, the response took `payload_times[0]`; else, as after a
//! greeting, `payload_times[1]`. Nanoseconds that do not fit in 32 bits are in the overflow.

use super::KeyedSegment;
use super::key::{HIGH, LOW};
use super::live_flow::{LiveFlow, OVERFLOWED, Seen};
use super::overflow::{FlowOverflow, OverflowTable};
use crate::time::Time;

impl LiveFlow {
    /// Records when an end sent payload.
    #[inline]
    pub(super) fn time_payload(&mut self, segment: &KeyedSegment, overflows: &mut OverflowTable) {
        let known = self.seen.number(Seen::TIMES);
        let by_first = segment.end() == self.first_payload_end();
        // With one time known the other end is awaited, with two the first one again.
        if known == 0 {
            self.seen.set_number(Seen::TIMES, 1);
            self.set_first_payload_end(segment.end());
            self.set_payload_time(0, segment.time.since(self.first()), overflows);
        } else if known < 3 && by_first != (known == 1) {
            self.note_payload(segment, known, overflows);
        }
    }

    /// Nanoseconds from the initiator's first payload to the responder's first after it.
    pub(super) fn response_ns(&self, overflow: &FlowOverflow) -> Option<u64> {
        let time = usize::from(self.first_payload_end() != self.initiator());
        (self.seen.number(Seen::TIMES) as usize >= time + 2).then(|| {
            match (self.payload_times[time], overflow.wide()) {
                (OVERFLOWED, Some(wide)) => wide.payload_times[time],
                (ns, _) => ns.into(),
            }
        })
    }

    /// The flow began before its first frame: the capture has its frames in another order.
    #[cold]
    pub(super) fn begin_earlier(&mut self, first: Time, overflows: &mut OverflowTable) {
        let earlier = self.first().since(first);
        if let Some(syn) = self.syn_time(overflows) {
            self.handshake = OVERFLOWED;
            self.change_overflow(overflows, |overflow| overflow.widen().syn = syn);
        }
        self.first = first.0;
        if let time @ 0..=1 = (self.seen.number(Seen::TIMES) as usize).wrapping_sub(1) {
            let since = self.payload_time(time, overflows);
            self.set_payload_time(time, since.saturating_add(earlier), overflows);
        }
    }

    fn note_payload(&mut self, segment: &KeyedSegment, known: u32, overflows: &mut OverflowTable) {
        let now = segment.time.since(self.first());
        if known == 1 {
            let before = self.payload_time(0, overflows);
            // What counts is the order of the times, not that of the frames.
            if now < before {
                self.set_first_payload_end(segment.end());
            }
            self.set_payload_time(0, now.abs_diff(before), overflows);
            let is_final =
                self.seen.has(Seen::ORIENTED) && self.first_payload_end() == self.initiator();
            if is_final {
                self.seen.set_number(Seen::TIMES, 3);
                return;
            }
            self.set_payload_time(1, now.max(before), overflows);
        } else {
            let before = self.payload_time(1, overflows);
            // Sent before the second end's first payload, and captured behind it.
            let Some(since) = now.checked_sub(before) else { return };
            self.set_payload_time(1, since, overflows);
        }
        self.seen.set_number(Seen::TIMES, known + 1);
    }

    /// The end that was the first to send payload.
    const fn first_payload_end(&self) -> usize {
        if self.seen.has(Seen::FIRST_HIGH) { HIGH } else { LOW }
    }

    fn set_first_payload_end(&mut self, end: usize) {
        self.seen.unset(Seen::FIRST_HIGH);
        self.seen.set(if end == HIGH { Seen::FIRST_HIGH } else { 0 });
    }

    #[inline]
    fn payload_time(&self, time: usize, overflows: &OverflowTable) -> u64 {
        let wide = || self.wide_fields(overflows).map_or(0, |wide| wide.payload_times[time]);
        match self.payload_times[time] {
            OVERFLOWED => wide(),
            ns => ns.into(),
        }
    }

    #[inline]
    fn set_payload_time(&mut self, time: usize, ns: u64, overflows: &mut OverflowTable) {
        self.payload_times[time] = ns.min(OVERFLOWED.into()) as u32;
        if ns >= u64::from(OVERFLOWED) {
            self.change_overflow(overflows, |overflow| overflow.widen().payload_times[time] = ns);
        }
    }
}
