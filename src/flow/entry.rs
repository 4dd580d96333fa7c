//! A live flow in two cache lines: a million of them are live at a time, and every segment touches
//! one.
//!
//! The first line holds what nearly every segment reads and changes, the second what begins and
//! ends a flow. Numbers are kept in 32 bits; what does not fit, and what few flows have, is
//! [`Rare`].

use bytemuck::{Pod, Zeroable};

use super::key::{self, FlowKey, HIGH, LOW};
use super::rare::{Rare, Rares, Wide};
use super::sizes::FewSizes;
use super::slab::Place;
use super::{Keyed, Orientation, ServicePorts, VerdictId};
use crate::decode::{Transport, Tunnel};
use crate::time::Time;

/// Nanoseconds without a frame after which a flow is over.
pub(super) const UDP_IDLE: u64 = 120 * 1_000_000_000;
pub(super) const TCP_IDLE: u64 = 600 * 1_000_000_000;
/// The same for a connection that was closed or aborted: late repetitions still belong to it.
const TCP_LINGER: u64 = 10 * 1_000_000_000;

/// A number that is kept in [`Rare`], because it does not fit.
pub(super) const ELSEWHERE: u32 = u32::MAX;

/// What was said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    /// The place of the opening.
    Opening(u32),
    Judged(VerdictId),
}

/// Things that were seen of a flow or not, a bit each; where one bit for each end is meant, the
/// lower's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub(super) struct Seen(u32);

impl Seen {
    /// Set in every flow: an empty place in the table is all zeros.
    const LIVE: u32 = 1 << 31;
    /// The flow's initiator is the higher end.
    const INITIATOR_HIGH: u32 = 1;
    /// The initiator is known by the handshake.
    const ORIENTED: u32 = 1 << 1;
    const OPENING: u32 = 1 << 2;
    const JUDGED: u32 = 1 << 3;
    /// The initiator sent payload, and the responder did after it.
    pub(super) const ASKED: u32 = 1 << 4;
    pub(super) const ANSWERED: u32 = 1 << 5;
    pub(super) const SYN: u32 = 1 << 6;
    pub(super) const SYN_ACK: u32 = 1 << 7;
    /// SYN or SYN-ACK came twice: the time between them means nothing (Karn's rule).
    pub(super) const AMBIGUOUS: u32 = 1 << 8;
    pub(super) const ESTABLISHED: u32 = 1 << 9;
    pub(super) const RESET: u32 = 1 << 10;
    /// The time that the handshake took is known.
    pub(super) const TIMED: u32 = 1 << 11;
    /// A segment of this end was seen; its SYN was; its FIN was.
    pub(super) const SENT: u32 = 1 << 12;
    pub(super) const STARTED: u32 = 1 << 14;
    pub(super) const FIN: u32 = 1 << 16;
    /// This end was the first to finish or to abort.
    pub(super) const ENDED: u32 = 1 << 18;
    /// Where the number of the tunnel begins; zero is none.
    const TUNNEL: u32 = 20;

    pub(super) const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }

    /// Whether the bit of an end is set.
    pub(super) const fn of(self, end: usize, bit: u32) -> bool {
        self.has(bit << end)
    }

    #[inline]
    pub(super) fn set(&mut self, bits: u32) {
        self.0 |= bits;
    }

    #[inline]
    fn unset(&mut self, bits: u32) {
        self.0 &= !bits;
    }
}

/// A live flow. Arrays are by the ends of the key.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Entry {
    /// The key's words.
    first_word: u64,
    rest: u64,
    last: i64,
    packets: [u32; 2],
    bytes: [u32; 2],
    payload: [u32; 2],
    /// TCP: the sequence number behind everything that was seen of an end.
    pub(super) next: [u32; 2],
    said: u32,
    pub(super) seen: Seen,
    first: i64,
    pub(super) first_frame: u64,
    /// When the initiator first sent payload; once the responder did, the nanoseconds between the
    /// two.
    asked: i64,
    sizes: FewSizes,
    /// TCP: the sequence number of an end's first byte.
    pub(super) start: [u32; 2],
    pub(super) retransmissions: [u16; 2],
    /// Frames since the first.
    last_frame: u32,
    /// TCP: nanoseconds from the first frame to SYN; once that is known, those that the handshake
    /// took.
    pub(super) handshake: u32,
    /// The place of what few flows have, plus one; zero where there is nothing.
    rare: u32,
}

impl Place for Entry {
    #[inline]
    fn is_taken(&self) -> bool {
        self.seen.has(Seen::LIVE)
    }
}

impl Entry {
    /// A flow that begins with this segment.
    pub(super) fn new(segment: &Keyed, ports: &ServicePorts, rares: &mut Rares) -> Self {
        let (first_word, rest, addresses) = segment.key.words();
        let initiator = guess_initiator(&segment.key, segment.end(), ports);
        let tunnel = segment.tunnel.map_or(0, |tunnel| tunnel as u32 + 1);
        let seen = Seen(
            Seen::LIVE
                | tunnel << Seen::TUNNEL
                | if initiator == HIGH { Seen::INITIATOR_HIGH } else { 0 },
        );
        let mut entry = Self {
            first_word,
            rest,
            last: segment.time.0,
            packets: [0; 2],
            bytes: [0; 2],
            payload: [0; 2],
            next: [0; 2],
            said: 0,
            seen,
            first: segment.time.0,
            first_frame: segment.frame,
            asked: 0,
            sizes: FewSizes::default(),
            start: [0; 2],
            retransmissions: [0; 2],
            last_frame: 0,
            handshake: 0,
            rare: 0,
        };
        if addresses.is_some() {
            entry.change_rare(rares, |rare| rare.widen().addresses = addresses);
        }
        entry
    }

    /// Whether it is the flow of this key.
    #[inline]
    pub(super) fn is(&self, key: &FlowKey, rares: &Rares) -> bool {
        let (first_word, rest, addresses) = key.words();
        self.first_word == first_word
            && self.rest == rest
            && (addresses.is_none()
                || self.known_wide(rares).is_some_and(|wide| wide.addresses == addresses))
    }

    pub(super) fn key(&self, rares: &Rares) -> FlowKey {
        FlowKey::of(
            self.first_word,
            self.rest,
            self.known_wide(rares).and_then(|wide| wide.addresses),
        )
    }

    /// Time of the first frame.
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

    pub(super) const fn orientation(&self) -> Orientation {
        if self.seen.has(Seen::ORIENTED) { Orientation::Seen } else { Orientation::Guessed }
    }

    /// Takes who opened the flow from its handshake, and corrects a guess that was made before it
    /// was seen.
    pub(super) fn orient(&mut self, initiator: usize) {
        if initiator != self.initiator() {
            self.seen.unset(Seen::INITIATOR_HIGH | Seen::ASKED | Seen::ANSWERED);
            self.seen.set(if initiator == HIGH { Seen::INITIATOR_HIGH } else { 0 });
        }
        self.seen.set(Seen::ORIENTED);
    }

    /// The innermost tunnel of its first segment.
    pub(super) fn tunnel(&self) -> Option<Tunnel> {
        let number = (self.seen.0 & !Seen::LIVE) >> Seen::TUNNEL;
        Tunnel::ALL.get((number as usize).checked_sub(1)?).copied()
    }

    pub(super) const fn said(&self) -> Said {
        if self.seen.has(Seen::JUDGED) {
            Said::Judged(VerdictId(self.said))
        } else if self.seen.has(Seen::OPENING) {
            Said::Opening(self.said)
        } else {
            Said::Nothing
        }
    }

    /// Whether nothing more that is said matters.
    pub(super) const fn is_judged(&self) -> bool {
        self.seen.has(Seen::JUDGED)
    }

    pub(super) fn set_said(&mut self, said: Said) {
        self.seen.unset(Seen::JUDGED | Seen::OPENING);
        match said {
            Said::Nothing => {}
            Said::Opening(place) => {
                self.said = place;
                self.seen.set(Seen::OPENING);
            }
            Said::Judged(VerdictId(id)) => {
                self.said = id;
                self.seen.set(Seen::JUDGED);
            }
        }
    }

    /// Whether it is over, by time.
    #[inline]
    pub(super) const fn is_expired(&self, now: Time) -> bool {
        let idle = match self.transport() {
            Transport::Udp => UDP_IDLE,
            Transport::Tcp if self.is_over() => TCP_LINGER,
            Transport::Tcp => TCP_IDLE,
        };
        now.since(self.last()) > idle
    }

    /// Counts a segment.
    #[inline]
    pub(super) fn count(&mut self, segment: &Keyed, rares: &mut Rares) {
        let end = segment.end();
        self.last = self.last.max(segment.time.0);
        let frames = segment.frame.saturating_sub(self.first_frame);
        if frames >= ELSEWHERE.into() || self.last_frame == ELSEWHERE {
            self.last_frame = ELSEWHERE;
            self.change_rare(rares, |rare| {
                rare.widen().last_frame = rare.widen().last_frame.max(segment.frame);
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
            self.change_rare(rares, |rare| {
                let high = &mut rare.widen().high[end];
                for (high, carried) in
                    [&mut high.packets, &mut high.bytes, &mut high.payload].into_iter().zip(carried)
                {
                    *high += u32::from(carried);
                }
            });
        }
        if let Some(rest) = self.sizes.add(segment.wire_len) {
            self.change_rare(rares, |rare| rare.sizes.add(rest));
        }
    }

    /// Notes when payload went back and forth.
    #[inline]
    pub(super) fn time_payload(&mut self, segment: &Keyed) {
        if self.seen.has(Seen::ANSWERED) {
            return;
        }
        match (segment.end() == self.initiator(), self.seen.has(Seen::ASKED)) {
            (true, false) => {
                self.asked = segment.time.0;
                self.seen.set(Seen::ASKED);
            }
            (false, true) => {
                self.asked = segment.time.since(Time(self.asked)) as i64;
                self.seen.set(Seen::ANSWERED);
            }
            _ => {}
        }
    }

    /// Nanoseconds from the initiator's first payload to the responder's first after it.
    pub(super) fn answered_ns(&self) -> Option<u64> {
        self.seen.has(Seen::ANSWERED).then_some(self.asked as u64)
    }

    /// Changes what few flows have; it is made where it is not there.
    pub(super) fn change_rare(&mut self, rares: &mut Rares, change: impl FnOnce(&mut Rare)) {
        rares.change(&mut self.rare, change);
    }

    /// Asks for what few flows have.
    #[inline]
    pub(super) fn prefetch_rare(&self, rares: &Rares) {
        rares.prefetch(self.rare);
    }

    /// Numbers that do not fit here, where there are some.
    pub(super) fn known_wide<'r>(&self, rares: &'r Rares) -> Option<&'r Wide> {
        self.known_rare(rares)?.wide()
    }

    /// What few flows have, where this one does.
    pub(super) fn known_rare<'r>(&self, rares: &'r Rares) -> Option<&'r Rare> {
        rares.get(self.rare)
    }

    /// Puts something else in the place of what few flows have, where this one has such a place;
    /// gives what was there.
    pub(super) fn exchange_rare(&self, rares: &mut Rares, rare: Rare) -> Rare {
        rares.get_mut(self.rare).map_or_else(Rare::default, |place| std::mem::replace(place, rare))
    }

    /// Gives up its place among those that few flows have.
    pub(super) fn take_rare(&mut self, rares: &mut Rares) -> Rare {
        rares.take(&mut self.rare)
    }

    pub(super) fn packets(&self, rare: &Rare) -> [u64; 2] {
        wide(self.packets, [LOW, HIGH].map(|end| rare.high(end).packets))
    }

    pub(super) fn bytes(&self, rare: &Rare) -> [u64; 2] {
        wide(self.bytes, [LOW, HIGH].map(|end| rare.high(end).bytes))
    }

    pub(super) fn payload(&self, rare: &Rare) -> [u64; 2] {
        wide(self.payload, [LOW, HIGH].map(|end| rare.high(end).payload))
    }

    pub(super) const fn has_packets(&self, end: usize) -> bool {
        self.packets[end] > 0
    }

    pub(super) fn last_frame(&self, rare: &Rare) -> u64 {
        match (self.last_frame, rare.wide()) {
            (ELSEWHERE, Some(wide)) => wide.last_frame,
            (since, _) => self.first_frame + u64::from(since),
        }
    }

    pub(super) const fn sizes(&self) -> FewSizes {
        self.sizes
    }
}

/// Adds to the lower half of a number; says whether the upper half grows.
#[inline]
const fn carry(low: &mut u32, by: u32) -> bool {
    let (sum, over) = low.overflowing_add(by);
    *low = sum;
    over
}

fn wide(low: [u32; 2], high: [u32; 2]) -> [u64; 2] {
    [LOW, HIGH].map(|end| u64::from(high[end]) << 32 | u64::from(low[end]))
}

fn guess_initiator(key: &FlowKey, sender: usize, ports: &ServicePorts) -> usize {
    match ports.responder(key.transport(), key.endpoint(LOW), key.endpoint(HIGH)) {
        Some(true) => HIGH,
        Some(false) => LOW,
        None => sender,
    }
}
