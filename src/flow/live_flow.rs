//! A live flow in two cache lines: a million flows are live at a time, and every segment touches
//! one.
//!
//! The first line holds what nearly every segment reads and changes, the second what begins and
//! ends a flow. Numbers have 32 bits; what does not fit, and what few flows have, lies in
//! [`FlowOverflow`].
//!
//! # Adding a field
//!
//! [`LiveFlow`] has exactly 128 bytes and no padding: one more field makes padding, and bytemuck's
//! derive then fails to compile. Choose one of these instead:
//!
//! - [`FlowOverflow`], through [`LiveFlow::change_overflow`], for what few flows have. A counter of
//!   TCP that is zero in most flows belongs in its `TcpOverflow` (`tcp.rs`), as a saturating `u32`
//!   for each end.
//! - The upper half of a number that needs no 32 bits: `retransmissions` has 16 and carries into
//!   [`FlowOverflow`].

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use super::key::{self, FlowKey, HIGH, LOW};
use super::overflow::{FlowOverflow, OverflowTable, WideFields};
use super::sizes::FewSizes;
use super::slab::SlabEntry;
use super::{KeyedSegment, ServicePorts, VerdictId};
use crate::decode::{Transport, Tunnel};
use crate::saved::{BadState, check};
use crate::time::Time;

/// Nanoseconds without a frame after which a flow is over.
pub(super) const UDP_IDLE: u64 = 120 * 1_000_000_000;
pub(super) const TCP_IDLE: u64 = 600 * 1_000_000_000;
/// As above, for a connection that was closed or aborted: late retransmissions still belong to it.
const TCP_LINGER: u64 = 10 * 1_000_000_000;

/// Marks a number that does not fit and is stored in [`FlowOverflow`].
pub(super) const OVERFLOWED: u32 = u32::MAX;

/// What is known of the payload of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpeningSlot {
    Nothing,
    /// The slot of the opening.
    Opening(u32),
    Judged(VerdictId),
}

/// Flags of a flow. A flag that exists for each end takes two bits; its constant is the bit of the
/// lower end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable, Serialize, Deserialize)]
#[repr(transparent)]
pub(super) struct Seen(u32);

impl Seen {
    /// Set in every flow: an empty slot of the table is all zeros.
    const LIVE: u32 = 1 << 31;
    /// The initiator is the higher end.
    pub(super) const INITIATOR_HIGH: u32 = 1;
    /// The handshake showed the initiator.
    pub(super) const ORIENTED: u32 = 1 << 1;
    const OPENING: u32 = 1 << 2;
    pub(super) const JUDGED: u32 = 1 << 3;
    /// Two bits: how many of the first payload's times are known.
    pub(super) const TIMES: u32 = 4;
    pub(super) const SYN: u32 = 1 << 6;
    pub(super) const SYN_ACK: u32 = 1 << 7;
    /// SYN or SYN-ACK came twice: the time between them means nothing (Karn's rule).
    pub(super) const AMBIGUOUS: u32 = 1 << 8;
    pub(super) const ESTABLISHED: u32 = 1 << 9;
    pub(super) const RESET: u32 = 1 << 10;
    /// The duration of the handshake is known.
    pub(super) const TIMED: u32 = 1 << 11;
    /// A segment of this end was seen; its SYN; its FIN.
    pub(super) const SENT: u32 = 1 << 12;
    pub(super) const STARTED: u32 = 1 << 14;
    pub(super) const FIN: u32 = 1 << 16;
    /// This end was the first to finish or to abort.
    pub(super) const ENDED: u32 = 1 << 18;
    /// Four bits: the number of the tunnel plus one; zero is none.
    const TUNNEL: u32 = 20;
    const TUNNEL_MASK: u32 = 15;
    /// What the sides sent showed the initiator.
    pub(super) const PROVED: u32 = 1 << 24;
    /// The first frame went to a group or to everybody, and came from a single host.
    pub(super) const GROUP: u32 = 1 << 25;
    /// The higher end was the first to send payload.
    pub(super) const FIRST_HIGH: u32 = 1 << 26;
    /// The capture cut payload.
    pub(super) const CUT: u32 = 1 << 27;
    /// An ICMP error quoted a packet of the flow.
    pub(super) const ICMP: u32 = 1 << 28;
    /// The first segment of an end was a reset that answered the other end's SYN.
    pub(super) const REFUSED: u32 = 1 << 29;
    /// In place of [`JUDGED`](Self::JUDGED), UDP: the flow has its final verdict, and the judge reads
    /// what comes later. Beside it, TCP: the opening is held.
    pub(super) const READ_ON: u32 = 1 << 30;

    pub(super) const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }

    /// Whether the flag of an end is set.
    pub(super) const fn has_at(self, end: usize, bit: u32) -> bool {
        self.has(bit << end)
    }

    #[inline]
    pub(super) fn set(&mut self, bits: u32) {
        self.0 |= bits;
    }

    /// Whether any flag of `bits` is set.
    pub(super) const fn has_any(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    /// The number in the two bits from `bit` on.
    pub(super) const fn number(self, bit: u32) -> u32 {
        self.0 >> bit & 3
    }

    pub(super) fn set_number(&mut self, bit: u32, number: u32) {
        self.0 = self.0 & !(3 << bit) | number << bit;
    }

    #[inline]
    pub(super) fn unset(&mut self, bits: u32) {
        self.0 &= !bits;
    }
}

/// A live flow. Arrays are indexed by the ends of the key.
#[derive(Debug, Clone, Copy, Pod, Zeroable, Serialize, Deserialize)]
#[repr(C, align(64))]
pub(super) struct LiveFlow {
    /// The words of the key.
    first_word: u64,
    rest: u64,
    last: i64,
    packets: [u32; 2],
    bytes: [u32; 2],
    payload: [u32; 2],
    /// TCP: the sequence number after the last byte that was seen of an end.
    pub(super) next: [u32; 2],
    opening: u32,
    pub(super) seen: Seen,
    pub(super) first: i64,
    pub(super) first_frame: u64,
    /// Nanoseconds; `payload_times.rs` says between what.
    pub(super) payload_times: [u32; 2],
    sizes: FewSizes,
    /// TCP: the sequence number of the first byte of an end.
    pub(super) start: [u32; 2],
    pub(super) retransmissions: [u16; 2],
    /// Frames since the first.
    last_frame: u32,
    /// TCP: nanoseconds from the first frame to SYN; once the handshake is over, its duration.
    pub(super) handshake: u32,
    /// Slot of the flow's [`FlowOverflow`] plus one; zero if it has none.
    overflow: u32,
}

impl SlabEntry for LiveFlow {
    #[inline]
    fn is_taken(&self) -> bool {
        self.seen.has(Seen::LIVE)
    }
}

impl LiveFlow {
    /// A flow that begins with `segment`.
    pub(super) fn new(
        segment: &KeyedSegment,
        ports: &ServicePorts,
        overflows: &mut OverflowTable,
    ) -> Self {
        let (first_word, rest, addresses) = segment.key.words();
        let tunnel = segment.tunnel.map_or(0, |tunnel| tunnel as u32 + 1);
        let mut flow = Self {
            first_word,
            rest,
            last: segment.time.0,
            packets: [0; 2],
            bytes: [0; 2],
            payload: [0; 2],
            next: [0; 2],
            opening: 0,
            seen: Seen(Seen::LIVE | tunnel << Seen::TUNNEL),
            first: segment.time.0,
            first_frame: segment.frame,
            payload_times: [0; 2],
            sizes: FewSizes::default(),
            start: [0; 2],
            retransmissions: [0; 2],
            last_frame: 0,
            handshake: 0,
            overflow: 0,
        };
        flow.orient_first(segment, ports);
        if addresses.is_some() {
            flow.change_overflow(overflows, |overflow| overflow.widen().addresses = addresses);
        }
        flow
    }

    /// Whether this is the flow of `key`.
    #[inline]
    pub(super) fn is(&self, key: &FlowKey, overflows: &OverflowTable) -> bool {
        let (first_word, rest, addresses) = key.words();
        self.first_word == first_word
            && self.rest == rest
            && (addresses.is_none()
                || self.wide_fields(overflows).is_some_and(|wide| wide.addresses == addresses))
    }

    pub(super) fn key(&self, overflows: &OverflowTable) -> FlowKey {
        FlowKey::from_words(
            self.first_word,
            self.rest,
            self.wide_fields(overflows).and_then(|wide| wide.addresses),
        )
    }

    /// Time of the earliest frame.
    pub(super) const fn first(&self) -> Time {
        Time(self.first)
    }

    /// Time of the last frame.
    pub(super) const fn last(&self) -> Time {
        Time(self.last)
    }

    pub(super) const fn transport(&self) -> Transport {
        key::transport(self.rest)
    }

    pub(super) const fn initiator(&self) -> usize {
        if self.seen.has(Seen::INITIATOR_HIGH) { HIGH } else { LOW }
    }

    /// The innermost tunnel of the first segment.
    pub(super) fn tunnel(&self) -> Option<Tunnel> {
        let number = self.seen.0 >> Seen::TUNNEL & Seen::TUNNEL_MASK;
        Tunnel::ALL.get((number as usize).checked_sub(1)?).copied()
    }

    pub(super) const fn opening(&self) -> OpeningSlot {
        if self.is_judged() {
            OpeningSlot::Judged(VerdictId(self.opening))
        } else if self.seen.has(Seen::OPENING) {
            OpeningSlot::Opening(self.opening)
        } else {
            OpeningSlot::Nothing
        }
    }

    /// Whether the flow has its final verdict: more payload changes nothing of it.
    pub(super) const fn is_judged(&self) -> bool {
        self.seen.has_any(Seen::JUDGED | Seen::READ_ON)
    }

    /// Whether nobody reads more payload: one test, as every segment passes it.
    pub(super) const fn ignores_payload(&self) -> bool {
        self.seen.has(Seen::JUDGED)
    }

    /// Whether the flow has a verdict, and its opening is held.
    pub(super) const fn is_held(&self) -> bool {
        self.seen.has(Seen::JUDGED | Seen::READ_ON)
    }

    /// States that the opening of the flow, which has a verdict, is held.
    pub(super) fn hold(&mut self) {
        self.seen.set(Seen::READ_ON);
    }

    /// States that the opening of the flow is held no longer.
    pub(super) fn let_go(&mut self) {
        self.seen.unset(Seen::READ_ON);
    }

    /// States that the judge of the flow reads on.
    pub(super) fn read_on(&mut self) {
        self.seen.unset(Seen::JUDGED);
        self.seen.set(Seen::READ_ON);
    }

    pub(super) fn set_opening(&mut self, opening: OpeningSlot) {
        self.seen.unset(Seen::JUDGED | Seen::READ_ON | Seen::OPENING);
        match opening {
            OpeningSlot::Nothing => {}
            OpeningSlot::Opening(slot) => {
                self.opening = slot;
                self.seen.set(Seen::OPENING);
            }
            OpeningSlot::Judged(VerdictId(id)) => {
                self.opening = id;
                self.seen.set(Seen::JUDGED);
            }
        }
    }

    /// Whether the flow has been idle for too long to go on.
    #[inline]
    pub(super) const fn is_expired(&self, now: Time) -> bool {
        let idle = match self.transport() {
            Transport::Udp => UDP_IDLE,
            Transport::Tcp if self.is_over() => TCP_LINGER,
            Transport::Tcp => TCP_IDLE,
        };
        now.since(self.last()) > idle
    }

    /// The flow without the slots of its opening and its overflow, and without its verdict.
    pub(super) const fn alone(&self) -> Self {
        Self { opening: 0, overflow: 0, ..*self }
    }

    /// Sets the number of the verdict, or the slot of the opening.
    pub(super) const fn set_number(&mut self, number: u32) {
        self.opening = number;
    }

    /// Checks what was read of a flow, with its overflow, after `frames` frames.
    pub(super) fn check_alone(
        &self,
        overflow: Option<&FlowOverflow>,
        frames: u64,
    ) -> Result<(), BadState> {
        let none = FlowOverflow::default();
        let last = self.first_frame.saturating_add(u64::from(self.last_frame));
        let last = match overflow.and_then(FlowOverflow::wide) {
            Some(wide) if self.last_frame == OVERFLOWED => wide.last_frame,
            _ => last,
        };
        check(self.is_taken() && self.overflow == 0, "a flow is none")?;
        check((1..=frames).contains(&self.first_frame) && last <= frames, "a frame is none")?;
        check(
            key::is_v6(self.rest) == overflow.is_some_and(FlowOverflow::has_addresses),
            "a flow lacks its addresses",
        )?;
        self.sizes.check()?;
        overflow.unwrap_or(&none).check()
    }

    /// Counts a segment.
    #[inline]
    pub(super) fn count(&mut self, segment: &KeyedSegment, overflows: &mut OverflowTable) {
        let end = segment.end();
        self.last = self.last.max(segment.time.0);
        if segment.time.0 < self.first {
            self.begin_earlier(segment.time, overflows);
        }
        let frames = segment.frame.saturating_sub(self.first_frame);
        if frames >= OVERFLOWED.into() || self.last_frame == OVERFLOWED {
            self.last_frame = OVERFLOWED;
            self.change_overflow(overflows, |overflow| {
                overflow.widen().last_frame = overflow.widen().last_frame.max(segment.frame);
            });
        } else {
            self.last_frame = self.last_frame.max(frames as u32);
        }
        let carried = [
            carry(&mut self.packets[end], 1),
            carry(&mut self.bytes[end], segment.wire_len),
            carry(&mut self.payload[end], segment.payload_len),
        ];
        if carried != [false; 3] {
            self.change_overflow(overflows, |overflow| {
                let high = &mut overflow.widen().high[end];
                for (high, carried) in
                    [&mut high.packets, &mut high.bytes, &mut high.payload].into_iter().zip(carried)
                {
                    *high += u32::from(carried);
                }
            });
        }
        if let Some(rest) = self.sizes.add(segment.wire_len) {
            self.change_overflow(overflows, |overflow| overflow.sizes.add(rest));
        }
    }

    /// Changes the overflow of this flow, and creates it if there is none.
    pub(super) fn change_overflow(
        &mut self,
        overflows: &mut OverflowTable,
        change: impl FnOnce(&mut FlowOverflow),
    ) {
        overflows.change(&mut self.overflow, change);
    }

    /// Prefetches the overflow of this flow.
    #[inline]
    pub(super) fn prefetch_overflow(&self, overflows: &OverflowTable) {
        overflows.prefetch(self.overflow);
    }

    /// The wide fields of this flow, if it has any.
    pub(super) fn wide_fields<'r>(&self, overflows: &'r OverflowTable) -> Option<&'r WideFields> {
        self.overflow(overflows)?.wide()
    }

    /// The overflow of this flow, if it has one.
    pub(super) fn overflow<'r>(&self, overflows: &'r OverflowTable) -> Option<&'r FlowOverflow> {
        overflows.get(self.overflow)
    }

    /// Replaces the overflow of this flow, if it has one, and returns the former.
    pub(super) fn replace_overflow(
        &self,
        overflows: &mut OverflowTable,
        overflow: FlowOverflow,
    ) -> FlowOverflow {
        overflows
            .get_mut(self.overflow)
            .map_or_else(FlowOverflow::default, |slot| std::mem::replace(slot, overflow))
    }

    /// Removes the overflow of this flow and frees its slot.
    pub(super) fn take_overflow(&mut self, overflows: &mut OverflowTable) -> FlowOverflow {
        overflows.take(&mut self.overflow)
    }

    pub(super) fn packets(&self, overflow: &FlowOverflow) -> [u64; 2] {
        wide(self.packets, [LOW, HIGH].map(|end| overflow.high(end).packets))
    }

    pub(super) fn bytes(&self, overflow: &FlowOverflow) -> [u64; 2] {
        wide(self.bytes, [LOW, HIGH].map(|end| overflow.high(end).bytes))
    }

    pub(super) fn payload(&self, overflow: &FlowOverflow) -> [u64; 2] {
        wide(self.payload, [LOW, HIGH].map(|end| overflow.high(end).payload))
    }

    pub(super) const fn has_one_packet(&self) -> bool {
        self.packets[0].saturating_add(self.packets[1]) == 1
    }

    pub(super) const fn has_packets(&self, end: usize) -> bool {
        self.packets[end] > 0
    }

    /// Whether of an end, which has just sent, only one packet was counted.
    pub(super) const fn is_first_segment_of(&self, end: usize) -> bool {
        self.packets[end] == 1
    }

    pub(super) fn last_frame(&self, overflow: &FlowOverflow) -> u64 {
        match (self.last_frame, overflow.wide()) {
            (OVERFLOWED, Some(wide)) => wide.last_frame,
            (since, _) => self.first_frame + u64::from(since),
        }
    }

    pub(super) const fn sizes(&self) -> FewSizes {
        self.sizes
    }
}

/// Adds to the lower half of a number; returns whether it carries into the upper half.
#[inline]
const fn carry(low: &mut u32, by: u32) -> bool {
    let (sum, over) = low.overflowing_add(by);
    *low = sum;
    over
}

fn wide(low: [u32; 2], high: [u32; 2]) -> [u64; 2] {
    [LOW, HIGH].map(|end| u64::from(high[end]) << 32 | u64::from(low[end]))
}
