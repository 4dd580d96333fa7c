//! TCP as an observer sees it: state, handshake time, retransmissions. Nothing is enforced: the capture is not a party.

use super::record::{Outcome, TcpState};
use crate::decode::{Segment, TcpFlags};
use crate::evidence::Direction;
use crate::time::Time;

/// What one side has sent. A million of these are live at a time: what is unknown is told by flags, not by `Option`s.
#[derive(Debug, Clone, Copy, Default)]
struct Half {
    /// The sequence number behind everything seen, where `seen`.
    next: u32,
    /// The last gap, empty where there is none: a segment that fills it was reordered, not sent again.
    gap: (u32, u32),
    /// The sequence number of the first byte, where SYN was `started`.
    start: u32,
    seen: bool,
    started: bool,
    fin: bool,
}

/// Both sides, by the ends of the flow key.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that was seen, in any combination")]
pub(super) struct Tcp {
    halves: [Half; 2],
    syn: Option<Time>,
    syn_ack: bool,
    /// SYN or SYN-ACK came twice: the time between them means nothing (Karn's rule).
    ambiguous: bool,
    established: bool,
    reset: bool,
    /// Which end was the first to finish or to abort.
    ended: [bool; 2],
    handshake_ns: Option<u64>,
    pub(super) retransmissions: [u32; 2],
}

impl Tcp {
    /// Takes in a segment that `end` sent; `initiator` is the end that opened the flow.
    pub(super) fn observe(&mut self, segment: &Segment, end: usize, initiator: usize) {
        let flags = segment.flags;
        self.track(segment, end);
        if flags.has(TcpFlags::SYN) && flags.has(TcpFlags::ACK) {
            self.ambiguous |= self.syn_ack;
            self.syn_ack = true;
        } else if flags.has(TcpFlags::SYN) {
            self.ambiguous |= self.syn.is_some();
            self.syn = Some(segment.time);
        } else if flags.has(TcpFlags::ACK) && !flags.has(TcpFlags::RST) && self.syn_ack && !self.established {
            self.established = true;
            if end == initiator && !self.ambiguous {
                self.handshake_ns = self.syn.map(|syn| segment.time.since(syn));
            }
        }
        if flags.has(TcpFlags::SYN) {
            self.halves[end].start = segment.seq.wrapping_add(1);
            self.halves[end].started = true;
        }
        let ends = flags.has(TcpFlags::FIN) || flags.has(TcpFlags::RST);
        self.ended[end] |= ends && self.ended == [false; 2];
        self.halves[end].fin |= flags.has(TcpFlags::FIN);
        // A reset after both have finished only clears up.
        self.reset |= flags.has(TcpFlags::RST) && !(self.halves[0].fin && self.halves[1].fin);
    }

    /// Follows the sequence numbers: counts what lies wholly before what was already seen and fills no gap.
    fn track(&mut self, segment: &Segment, end: usize) {
        let half = &mut self.halves[end];
        let control = u32::from(segment.flags.has(TcpFlags::SYN)) + u32::from(segment.flags.has(TcpFlags::FIN));
        let len = segment.payload_len.wrapping_add(control);
        let stop = segment.seq.wrapping_add(len);
        if !half.seen {
            half.seen = true;
            half.next = stop;
            return;
        }
        let next = half.next;
        let ahead = stop.wrapping_sub(next) as i32;
        if ahead > 0 {
            if segment.seq.wrapping_sub(next) as i32 > 0 {
                half.gap = (next, segment.seq);
            }
            half.next = stop;
        } else if len > 0 {
            // A keep-alive repeats one byte before the next (RFC 9293, section 3.8.4).
            let keep_alive = len == 1 && stop == next && control == 0;
            let (from, to) = half.gap;
            let fills = from != to && segment.seq.wrapping_sub(from) as i32 >= 0 && to.wrapping_sub(stop) as i32 >= 0;
            if fills {
                half.gap = (stop, to);
            } else if !keep_alive {
                self.retransmissions[end] = self.retransmissions[end].saturating_add(1);
            }
        }
    }

    /// The sequence number of each side's first byte, where its SYN was seen.
    pub(super) fn starts(&self) -> [Option<u32>; 2] {
        self.halves.map(|half| half.started.then_some(half.start))
    }

    /// Whether a SYN of `end` with this number opens another connection than the one that was seen.
    pub(super) fn is_other(&self, end: usize, seq: u32) -> bool {
        self.halves[end].started && self.halves[end].start != seq.wrapping_add(1)
    }

    /// Nothing more is to come.
    pub(super) fn is_over(&self) -> bool {
        self.reset || (self.halves[0].fin && self.halves[1].fin)
    }

    /// Who finished or aborted first.
    pub(super) fn ended_by(&self, initiator: usize) -> Option<Direction> {
        let end = self.ended.iter().position(|&ended| ended)?;
        Some(if end == initiator { Direction::Initiator } else { Direction::Responder })
    }

    /// Nanoseconds from SYN to the ACK that ends the handshake: the round trip wherever the capture stood.
    pub(super) fn handshake_ns(&self) -> Option<u64> {
        self.handshake_ns
    }

    pub(super) fn state(&self) -> TcpState {
        match (self.reset, self.halves[0].fin, self.halves[1].fin) {
            (true, _, _) => TcpState::Reset,
            (_, true, true) => TcpState::Closed,
            (_, false, false) if self.syn_ack && !self.established => TcpState::SynReceived,
            (_, false, false) if self.syn.is_some() && !self.established => TcpState::SynSent,
            (_, false, false) if self.established => TcpState::Established,
            (_, false, false) => TcpState::Midstream,
            _ => TcpState::Closing,
        }
    }

    /// How it went, given whether both sides sent something.
    pub(super) fn outcome(&self, answered: bool) -> Outcome {
        match () {
            () if self.syn_ack && self.reset => Outcome::Reset,
            () if self.syn_ack => Outcome::Established,
            () if self.syn.is_some() && self.reset => Outcome::Refused,
            () if self.syn.is_some() && !answered => Outcome::NoAnswer,
            () if self.reset => Outcome::Reset,
            () => Outcome::Midstream,
        }
    }
}
