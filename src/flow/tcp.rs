//! TCP as an observer sees it: state, handshake time, retransmissions. Nothing is enforced, as the
//! capture is not a party.

use serde::{Deserialize, Serialize};

use super::KeyedSegment;
use super::key::{HIGH, LOW};
use super::live_flow::{LiveFlow, OVERFLOWED, Seen};
use super::overflow::{FlowOverflow, OverflowTable};
use super::record::{Counts, Outcome, TcpState};
use crate::decode::TcpFlags;
use crate::evidence::Direction;
use crate::time::Time;

/// What is counted of the TCP segments of a flow, by side.
///
/// A new counter is a field here and in `TcpOverflow`, a line in `LiveFlow::tcp_counters`, and the
/// code that counts. A row of `stats::COUNTERS` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TcpCounters {
    /// Segments that were retransmitted.
    pub retransmissions: Counts,
}

/// What few TCP connections have, indexed by the ends of the key. A `LiveFlow` has no room for it:
/// it fills two cache lines.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct TcpOverflow {
    /// The last gap in the sequence numbers of an end, empty if there is none: a segment that fills
    /// it was reordered, not retransmitted.
    gap: [(u32, u32); 2],
}

impl LiveFlow {
    /// Tracks the connection by a TCP segment. Returns whether bytes may have come again.
    #[inline]
    pub(super) fn observe_tcp(
        &mut self,
        segment: &KeyedSegment,
        overflows: &mut OverflowTable,
    ) -> bool {
        const TELLING: u8 = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0;
        let repeats = self.track(segment, overflows);
        // Most segments neither begin nor end anything.
        if segment.flags.0 & TELLING != 0 || self.awaits_ack() {
            self.observe_flags(segment, overflows);
        }
        repeats
    }

    /// Whether the handshake has begun and its end was not seen yet.
    const fn awaits_ack(&self) -> bool {
        (self.seen.has(Seen::SYN) || self.seen.has(Seen::SYN_ACK))
            && !self.seen.has(Seen::ESTABLISHED)
    }

    /// Whether the handshake was answered: SYN-ACK was seen, or the initiator acknowledged one that
    /// was not captured.
    const fn was_answered(&self) -> bool {
        self.seen.has(Seen::SYN_ACK) || self.seen.has(Seen::ESTABLISHED)
    }

    fn observe_flags(&mut self, segment: &KeyedSegment, overflows: &mut OverflowTable) {
        let (flags, end) = (segment.flags, segment.end());
        if flags.has(TcpFlags::SYN) && flags.has(TcpFlags::ACK) {
            self.seen.set(if self.seen.has(Seen::SYN_ACK) {
                Seen::AMBIGUOUS
            } else {
                Seen::SYN_ACK
            });
        } else if flags.has(TcpFlags::SYN) {
            self.seen.set(if self.seen.has(Seen::SYN) { Seen::AMBIGUOUS } else { Seen::SYN });
            self.note_syn(segment.time, overflows);
        } else if flags.has(TcpFlags::ACK)
            && !flags.has(TcpFlags::RST)
            && self.awaits_ack()
            && (self.seen.has(Seen::SYN_ACK) || end == self.initiator())
        {
            self.seen.set(Seen::ESTABLISHED);
            if end == self.initiator()
                && !self.seen.has(Seen::AMBIGUOUS)
                && self.seen.has(Seen::SYN | Seen::SYN_ACK)
            {
                self.note_handshake(segment.time, overflows);
            }
        }
        if flags.has(TcpFlags::SYN) {
            let start = segment.seq.wrapping_add(1);
            if self.is_other(end, segment.seq) {
                let before = self.start[end];
                self.change_overflow(overflows, |overflow| {
                    overflow.widen().other_start[end] = before;
                });
            }
            self.start[end] = start;
            self.seen.set(Seen::STARTED << end);
            if self.seen.has(Seen::RESET) && self.is_first_segment_of(1 - end) {
                self.seen.set(Seen::REFUSED);
            }
        }
        if (flags.has(TcpFlags::FIN) || flags.has(TcpFlags::RST)) && self.ended_by().is_none() {
            self.seen.set(Seen::ENDED << end);
        }
        if flags.has(TcpFlags::FIN) {
            self.seen.set(Seen::FIN << end);
        }
        // A reset after both ends have finished only clears up.
        if flags.has(TcpFlags::RST) && !self.both_finished() {
            self.seen.set(Seen::RESET);
            if self.seen.has_at(1 - end, Seen::STARTED) && self.is_first_segment_of(end) {
                self.seen.set(Seen::REFUSED);
            }
        }
    }

    fn note_syn(&mut self, time: Time, overflows: &mut OverflowTable) {
        // After the handshake this field holds its duration.
        if self.seen.has(Seen::TIMED) {
            return;
        }
        match u32::try_from(time.0.saturating_sub(self.first().0)) {
            Ok(since) if since != OVERFLOWED => self.handshake = since,
            _ => {
                self.handshake = OVERFLOWED;
                self.change_overflow(overflows, |overflow| overflow.widen().syn = time);
            }
        }
    }

    /// The time of the last SYN; it is known from SYN to the end of the handshake.
    pub(super) fn syn_time(&self, overflows: &OverflowTable) -> Option<Time> {
        (self.seen.has(Seen::SYN) && !self.seen.has(Seen::TIMED)).then(|| match self.handshake {
            OVERFLOWED => self.wide_fields(overflows).map_or(self.first(), |wide| wide.syn),
            since => Time(self.first().0.saturating_add(since.into())),
        })
    }

    fn note_handshake(&mut self, now: Time, overflows: &mut OverflowTable) {
        let syn = self.syn_time(overflows).unwrap_or(self.first());
        let took = now.since(syn);
        self.seen.set(Seen::TIMED);
        self.handshake = u32::try_from(took).unwrap_or(OVERFLOWED);
        if self.handshake == OVERFLOWED {
            self.change_overflow(overflows, |overflow| overflow.widen().handshake_ns = took);
        }
    }

    /// Tracks the sequence numbers. A segment that lies wholly before what was seen and fills no
    /// gap is a retransmission. Returns whether some of its bytes may have come before.
    #[inline]
    fn track(&mut self, segment: &KeyedSegment, overflows: &mut OverflowTable) -> bool {
        let end = segment.end();
        let control = u32::from(segment.flags.has(TcpFlags::SYN))
            + u32::from(segment.flags.has(TcpFlags::FIN));
        let len = segment.payload_len.wrapping_add(control);
        let stop = segment.seq.wrapping_add(len);
        if !self.seen.has_at(end, Seen::SENT) {
            self.seen.set(Seen::SENT << end);
            self.next[end] = stop;
            return false;
        }
        let next = self.next[end];
        let ahead = stop.wrapping_sub(next) as i32;
        if ahead > 0 {
            self.next[end] = stop;
            return segment.seq != next && self.overlapped(end, segment.seq, next, overflows);
        }
        // A keep-alive repeats one byte before the next (RFC 9293, section 3.8.4).
        let keep_alive = len == 1 && stop == next && control == 0;
        if len > 0 {
            self.repeated(end, segment.seq, stop, keep_alive, overflows);
        }
        len > 0 && !keep_alive
    }

    /// Notes the gap before a segment that begins at `seq`, not at the next byte. Returns whether it
    /// begins before that.
    #[cold]
    fn overlapped(
        &mut self,
        end: usize,
        seq: u32,
        next: u32,
        overflows: &mut OverflowTable,
    ) -> bool {
        let is_gap = seq.wrapping_sub(next) as i32 > 0;
        if is_gap {
            self.change_overflow(overflows, |overflow| overflow.tcp.gap[end] = (next, seq));
        }
        !is_gap
    }

    #[cold]
    fn repeated(
        &mut self,
        end: usize,
        seq: u32,
        stop: u32,
        keep_alive: bool,
        overflows: &mut OverflowTable,
    ) {
        let (from, to) = self.overflow(overflows).map_or((0, 0), |overflow| overflow.tcp.gap[end]);
        let fills =
            from != to && seq.wrapping_sub(from) as i32 >= 0 && to.wrapping_sub(stop) as i32 >= 0;
        if fills {
            self.change_overflow(overflows, |overflow| overflow.tcp.gap[end] = (stop, to));
        } else if !keep_alive {
            self.retransmissions[end] = self.retransmissions[end].wrapping_add(1);
            if self.retransmissions[end] == 0 {
                self.change_overflow(overflows, |overflow| {
                    overflow.widen().high[end].retransmissions += 1;
                });
            }
        }
    }

    /// What was counted of the TCP segments of the flow.
    pub(super) fn tcp_counters(&self, overflow: &FlowOverflow) -> TcpCounters {
        let (initiator, responder) = (self.initiator(), 1 - self.initiator());
        let counts = |by_end: [u64; 2]| Counts {
            initiator: by_end[initiator],
            responder: by_end[responder],
        };
        TcpCounters { retransmissions: counts(self.retransmissions(overflow)) }
    }

    /// Number of segments that each end retransmitted.
    fn retransmissions(&self, overflow: &FlowOverflow) -> [u64; 2] {
        [0, 1].map(|end| {
            u64::from(overflow.high(end).retransmissions) << 16
                | u64::from(self.retransmissions[end])
        })
    }

    /// The sequence number of the first byte of an end, if its SYN was seen. Of two that differ, one
    /// of which may be forged, that of `segment`, if it is one of them.
    pub(super) fn start(
        &self,
        end: usize,
        segment: &KeyedSegment,
        overflows: &OverflowTable,
    ) -> Option<u32> {
        if !self.seen.has_at(end, Seen::STARTED) {
            return None;
        }
        let is_ambiguous = self.seen.has(Seen::AMBIGUOUS) && end == segment.end();
        let other = self.wide_fields(overflows).filter(|_| is_ambiguous);
        let other = other.map(|wide| wide.other_start[end]).filter(|&other| other == segment.seq);
        Some(other.unwrap_or(self.start[end]))
    }

    /// Whether the segment begins a new conversation between the same endpoints.
    #[inline]
    pub(super) const fn is_reopened_by(&self, segment: &KeyedSegment) -> bool {
        let opens = segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
        self.is_expired(segment.time)
            || (opens && !self.is_refusal_of(segment))
                && (self.is_over() || self.is_other(segment.end(), segment.seq))
    }

    /// Whether all that was captured so far is the reset that answers this SYN: the capture has
    /// swapped the two.
    const fn is_refusal_of(&self, syn: &KeyedSegment) -> bool {
        self.seen.has(Seen::RESET)
            && self.is_first_segment_of(1 - syn.end())
            && !self.has_packets(syn.end())
            && syn.time.0 < self.last().0
    }

    /// Whether a SYN of `end` with this sequence number opens another connection than the one that
    /// was seen.
    const fn is_other(&self, end: usize, seq: u32) -> bool {
        self.seen.has_at(end, Seen::STARTED) && self.start[end] != seq.wrapping_add(1)
    }

    /// Takes the initiator from the handshake. A flow that is classified keeps the port by which it
    /// was classified.
    #[inline]
    pub(super) fn orient_by(&mut self, segment: &KeyedSegment) {
        if segment.flags.has(TcpFlags::SYN) && !self.seen.has(Seen::ORIENTED) {
            let end = segment.end();
            self.orient(if segment.flags.has(TcpFlags::ACK) { 1 - end } else { end });
        }
    }

    const fn both_finished(&self) -> bool {
        self.seen.has(Seen::FIN | Seen::FIN << 1)
    }

    /// The side that finished or aborted first.
    pub(super) fn ended_by(&self) -> Option<Direction> {
        let end = [LOW, HIGH].into_iter().find(|&end| self.seen.has_at(end, Seen::ENDED))?;
        Some(if end == self.initiator() { Direction::Initiator } else { Direction::Responder })
    }

    /// Whether no more segments are expected.
    pub(super) const fn is_over(&self) -> bool {
        self.seen.has(Seen::RESET) || self.both_finished()
    }

    /// Nanoseconds from SYN to the ACK that ends the handshake: the round-trip time, wherever the
    /// capture stood.
    pub(super) fn handshake_ns(&self, overflow: &FlowOverflow) -> Option<u64> {
        let took = match (self.handshake, overflow.wide()) {
            (OVERFLOWED, Some(wide)) => wide.handshake_ns,
            (took, _) => took.into(),
        };
        self.seen.has(Seen::TIMED).then_some(took)
    }

    pub(super) const fn state(&self) -> TcpState {
        let seen = self.seen;
        match (seen.has(Seen::RESET), seen.has(Seen::FIN), seen.has(Seen::FIN << 1)) {
            (true, _, _) => TcpState::Reset,
            (_, true, true) => TcpState::Closed,
            (_, false, false) if seen.has(Seen::ESTABLISHED) => TcpState::Established,
            (_, false, false) if seen.has(Seen::SYN_ACK) => TcpState::SynReceived,
            (_, false, false) if seen.has(Seen::SYN) => TcpState::SynSent,
            (_, false, false) => TcpState::Midstream,
            _ => TcpState::Closing,
        }
    }

    pub(super) const fn outcome(&self) -> Outcome {
        let (seen, responder) = (self.seen, 1 - self.initiator());
        let answered = self.has_packets(responder);
        match () {
            () if self.was_answered() && seen.has(Seen::RESET) => Outcome::Reset,
            () if self.was_answered() => Outcome::Established,
            () if seen.has(Seen::SYN | Seen::REFUSED) => Outcome::Refused,
            () if seen.has(Seen::SYN) && !answered => Outcome::NoAnswer,
            // A reset alone shows no connection that it could have ended.
            () if seen.has(Seen::RESET) && !self.has_one_packet() => Outcome::Reset,
            () => Outcome::Midstream,
        }
    }
}
