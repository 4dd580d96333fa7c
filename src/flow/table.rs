//! The flow table: one shard of the live flows, owned by one thread.
//!
//! An [`Index`] over a slab. Memory is bounded by [`Limits`]; what has to go is chosen by a clock hand that moves with the
//! segments, so that a capture ends in the same records whatever the batches and workers.

mod walk;

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::index::Index;
use super::key::{HIGH, LOW};
use super::record::{Counts, FlowRecord, Outcome};
use super::slab::Slab;
use super::tcp::Tcp;
use super::{FlowKey, Opening, Orientation, ServicePorts, Sizes};
use crate::decode::{Endpoint, Segment, TcpFlags, Transport, Tunnel};
use crate::time::Time;

/// Nanoseconds without a frame after which a flow is over.
const UDP_IDLE: u64 = 120 * 1_000_000_000;
const TCP_IDLE: u64 = 600 * 1_000_000_000;
/// The same for a connection that was closed or aborted: late repetitions still belong to it.
const TCP_LINGER: u64 = 10 * 1_000_000_000;
/// Slots that the hand looks at for each new flow.
const SWEEP: usize = 2;
/// Slots among which the longest idle one is evicted.
const CANDIDATES: usize = 16;
/// Segments with payload after which it is asked whether more of the opening is needed: most flows are judged by their first
/// words, and the rest of their payload need not be kept.
const ASK_AT: [usize; 3] = [2, 8, 16];
/// Bytes between an IPv4 packet of a bare acknowledgement and the end of the shortest Ethernet frame.
const ETHERNET_PADDING: usize = 6;
/// Openings whose memory is kept for the next flows.
const SPARE: usize = 64;

/// What a table may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Live flows; the longest idle of a few goes when one more comes.
    pub flows: usize,
    /// Bytes of openings; the oldest are judged by what they have when there are more.
    pub opening_bytes: usize,
}

/// What a look at an opening that is not yet full comes to.
#[derive(Debug)]
pub enum Look<V> {
    /// More would add nothing: this is the verdict.
    Judged(V),
    /// It cannot be told yet.
    More,
    /// All that fits is wanted: there is no need to look again before it is full.
    Everything,
}

/// The next stages, as the table asks them.
pub trait Judge {
    /// What is kept of an opening once it was judged: small, because a million flows have one.
    type Verdict;

    /// Judges what was said so far to and by the service at `responder`, if that is enough.
    fn look(&mut self, opening: &Opening, responder: Endpoint) -> Look<Self::Verdict>;

    /// Judges what was said to and by the service at `responder`: nothing more is to come.
    fn inspect(&mut self, opening: &Opening, responder: Endpoint) -> Self::Verdict;

    /// Is shown a flow that a walk over the live ones came to.
    fn show(&mut self, _: &FlowRecord, _: Option<&Self::Verdict>) {}

    /// Takes a finished flow; `None` where nothing was said.
    fn close(&mut self, record: FlowRecord, verdict: Option<Self::Verdict>);
}

/// What was said so far.
#[derive(Debug)]
enum Said<V> {
    Nothing,
    Opening(Box<Opening>),
    Judged(Box<V>),
}

/// A live flow. Arrays are by the ends of the key.
#[derive(Debug)]
struct Flow<V> {
    key: FlowKey,
    hash: u64,
    last: Time,
    packets: [u64; 2],
    bytes: [u64; 2],
    payload: [u64; 2],
    last_frame: u64,
    sizes: Sizes,
    said: Said<V>,
    initiator: usize,
    orientation: Orientation,
    tunnel: Option<Tunnel>,
    tcp: Tcp,
    first: Time,
    first_frame: u64,
    /// When the initiator first sent payload, and nanoseconds until the responder did.
    asked: Option<Time>,
    answered_ns: Option<u64>,
}

impl<V> Flow<V> {
    fn is_expired(&self, now: Time) -> bool {
        let idle = match self.key.transport() {
            Transport::Udp => UDP_IDLE,
            Transport::Tcp if self.tcp.is_over() => TCP_LINGER,
            Transport::Tcp => TCP_IDLE,
        };
        now.since(self.last) > idle
    }
}

/// One shard of the live flows.
pub struct Table<V> {
    index: Index,
    slab: Slab<Flow<V>>,
    hand: usize,
    limits: Limits,
    /// Keyed: whoever makes the traffic must not be able to choose collisions.
    hasher: RandomState,
    opening_bytes: usize,
    /// Slots with an opening and the first frames of their flows, the oldest first; stale where these no longer agree.
    queue: VecDeque<(usize, u64)>,
    openings: usize,
    #[allow(clippy::vec_box, reason = "they move between here and the flows as they are")]
    spare: Vec<Box<Opening>>,
    evicted: u64,
    /// The place where the walk over the live flows goes on; beyond all of them where there is none.
    walk: usize,
}

impl<V> Table<V> {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            index: Index::new(),
            slab: Slab::new(),
            hand: 0,
            limits,
            hasher: RandomState::default(),
            opening_bytes: 0,
            queue: VecDeque::new(),
            openings: 0,
            spare: Vec::new(),
            evicted: 0,
            walk: usize::MAX,
        }
    }

    /// The table's hash of a key.
    #[must_use]
    pub fn hash(&self, key: &FlowKey) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Brings the index's cache line in; gives the slot that probably holds the flow.
    #[must_use]
    pub fn touch_index(&self, hash: u64) -> usize {
        self.index.touch(hash).unwrap_or(0)
    }

    /// Brings the slot's cache lines in: fields from all over the flow.
    #[must_use]
    pub fn touch_slot(&self, slot: usize) -> u64 {
        let lines = |flow: &Flow<V>| flow.hash ^ flow.packets[0] ^ flow.first_frame ^ u64::from(flow.tcp.retransmissions[0]);
        self.slab.get(slot).map_or(0, lines)
    }

    /// Flows that had to go before they were over.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Live flows.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.slab.len()
    }

    /// Takes in a segment that `end` of its key sent. `judge` gets the flows that this ends, and the flow's opening as soon as no
    /// more of it will be kept.
    #[allow(clippy::too_many_arguments, reason = "the hot call: what a batch has worked out ahead is handed over loose")]
    pub fn observe(
        &mut self,
        key: FlowKey,
        end: usize,
        hash: u64,
        segment: &Segment,
        payload: &[u8],
        ports: &ServicePorts,
        judge: &mut impl Judge<Verdict = V>,
    ) {
        let slab = &self.slab;
        let found = self.index.find(hash, |slot| slab.get(slot).is_some_and(|flow| flow.key == key));
        let slot = match found {
            Some(slot) if !self.is_reopened(slot, end, segment) => slot,
            Some(slot) => {
                self.close(slot, judge);
                self.open(key, hash, end, segment, ports, judge)
            }
            None => self.open(key, hash, end, segment, ports, judge),
        };
        let Some(flow) = self.slab.get_mut(slot) else { return };
        flow.last = flow.last.max(segment.time);
        flow.last_frame = flow.last_frame.max(segment.frame);
        flow.packets[end] += 1;
        flow.bytes[end] += u64::from(segment.wire_len);
        flow.sizes.add(segment.wire_len);
        if segment.five_tuple.transport == Transport::Tcp {
            orient(flow, segment, end);
            flow.tcp.observe(segment, end, flow.initiator);
        }
        if segment.payload_len > 0 {
            flow.payload[end] += u64::from(segment.payload_len);
            if end == flow.initiator {
                flow.asked.get_or_insert(segment.time);
            } else if flow.answered_ns.is_none() {
                flow.answered_ns = flow.asked.map(|asked| segment.time.since(asked));
            }
            self.keep(slot, end, segment, payload, judge);
        }
    }

    /// Ends every flow: the capture is over.
    pub fn drain(&mut self, judge: &mut impl Judge<Verdict = V>) {
        for slot in 0..self.slab.places() {
            self.inspect(slot, judge);
        }
        for flow in self.slab.drain() {
            let (record, verdict) = finish(flow);
            judge.close(record, verdict);
        }
        self.index = Index::new();
    }

    /// Whether the segment begins a new conversation between the same endpoints.
    fn is_reopened(&self, slot: usize, end: usize, segment: &Segment) -> bool {
        self.slab.get(slot).is_some_and(|flow| {
            let opens = segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
            flow.is_expired(segment.time) || (opens && (flow.tcp.is_over() || flow.tcp.is_other(end, segment.seq)))
        })
    }

    #[allow(clippy::too_many_arguments, reason = "as `observe`")]
    fn open(
        &mut self,
        key: FlowKey,
        hash: u64,
        end: usize,
        segment: &Segment,
        ports: &ServicePorts,
        judge: &mut impl Judge<Verdict = V>,
    ) -> usize {
        self.sweep(segment.time, judge);
        if self.slab.len() >= self.limits.flows {
            self.evict(judge);
        }
        let flow = Flow {
            key,
            hash,
            last: segment.time,
            packets: [0; 2],
            bytes: [0; 2],
            payload: [0; 2],
            last_frame: segment.frame,
            sizes: Sizes::default(),
            said: Said::Nothing,
            initiator: guess_initiator(&key, end, ports),
            orientation: Orientation::Guessed,
            tunnel: segment.tunnel,
            tcp: Tcp::default(),
            first: segment.time,
            first_frame: segment.frame,
            asked: None,
            answered_ns: None,
        };
        let slot = self.slab.insert(flow);
        self.index.insert(hash, slot);
        slot
    }

    /// Adds to the flow's opening, which is inspected and let go when no more of it is needed or can be kept.
    fn keep(&mut self, slot: usize, end: usize, segment: &Segment, payload: &[u8], judge: &mut impl Judge<Verdict = V>) {
        if is_padding(segment, payload) {
            return;
        }
        if self.slab.get(slot).is_some_and(|flow| matches!(flow.said, Said::Nothing)) {
            self.begin(slot);
        }
        let Some(flow) = self.slab.get_mut(slot) else { return };
        let Said::Opening(opening) = &mut flow.said else { return };
        let before = opening.footprint();
        for (end, start) in flow.tcp.starts().into_iter().enumerate() {
            if let Some(seq) = start {
                opening.start(end, seq);
            }
        }
        // Data may travel with SYN (RFC 7413) and follows its number.
        let seq = segment.seq.wrapping_add(u32::from(segment.flags.has(TcpFlags::SYN)));
        opening.push(end, seq, segment.frame, payload, segment.payload_len);
        self.opening_bytes = (self.opening_bytes + opening.footprint()).saturating_sub(before);
        if opening.is_full() {
            self.inspect(slot, judge);
        } else if !opening.is_kept() && ASK_AT.contains(&opening.pushes()) {
            opening.orient(flow.initiator);
            match judge.look(opening, flow.key.endpoint(1 - flow.initiator)) {
                Look::Judged(verdict) => self.settle(slot, Said::Judged(Box::new(verdict))),
                Look::More => {}
                Look::Everything => opening.keep_all(),
            }
        }
        while self.opening_bytes > self.limits.opening_bytes {
            let Some((slot, first_frame)) = self.queue.pop_front() else { break };
            if self.has_opening(slot, first_frame) {
                self.inspect(slot, judge);
            }
        }
    }

    /// Gives the flow in a slot an opening.
    fn begin(&mut self, slot: usize) {
        let Some(flow) = self.slab.get_mut(slot) else { return };
        let transport = flow.key.transport();
        let opening = match self.spare.pop() {
            Some(mut spare) => {
                spare.clear(transport);
                spare
            }
            None => Box::new(Opening::new(transport)),
        };
        self.opening_bytes += opening.footprint();
        let first_frame = flow.first_frame;
        flow.said = Said::Opening(opening);
        self.openings += 1;
        self.queue.push_back((slot, first_frame));
        // Flows end in another order than they begin: what is stale is thrown out before it outweighs the rest.
        if self.queue.len() > 2 * self.openings + SPARE {
            let mut queue = std::mem::take(&mut self.queue);
            queue.retain(|&(slot, first_frame)| self.has_opening(slot, first_frame));
            self.queue = queue;
        }
    }

    fn has_opening(&self, slot: usize, first_frame: u64) -> bool {
        let flow = self.slab.get(slot);
        flow.is_some_and(|flow| flow.first_frame == first_frame && matches!(flow.said, Said::Opening(_)))
    }

    /// Asks what the opening in a slot says and lets it go.
    fn inspect(&mut self, slot: usize, judge: &mut impl Judge<Verdict = V>) {
        let Some(flow) = self.slab.get_mut(slot) else { return };
        let Said::Opening(opening) = &mut flow.said else { return };
        let before = opening.footprint();
        opening.finish(flow.initiator);
        self.opening_bytes = (self.opening_bytes + opening.footprint()).saturating_sub(before);
        let said = if opening.is_silent() {
            Said::Nothing
        } else {
            Said::Judged(Box::new(judge.inspect(opening, flow.key.endpoint(1 - flow.initiator))))
        };
        self.settle(slot, said);
    }

    /// Puts the answer in the place of the opening, whose memory is kept for another.
    fn settle(&mut self, slot: usize, said: Said<V>) {
        let Some(flow) = self.slab.get_mut(slot) else { return };
        if let Said::Opening(opening) = std::mem::replace(&mut flow.said, said) {
            self.opening_bytes = self.opening_bytes.saturating_sub(opening.footprint());
            self.openings -= 1;
            if self.spare.len() < SPARE {
                self.spare.push(opening);
            }
        }
    }

    fn turn(&mut self) -> usize {
        self.hand = if self.hand + 1 < self.slab.places() { self.hand + 1 } else { 0 };
        self.hand
    }

    /// Ends flows under the hand that are over.
    fn sweep(&mut self, now: Time, judge: &mut impl Judge<Verdict = V>) {
        for _ in 0..SWEEP.min(self.slab.places()) {
            let at = self.turn();
            if self.slab.get(at).is_some_and(|flow| flow.is_expired(now)) {
                self.close(at, judge);
            }
        }
    }

    /// Ends the longest idle of the next flows under the hand.
    fn evict(&mut self, judge: &mut impl Judge<Verdict = V>) {
        let mut oldest: Option<(Time, usize)> = None;
        for _ in 0..CANDIDATES {
            let at = self.turn();
            if let Some(flow) = self.slab.get(at) {
                oldest = Some(oldest.map_or((flow.last, at), |o| o.min((flow.last, at))));
            }
        }
        if let Some((_, slot)) = oldest {
            self.evicted += 1;
            self.close(slot, judge);
        }
    }

    fn close(&mut self, slot: usize, judge: &mut impl Judge<Verdict = V>) {
        self.inspect(slot, judge);
        let Some(flow) = self.slab.remove(slot) else { return };
        self.index.remove(flow.hash, slot);
        let (record, verdict) = finish(flow);
        if slot >= self.walk {
            judge.show(&record, verdict.as_ref());
        }
        judge.close(record, verdict);
    }
}

/// Whether a payload that nobody pushed is what fills up the shortest Ethernet frame: some devices count it to the IP packet, and it
/// would take the place of the words that follow under the same number.
fn is_padding(segment: &Segment, payload: &[u8]) -> bool {
    let whole = payload.len() == segment.payload_len as usize;
    let pushes = segment.flags.has(TcpFlags::PSH) || !segment.flags.has(TcpFlags::ACK);
    !pushes && whole && payload.len() <= ETHERNET_PADDING && payload.iter().all(|&byte| byte == 0)
}

/// Takes who opened the connection from its handshake, and corrects a guess that was made before it was seen.
fn orient<V>(flow: &mut Flow<V>, segment: &Segment, end: usize) {
    // What was judged stays with the port that it was judged for.
    let open = !matches!(flow.said, Said::Judged(_));
    if segment.flags.has(TcpFlags::SYN) && flow.orientation == Orientation::Guessed && open {
        let initiator = if segment.flags.has(TcpFlags::ACK) { 1 - end } else { end };
        if initiator != flow.initiator {
            flow.initiator = initiator;
            flow.asked = None;
            flow.answered_ns = None;
        }
        flow.orientation = Orientation::Seen;
    }
}

fn guess_initiator(key: &FlowKey, sender: usize, ports: &ServicePorts) -> usize {
    match ports.responder(key.transport(), key.endpoint(LOW), key.endpoint(HIGH)) {
        Some(true) => HIGH,
        Some(false) => LOW,
        None => sender,
    }
}

fn finish<V>(mut flow: Flow<V>) -> (FlowRecord, Option<V>) {
    let record = record(&mut flow);
    let verdict = match flow.said {
        Said::Judged(verdict) => Some(*verdict),
        Said::Nothing | Said::Opening(_) => None,
    };
    (record, verdict)
}

/// What the flow has come to; takes its sizes.
fn record<V>(flow: &mut Flow<V>) -> FlowRecord {
    let (initiator, responder) = (flow.initiator, 1 - flow.initiator);
    let counts = |by_end: [u64; 2]| Counts { initiator: by_end[initiator], responder: by_end[responder] };
    let both = flow.packets[0] > 0 && flow.packets[1] > 0;
    let (tcp, outcome) = match flow.key.transport() {
        Transport::Tcp => (Some(flow.tcp.state()), flow.tcp.outcome(both)),
        Transport::Udp if both => (None, Outcome::Answered),
        Transport::Udp => (None, Outcome::NoAnswer),
    };
    FlowRecord {
        transport: flow.key.transport(),
        initiator: flow.key.endpoint(initiator),
        responder: flow.key.endpoint(responder),
        orientation: flow.orientation,
        tunnel: flow.tunnel,
        first: flow.first,
        last: flow.last,
        first_frame: flow.first_frame,
        last_frame: flow.last_frame,
        packets: counts(flow.packets),
        bytes: counts(flow.bytes),
        payload_bytes: counts(flow.payload),
        retransmissions: counts(flow.tcp.retransmissions.map(u64::from)),
        tcp,
        ended_by: flow.tcp.ended_by(initiator),
        outcome,
        handshake_ns: flow.tcp.handshake_ns(),
        first_response_ns: flow.answered_ns,
        sizes: std::mem::take(&mut flow.sizes),
    }
}

#[cfg(test)]
mod tests;
