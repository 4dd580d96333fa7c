//! One connection: its first payloads are held back until it is known whether they are OSC.

use super::EntrySink;
use super::side::{Sender, TracedSide};
use crate::decode::{FiveTuple, Segment, TcpFlags, Transport};
use crate::detect;
use crate::evidence::{Depth, Protocol};
use crate::flow::Opening;
use crate::osc::{BUNDLE, END, LENGTH, is_printable};
use crate::time::Time;

/// Payload bytes and segments that are held back.
const HELD_BYTES: usize = 64 << 10;
const HELD_SEGMENTS: usize = 96;
/// Nanoseconds after which what is held back and begins as OSC comes out unrecognised.
const PATIENCE: u64 = 1_000_000_000;
/// Nanoseconds for which a connection that has ended may still have segments out of order.
const CLOSING: u64 = 2_000_000_000;
/// Payloads after each of which a connection is inspected; later, when their number has doubled.
const OFTEN: usize = 8;

/// A connection.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The number of the connection, in the order in which they began.
    pub(super) id: u64,
    /// The frame of its last segment.
    pub(super) last: u64,
    state: State,
    /// The sequence number of each end's SYN.
    syn: [Option<u32>; 2],
    /// Whether each end has sent FIN.
    fin: [bool; 2],
    /// When it ended.
    ended: Option<Time>,
}

#[derive(Debug)]
enum State {
    /// Not known yet.
    Held(Box<Held>),
    /// Its packets are told.
    Told(Box<Told>),
    /// Something else.
    Rejected,
}

#[derive(Debug)]
struct Held {
    opening: Opening,
    segments: Vec<(usize, Segment, Vec<u8>)>,
    bytes: usize,
    since: Option<Time>,
    /// Tell it unless it is recognised as something else.
    is_wanted: bool,
}

#[derive(Debug)]
struct Told {
    /// By the ends of the flow key.
    sides: [TracedSide; 2],
    /// While the connection was not recognised: what there is of it.
    opening: Option<Opening>,
    mismatch_told: bool,
}

impl Conversation {
    /// A connection of which `segment` is the first one.
    pub(super) fn new(id: u64, segment: &Segment, is_wanted: bool) -> Self {
        let opening = Opening::new(segment.five_tuple.transport);
        let held = Held { opening, segments: Vec::new(), bytes: 0, since: None, is_wanted };
        Self {
            id,
            last: segment.frame,
            state: State::Held(Box::new(held)),
            syn: [None; 2],
            fin: [false; 2],
            ended: None,
        }
    }

    /// Bytes in memory.
    pub(super) fn footprint(&self) -> usize {
        match &self.state {
            State::Held(held) => held.bytes,
            State::Told(told) => told.sides.iter().map(TracedSide::footprint).sum(),
            State::Rejected => 0,
        }
    }

    /// Whether time alone can change something.
    pub(super) fn needs_time(&self) -> bool {
        match &self.state {
            State::Held(held) => held.since.is_some(),
            State::Told(told) => {
                self.ended.is_some() || told.sides.iter().any(TracedSide::is_waiting)
            }
            State::Rejected => self.ended.is_some(),
        }
    }

    /// Whether the connection is over at this time, stragglers included.
    pub(super) fn is_over(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now.since(ended) >= CLOSING)
    }

    /// Whether the segment opens another connection between the same endpoints.
    pub(super) fn is_reopened_by(&self, end: usize, segment: &Segment) -> bool {
        segment.flags.has(TcpFlags::SYN)
            && (self.syn[end].map_or(self.ended.is_some(), |seq| seq != segment.seq))
    }

    /// Adds a segment that was sent by this end of the flow key.
    pub(super) fn push(
        &mut self,
        end: usize,
        segment: &Segment,
        payload: &[u8],
        emit: &mut EntrySink<'_>,
    ) {
        self.last = segment.frame;
        self.observe_flags(end, segment);
        match &mut self.state {
            State::Rejected => {}
            State::Held(held) => {
                let decision = held.push(end, segment, payload);
                self.decide(decision, emit);
            }
            State::Told(told) => {
                if told.watch(end, segment, payload) {
                    told.push(end, segment, payload, emit);
                } else {
                    self.state = State::Rejected;
                }
            }
        }
    }

    fn observe_flags(&mut self, end: usize, segment: &Segment) {
        if segment.flags.has(TcpFlags::SYN) {
            self.syn[end] = Some(segment.seq);
        }
        self.fin[end] |= segment.flags.has(TcpFlags::FIN);
        let is_over = segment.flags.has(TcpFlags::RST) || self.fin == [true; 2];
        if is_over && self.ended.is_none() {
            self.ended = Some(segment.time);
        }
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Time, emit: &mut EntrySink<'_>) {
        match &mut self.state {
            State::Held(held) if held.since.is_some_and(|since| now.since(since) >= PATIENCE) => {
                held.since = None;
                if held.is_wanted || held.begins_as_osc() {
                    self.decide(Decision::Tell { recognised: false }, emit);
                }
            }
            State::Told(told) => told.tick(now, emit),
            _ => {}
        }
    }

    /// Ends the connection and tells what is left of it.
    pub(super) fn finish(&mut self, emit: &mut EntrySink<'_>) {
        if let State::Held(held) = &mut self.state {
            held.opening.finish();
            let decision = held.inspect(true);
            self.decide(decision, emit);
        }
        if let State::Told(told) = &mut self.state {
            let recognised = told.is_recognised();
            told.sides.iter_mut().for_each(|side| side.finish(recognised, emit));
        }
        self.state = State::Rejected;
    }

    fn decide(&mut self, decision: Decision, emit: &mut EntrySink<'_>) {
        let recognised = match decision {
            Decision::Wait => return,
            Decision::Reject => {
                self.state = State::Rejected;
                return;
            }
            Decision::Tell { recognised } => recognised,
        };
        let State::Held(held) = std::mem::replace(&mut self.state, State::Rejected) else { return };
        let Held { opening, segments, .. } = *held;
        let Some((end, first, _)) = segments.first() else { return };
        let there = first.five_tuple;
        let back = FiveTuple { source: there.destination, destination: there.source, ..there };
        let is_there = is_of_initiator(first);
        let mut sides = [
            TracedSide::new(Sender { five_tuple: there, from_initiator: is_there }),
            TracedSide::new(Sender { five_tuple: back, from_initiator: !is_there }),
        ];
        if *end == 1 {
            sides.swap(0, 1);
        }
        let opening = (!recognised).then_some(opening);
        let mut told = Told { sides, opening, mismatch_told: false };
        for (end, segment, payload) in &segments {
            told.push(*end, segment, payload, emit);
        }
        self.state = State::Told(Box::new(told));
    }
}

/// What becomes of a connection that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Wait,
    Reject,
    Tell { recognised: bool },
}

impl Held {
    fn push(&mut self, end: usize, segment: &Segment, payload: &[u8]) -> Decision {
        if segment.payload_len == 0 && !segment.flags.has(TcpFlags::SYN) {
            // A connection may be kept alive for hours before its first message.
            return Decision::Wait;
        }
        add(&mut self.opening, end, segment, payload);
        self.bytes += payload.len() + size_of::<(usize, Segment, Vec<u8>)>();
        self.segments.push((end, segment.clone(), payload.to_vec()));
        let is_full = self.opening.is_full()
            || self.bytes > HELD_BYTES
            || self.segments.len() >= HELD_SEGMENTS;
        if segment.payload_len == 0 && !is_full {
            return Decision::Wait;
        }
        self.since.get_or_insert(segment.time);
        let pushes = self.opening.pushes();
        if is_full || pushes <= OFTEN || pushes.is_power_of_two() {
            return self.inspect(is_full);
        }
        Decision::Wait
    }

    /// Asks what the payloads so far are; where they are the last, it is decided.
    fn inspect(&self, is_last: bool) -> Decision {
        match protocol(&self.opening) {
            Some(Protocol::Osc) => Decision::Tell { recognised: true },
            Some(other) if other != Protocol::Text => Decision::Reject,
            _ if !is_last => Decision::Wait,
            _ if self.is_wanted || self.begins_as_osc() => Decision::Tell { recognised: false },
            _ => Decision::Reject,
        }
    }

    /// Whether a payload begins as OSC does, whatever follows.
    fn begins_as_osc(&self) -> bool {
        let payloads = self.segments.iter().filter(|(.., payload)| !payload.is_empty());
        match self.opening.transport() {
            Transport::Udp => payloads.into_iter().any(|(.., payload)| begins(payload)),
            Transport::Tcp => payloads.into_iter().take(2).any(|(.., payload)| match payload[..] {
                [END, ref packet @ ..] => begins(packet),
                [0, _, _, _, ref packet @ ..] => payload.len() > LENGTH && begins(packet),
                _ => false,
            }),
        }
    }
}

/// Whether the first segment of a connection was sent by who opened it.
fn is_of_initiator(first: &Segment) -> bool {
    let tuple = &first.five_tuple;
    match tuple.transport {
        Transport::Udp => true,
        Transport::Tcp if first.flags.has(TcpFlags::SYN) => !first.flags.has(TcpFlags::ACK),
        Transport::Tcp => tuple.source.port >= tuple.destination.port,
    }
}

/// Whether the bytes begin as an address or a bundle does.
fn begins(packet: &[u8]) -> bool {
    let name = &BUNDLE[..BUNDLE.len() - 1];
    let is_level = |&byte: &u8| is_printable(byte) && byte != b' ' && byte != b'/';
    packet.starts_with(name)
        || packet[..].first() == Some(&b'/') && packet.get(1).is_some_and(is_level)
}

/// The protocol that the payloads so far prove.
fn protocol(opening: &Opening) -> Option<Protocol> {
    detect::inspect(opening, Depth::Protocol).protocol
}

/// Adds a segment to an opening.
fn add(opening: &mut Opening, end: usize, segment: &Segment, payload: &[u8]) {
    let syn = segment.flags.has(TcpFlags::SYN);
    let seq = segment.seq.wrapping_add(u32::from(syn));
    if syn {
        opening.start(end, seq);
    }
    if segment.payload_len > 0 {
        opening.push(end, seq, segment.frame, payload, segment.payload_len);
    }
}

impl Told {
    const fn is_recognised(&self) -> bool {
        self.opening.is_none()
    }

    /// Goes on to inspect what was not recognised; false where it is something else.
    fn watch(&mut self, end: usize, segment: &Segment, payload: &[u8]) -> bool {
        let Some(opening) = self.opening.as_mut().filter(|opening| !opening.is_full()) else {
            return true;
        };
        if segment.payload_len == 0 {
            return true;
        }
        add(opening, end, segment, payload);
        match protocol(opening) {
            Some(Protocol::Osc) => self.opening = None,
            Some(other) if other != Protocol::Text => return false,
            _ => {}
        }
        true
    }

    fn push(&mut self, end: usize, segment: &Segment, payload: &[u8], emit: &mut EntrySink<'_>) {
        let recognised = self.is_recognised();
        match segment.five_tuple.transport {
            Transport::Udp if segment.payload_len == 0 => {}
            Transport::Udp => self.sides[end].datagram(segment, payload, recognised, emit),
            Transport::Tcp => {
                self.tick(segment.time, emit);
                self.sides[end].segment(segment, payload, recognised, emit);
                self.compare(end, segment, emit);
            }
        }
    }

    /// Tells once that the sides use different framings.
    fn compare(&mut self, end: usize, segment: &Segment, emit: &mut EntrySink<'_>) {
        let framings = self.sides[end].framing().zip(self.sides[1 - end].framing());
        let differ = framings.filter(|(own, other)| own != other);
        if let Some(framings) = differ.filter(|_| !self.mismatch_told) {
            self.mismatch_told = true;
            self.sides[end].mismatch(segment, framings, self.opening.is_none(), emit);
        }
    }

    fn tick(&mut self, now: Time, emit: &mut EntrySink<'_>) {
        let recognised = self.is_recognised();
        let [low, high] = &mut self.sides;
        let acknowledged = [high.acknowledged, low.acknowledged];
        low.tick(now, acknowledged[0], recognised, emit);
        high.tick(now, acknowledged[1], recognised, emit);
    }
}
