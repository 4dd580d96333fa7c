//! The flow table: one shard of the live flows, owned by one thread.
//!
//! An [`Index`] over a slab. [`TableLimits`] bound the memory. A clock hand that moves with the
//! segments chooses what is evicted, so that a capture ends in the same records whatever the
//! batches and workers.

mod held;
mod saved;
mod snapshot;

use self::held::HeldOpenings;
pub(crate) use self::saved::{FlowKeeper, SavedFlow};
use super::icmp::{IcmpError, KeyedQuote};
use super::index::Index;
use super::live_flow::{LiveFlow, OpeningSlot, Seen};
use super::openings::{Openings, QueuedOpening};
use super::overflow::{FlowOverflow, OverflowTable};
use super::record::{Counts, FlowRecord, Outcome};
use super::slab::Slab;
use super::stream::SegmentPayload;
use super::{
    CapturedPayload, FlowHasher, FlowKey, Judge, KeyedSegment, OpeningState, SIDE_BYTES,
    ServicePorts, Sizes, Tenants, VerdictId,
};
use crate::decode::{TcpFlags, Transport};
use crate::evidence::{Direction, Wanted};
use crate::time::Time;

/// Slots that the hand examines for each new flow.
const SWEEP: usize = 2;
/// Distance in slots between the hand and the flow that is prefetched.
const AHEAD: usize = 16;
/// Number of slots of which the flow that is idle longest is evicted.
const CANDIDATES: usize = 16;
/// Numbers of segments with payload after which an opening is inspected: most flows are classified
/// by their first bytes, and the rest of their payload need not be stored.
const INSPECT_AT: [usize; 3] = [2, 8, 16];
/// Bytes between an IPv4 packet of a bare acknowledgement and the end of the shortest Ethernet
/// frame.
const ETHERNET_PADDING: usize = 6;

/// What a table may hold.
#[derive(Debug, Clone, Copy)]
pub struct TableLimits {
    /// Maximum number of live flows. When one more comes, of a few flows that which is idle longest
    /// is evicted.
    pub flows: usize,
    /// Maximum bytes of openings. When there are more, the oldest openings are classified by what
    /// they hold.
    pub opening_bytes: usize,
}

/// One shard of the live flows.
pub struct Table {
    index: Index,
    slab: Slab<LiveFlow>,
    overflows: OverflowTable,
    openings: Openings,
    held: HeldOpenings,
    hand: usize,
    limits: TableLimits,
    hasher: FlowHasher,
    evicted: u64,
    /// The slot where the snapshot continues; beyond all slots if there is none.
    snapshot_at: usize,
    /// The slot where [`expire`](Table::expire) continues.
    expire_at: usize,
}

impl Table {
    /// An empty table for segments hashed by `hasher`.
    #[must_use]
    pub fn new(limits: TableLimits, hasher: &FlowHasher) -> Self {
        Self {
            index: Index::new(),
            slab: Slab::new(),
            overflows: OverflowTable::default(),
            openings: Openings::new(limits.opening_bytes),
            held: HeldOpenings::default(),
            hand: 0,
            limits,
            hasher: hasher.clone(),
            evicted: 0,
            snapshot_at: usize::MAX,
            expire_at: 0,
        }
    }

    /// Prefetches the cache line of the index for a hash.
    #[inline]
    pub fn prefetch_index(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    /// Prefetches the flow that probably has this hash. Returns its slot, or a number that is no
    /// slot.
    #[must_use]
    #[inline]
    pub fn prefetch_flow(&self, hash: u64) -> usize {
        let slot = self.index.probe(hash).unwrap_or(usize::MAX);
        self.slab.prefetch(slot);
        slot
    }

    /// Prefetches what a segment changes beside the flow in its slot.
    #[inline]
    pub fn prefetch_rest(&self, slot: usize, segment: &KeyedSegment) {
        let Some(flow) = self.slab.get(slot) else { return };
        flow.prefetch_overflow(&self.overflows);
        if let OpeningSlot::Opening(opening_slot) = flow.opening()
            && segment.payload_len > 0
        {
            self.openings.prefetch(opening_slot);
        }
    }

    /// Number of flows that were evicted before they were over.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Number of live flows.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.slab.len()
    }

    /// Adds a segment, whose flow is probably in the slot that
    /// [`prefetch_flow`](Self::prefetch_flow) returned. `judge` receives the flows that end by
    /// this, and the opening of the flow as soon as no more of it will be stored.
    #[inline]
    pub fn observe(
        &mut self,
        slot: usize,
        segment: &KeyedSegment,
        payload: &(impl CapturedPayload + ?Sized),
        ports: &ServicePorts,
        judge: &mut impl Judge,
    ) {
        let (slab, overflows) = (&self.slab, &self.overflows);
        let is_its = |slot| slab.get(slot).is_some_and(|flow| flow.is(&segment.key, overflows));
        let found = if is_its(slot) { Some(slot) } else { self.index.find(segment.hash, is_its) };
        let slot = match found {
            Some(slot) if !self.slab.get(slot).is_some_and(|flow| flow.is_reopened_by(segment)) => {
                slot
            }
            found => self.open(found, segment, ports, judge),
        };
        let Some(flow) = self.slab.get_mut(slot) else { return };
        if flow.is_first_answer(segment) {
            flow.guess_again(&segment.key, ports);
        }
        flow.count(segment, &mut self.overflows);
        let mut repeats = false;
        if segment.key.transport() == Transport::Tcp {
            flow.orient_by(segment);
            repeats = flow.observe_tcp(segment, &mut self.overflows);
        }
        if segment.payload_len > 0 {
            flow.time_payload(segment, &mut self.overflows);
            // Of a payload that is longer than an opening only the beginning comes here.
            if payload.captured_len() < (segment.payload_len as usize).min(SIDE_BYTES) {
                flow.seen.set(Seen::CUT);
            }
            if !flow.ignores_payload() {
                self.extend_opening(slot, segment, payload, judge);
            } else if repeats {
                self.compare_held(slot, segment, payload, judge);
            }
        }
    }

    /// Adds an ICMP error about a packet. Where its flow is not known, nothing happens.
    pub fn observe_icmp(&mut self, quote: &KeyedQuote) {
        let (slab, overflows) = (&self.slab, &self.overflows);
        let is_its = |slot| slab.get(slot).is_some_and(|flow| flow.is(&quote.key, overflows));
        let slot = self.index.find(quote.hash, is_its);
        let flow = slot.and_then(|slot| self.slab.get_mut(slot));
        if let Some(flow) = flow.filter(|flow| !flow.is_expired(quote.time)) {
            flow.observe_icmp(quote, &mut self.overflows);
        }
    }

    /// Ends every flow: the capture is over.
    pub fn drain(&mut self, judge: &mut impl Judge) {
        for slot in 0..self.slab.slots() {
            judge.end();
            self.inspect(slot, false, judge);
            if let Some(flow) = self.slab.remove(slot) {
                let (record, verdict) = finish(flow, &mut self.overflows, self.hasher.tenants());
                judge.close(record, verdict);
            }
        }
        self.index = Index::new();
        self.slab = Slab::new();
    }

    #[inline(never)]
    fn open(
        &mut self,
        before: Option<usize>,
        segment: &KeyedSegment,
        ports: &ServicePorts,
        judge: &mut impl Judge,
    ) -> usize {
        if let Some(slot) = before {
            self.close(slot, judge);
        }
        self.sweep(segment.time, judge);
        if self.slab.len() >= self.limits.flows {
            self.evict(judge);
        }
        let flow = LiveFlow::new(segment, ports, &mut self.overflows);
        judge.begin(&segment.key, flow.initiator());
        let slot = self.slab.insert(flow);
        self.index.insert(segment.hash, slot);
        slot
    }

    /// Adds to the opening of a flow. Classifies and removes the opening when no more of it is
    /// needed or can be stored.
    #[inline(never)]
    fn extend_opening(
        &mut self,
        slot: usize,
        segment: &KeyedSegment,
        payload: &(impl CapturedPayload + ?Sized),
        judge: &mut impl Judge,
    ) {
        if is_padding(segment, payload.bytes()) {
            return;
        }
        let Some(flow) = self.slab.get_mut(slot) else { return };
        if flow.is_judged() {
            let (from, initiator) = (segment.end(), flow.initiator());
            let endpoints = [initiator, 1 - initiator].map(|end| segment.key.endpoint(end));
            let sender = Direction::BOTH[usize::from(from != initiator)];
            judge.read_on(&segment.key, endpoints, sender, segment.frame, payload.bytes());
            return;
        }
        let opening_slot = if let OpeningSlot::Opening(opening_slot) = flow.opening() {
            opening_slot
        } else {
            let opening_slot = self.openings.begin(flow.transport(), slot as u32, flow.first_frame);
            flow.set_opening(OpeningSlot::Opening(opening_slot));
            if flow.seen.has(Seen::GROUP)
                && let Some(opening) = self.openings.get_mut(opening_slot)
            {
                opening.address_to_group();
            }
            opening_slot
        };
        let starts = [0, 1].map(|end| flow.start(end, segment, &self.overflows));
        let (initiator, is_fixed) = (flow.initiator(), flow.is_fixed());
        let final_verdict = self.openings.change(opening_slot, |opening| {
            for (end, start) in starts.into_iter().enumerate() {
                if let Some(first) = start {
                    opening.start(end, first);
                }
            }
            let (end, wire_len) = (segment.end(), segment.payload_len);
            match segment.key.transport() {
                Transport::Tcp => {
                    let (payload, urgent) = SegmentPayload::of_tcp(segment, payload);
                    opening.push_segment(end, &payload, urgent);
                }
                Transport::Udp => {
                    opening.push_datagram(end, segment.frame, payload.bytes(), wire_len);
                }
            }
            if !opening.is_kept() && INSPECT_AT.contains(&opening.pushes()) && !opening.is_full() {
                opening.orient(initiator, is_fixed);
                // Back up to the pipeline's classifier, which detects and classifies: only the
                // table knows when an opening is worth inspecting, and when it is full.
                let (wanted, verdict) = judge.inspect_partial(opening, &segment.key);
                match (wanted, verdict) {
                    (Wanted::Everything, _) => opening.keep_everything(),
                    (Wanted::More, Some(verdict)) => opening.set_provisional(verdict),
                    (Wanted::More, None) | (Wanted::Nothing, _) => {}
                }
                return verdict.filter(|_| wanted == Wanted::Nothing);
            }
            None
        });
        if let Some(Some(verdict)) = final_verdict {
            self.close_opening(slot, opening_slot, OpeningSlot::Judged(verdict), true, judge);
        } else if self.openings.get_mut(opening_slot).is_some_and(|opening| opening.is_full()) {
            self.inspect(slot, true, judge);
        }
        while let Some((next, soon)) = self.openings.pop_evicted() {
            soon.into_iter().for_each(|slot| self.slab.prefetch(slot as usize));
            if has_opening(&self.slab, &next) {
                self.inspect(next.slot as usize, false, judge);
            }
        }
        let slab = &self.slab;
        self.openings.tidy(|queued| has_opening(slab, queued));
    }

    /// Classifies the opening of the flow in a slot, and removes it unless it is to be held. One that
    /// was held is let go.
    fn inspect(&mut self, slot: usize, hold: bool, judge: &mut impl Judge) {
        let Some(flow) = self.slab.get(slot) else { return };
        if flow.is_held() {
            self.let_go_of(slot, judge);
        }
        let Some(flow) = self.slab.get(slot) else { return };
        let OpeningSlot::Opening(opening_slot) = flow.opening() else { return };
        let (initiator, is_fixed) = (flow.initiator(), flow.is_fixed());
        let key = flow.key(&self.overflows);
        let state = self.openings.change(opening_slot, |opening| {
            opening.orient(initiator, is_fixed);
            if let Some(verdict) = opening.provisional() {
                return OpeningSlot::Judged(verdict);
            }
            opening.finish();
            if opening.is_silent() {
                OpeningSlot::Nothing
            } else {
                OpeningSlot::Judged(judge.inspect(opening, &key))
            }
        });
        self.close_opening(slot, opening_slot, state.unwrap_or(OpeningSlot::Nothing), hold, judge);
    }

    /// Replaces the opening by the result, and orients the flow as the opening is.
    fn close_opening(
        &mut self,
        slot: usize,
        opening_slot: u32,
        state: OpeningSlot,
        hold: bool,
        judge: &mut impl Judge,
    ) {
        if let Some(flow) = self.slab.get_mut(slot)
            && let Some(opening) = self.openings.get_mut(opening_slot)
        {
            flow.orient_like(opening);
            flow.set_opening(state);
            if let OpeningSlot::Judged(verdict) = state {
                let is_tcp = flow.transport() == Transport::Tcp;
                let evidence = judge.take_evidence();
                if is_tcp && hold && opening.tampered().is_none() {
                    flow.hold();
                    self.hold(slot, opening_slot, evidence, judge);
                    return;
                }
                judge.conclude(opening, &flow.key(&self.overflows), verdict, &evidence);
                if !is_tcp && judge.reads_on(verdict) {
                    flow.read_on();
                }
            }
        }
        self.openings.end(opening_slot);
    }

    fn advance_hand(&mut self) -> usize {
        self.hand = if self.hand + 1 < self.slab.slots() { self.hand + 1 } else { 0 };
        self.hand
    }

    /// Ends flows under the hand that are over, and prefetches those that the hand reaches later.
    fn sweep(&mut self, now: Time, judge: &mut impl Judge) {
        for _ in 0..SWEEP.min(self.slab.slots()) {
            let at = self.advance_hand();
            self.slab.prefetch(at + AHEAD);
            if self.slab.get(at).is_some_and(|flow| flow.is_expired(now)) {
                self.close(at, judge);
            }
        }
    }

    /// Evicts the flow that is idle longest of the next ones under the hand.
    fn evict(&mut self, judge: &mut impl Judge) {
        let mut oldest: Option<(Time, usize)> = None;
        for _ in 0..CANDIDATES {
            let at = self.advance_hand();
            if let Some(flow) = self.slab.get(at) {
                oldest = Some(oldest.map_or((flow.last(), at), |o| o.min((flow.last(), at))));
            }
        }
        if let Some((_, slot)) = oldest {
            self.evicted += 1;
            self.close(slot, judge);
        }
    }

    fn close(&mut self, slot: usize, judge: &mut impl Judge) {
        judge.end();
        self.inspect(slot, false, judge);
        let Some(flow) = self.slab.remove(slot) else { return };
        self.index.remove(self.hasher.hash(&flow.key(&self.overflows)), slot);
        let (record, verdict) = finish(flow, &mut self.overflows, self.hasher.tenants());
        if slot >= self.snapshot_at {
            judge.show(&record, verdict.map_or(OpeningState::None, OpeningState::Judged));
        }
        judge.close(record, verdict);
    }
}

fn has_opening(slab: &Slab<LiveFlow>, queued: &QueuedOpening) -> bool {
    let flow = slab.get(queued.slot as usize);
    flow.is_some_and(|flow| {
        flow.first_frame == queued.first_frame && matches!(flow.opening(), OpeningSlot::Opening(_))
    })
}

/// Whether a payload without PSH is the padding of the shortest Ethernet frame. Some devices count
/// it to the IP packet, and it would take the place of the bytes that follow under the same
/// sequence number.
fn is_padding(segment: &KeyedSegment, payload: &[u8]) -> bool {
    let whole = payload.len() == segment.payload_len as usize;
    let pushes = segment.flags.has(TcpFlags::PSH) || !segment.flags.has(TcpFlags::ACK);
    !pushes && whole && payload.len() <= ETHERNET_PADDING && payload.iter().all(|&byte| byte == 0)
}

fn finish(
    mut flow: LiveFlow,
    overflows: &mut OverflowTable,
    tenants: &Tenants,
) -> (FlowRecord, Option<VerdictId>) {
    let key = flow.key(overflows);
    let mut overflow = flow.take_overflow(overflows);
    let record = record(&flow, &key, &mut overflow, tenants);
    let verdict = match flow.opening() {
        OpeningSlot::Judged(verdict) => Some(verdict),
        OpeningSlot::Nothing | OpeningSlot::Opening(_) => None,
    };
    (record, verdict)
}

/// The record of a flow; takes its sizes.
fn record(
    flow: &LiveFlow,
    key: &FlowKey,
    overflow: &mut FlowOverflow,
    tenants: &Tenants,
) -> FlowRecord {
    let (initiator, responder) = (flow.initiator(), 1 - flow.initiator());
    let counts =
        |by_end: [u64; 2]| Counts { initiator: by_end[initiator], responder: by_end[responder] };
    let answered = flow.has_packets(responder);
    let icmp = flow.icmp(overflow);
    let (tcp, outcome) = match flow.transport() {
        Transport::Tcp => (Some(flow.state()), flow.outcome()),
        Transport::Udp if answered => (None, Outcome::Answered),
        Transport::Udp if flow.seen.has(Seen::GROUP) => (None, Outcome::Sent),
        Transport::Udp => (None, Outcome::NoAnswer),
    };
    FlowRecord {
        transport: flow.transport(),
        initiator: key.endpoint(initiator),
        responder: key.endpoint(responder),
        orientation: flow.orientation(icmp),
        tunnel: flow.tunnel(),
        tenant: tenants.get(key.tenant()),
        first: flow.first(),
        last: flow.last(),
        first_frame: flow.first_frame,
        last_frame: flow.last_frame(overflow),
        packets: counts(flow.packets(overflow)),
        bytes: counts(flow.bytes(overflow)),
        payload_bytes: counts(flow.payload(overflow)),
        tcp_counters: flow.tcp_counters(overflow),
        tcp,
        ended_by: flow.ended_by(),
        outcome: icmp.map_or(outcome, IcmpError::outcome),
        icmp,
        to_group: flow.seen.has(Seen::GROUP) && !answered,
        cut: flow.seen.has(Seen::CUT),
        handshake_ns: flow.handshake_ns(overflow),
        first_response_ns: flow.response_ns(overflow),
        sizes: Sizes::new(flow.sizes(), std::mem::take(&mut overflow.sizes)),
    }
}

#[cfg(test)]
mod tests;
