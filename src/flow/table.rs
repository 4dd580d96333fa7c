//! The flow table: one shard of the live flows, owned by one thread.
//!
//! An [`Index`] over a slab. Memory is bounded by [`Limits`]; what has to go is chosen by a clock
//! hand that moves with the segments, so that a capture ends in the same records whatever the
//! batches and workers.

mod walk;

use super::entry::{Entry, Said};
use super::index::Index;
use super::openings::{Openings, Queued};
use super::rare::{Rare, Rares};
use super::record::{Counts, FlowRecord, Outcome};
use super::slab::Slab;
use super::{FlowHasher, FlowKey, Keyed, Opening, ServicePorts, Sizes};
use crate::decode::{Endpoint, TcpFlags, Transport};
use crate::time::Time;

/// Slots that the hand looks at for each new flow.
const SWEEP: usize = 2;
/// Slots between the hand and the one that is asked for.
const AHEAD: usize = 16;
/// Slots among which the longest idle one is evicted.
const CANDIDATES: usize = 16;
/// Segments with payload after which it is asked whether more of the opening is needed: most flows
/// are judged by their first words, and the rest of their payload need not be kept.
const ASK_AT: [usize; 3] = [2, 8, 16];
/// Bytes between an IPv4 packet of a bare acknowledgement and the end of the shortest Ethernet
/// frame.
const ETHERNET_PADDING: usize = 6;

/// What a table may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Live flows; the longest idle of a few goes when one more comes.
    pub flows: usize,
    /// Bytes of openings; the oldest are judged by what they have when there are more.
    pub opening_bytes: usize,
}

/// The judge's number for a verdict: all that a flow keeps of its opening once that was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerdictId(pub u32);

/// What a look at an opening that is not yet full comes to.
#[derive(Debug)]
pub enum Look {
    /// More would add nothing: this is the verdict.
    Judged(VerdictId),
    /// It cannot be told yet; what it is should nothing more be said, where that is known.
    More(Option<VerdictId>),
    /// All that fits is wanted: there is no need to look again before it is full.
    Everything,
}

/// What was said in a flow so far.
#[derive(Debug)]
pub enum Word<'o> {
    /// Nothing.
    None,
    /// This, and it was not judged yet.
    Opening(&'o Opening),
    /// Enough to be judged.
    Judged(VerdictId),
}

/// The next stages, as the table asks them.
pub trait Judge {
    /// Judges what was said so far to and by the service at `responder`, if that is enough.
    fn look(&mut self, opening: &mut Opening, responder: Endpoint) -> Look;

    /// Judges what was said to and by the service at `responder`: nothing more is to come.
    fn inspect(&mut self, opening: &mut Opening, responder: Endpoint) -> VerdictId;

    /// Is shown a flow that a walk over the live ones came to.
    fn show(&mut self, _: &FlowRecord, _: Word<'_>) {}

    /// A flow begins; that this end opened it may be a guess.
    fn begin(&mut self, _: &FlowKey, _initiator: usize) {}

    /// Takes a finished flow; `None` where nothing was said.
    fn close(&mut self, record: FlowRecord, verdict: Option<VerdictId>);
}

/// One shard of the live flows.
pub struct Table {
    index: Index,
    slab: Slab<Entry>,
    rares: Rares,
    openings: Openings,
    hand: usize,
    limits: Limits,
    hasher: FlowHasher,
    evicted: u64,
    /// The place where the walk over the live flows goes on; beyond all of them where there is
    /// none.
    walk: usize,
    /// Where [`tidy`](Table::tidy) goes on.
    tidy: usize,
}

impl Table {
    /// An empty table for segments with this hash.
    #[must_use]
    pub fn new(limits: Limits, hasher: &FlowHasher) -> Self {
        Self {
            index: Index::new(),
            slab: Slab::new(),
            rares: Rares::default(),
            openings: Openings::new(limits.opening_bytes),
            hand: 0,
            limits,
            hasher: hasher.clone(),
            evicted: 0,
            walk: usize::MAX,
            tidy: 0,
        }
    }

    /// Asks for the cache line in which the index has a hash.
    #[inline]
    pub fn prefetch_index(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    /// Asks for the flow that probably has this hash; gives its slot, or a number that is none.
    #[must_use]
    #[inline]
    pub fn prefetch_flow(&self, hash: u64) -> usize {
        let slot = self.index.probe(hash).unwrap_or(usize::MAX);
        self.slab.prefetch(slot);
        slot
    }

    /// Asks for what a segment changes beside the flow in its slot.
    #[inline]
    pub fn prefetch_rest(&self, slot: usize, segment: &Keyed) {
        let Some(entry) = self.slab.get(slot) else { return };
        entry.prefetch_rare(&self.rares);
        if let Said::Opening(place) = entry.said()
            && segment.payload_len > 0
        {
            self.openings.prefetch(place);
        }
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

    /// Takes in a segment, whose flow is probably in the slot that
    /// [`prefetch_flow`](Self::prefetch_flow) gave. `judge` gets the flows that this ends, and the
    /// flow's opening as soon as no more of it will be kept.
    #[inline]
    pub fn observe(
        &mut self,
        slot: usize,
        segment: &Keyed,
        payload: &[u8],
        ports: &ServicePorts,
        judge: &mut impl Judge,
    ) {
        let (slab, rares) = (&self.slab, &self.rares);
        let is_its = |slot| slab.get(slot).is_some_and(|entry| entry.is(&segment.key, rares));
        let found = if is_its(slot) { Some(slot) } else { self.index.find(segment.hash, is_its) };
        let slot = match found {
            Some(slot)
                if !self.slab.get(slot).is_some_and(|entry| entry.is_reopened_by(segment)) =>
            {
                slot
            }
            found => self.open(found, segment, ports, judge),
        };
        let Some(entry) = self.slab.get_mut(slot) else { return };
        entry.count(segment, &mut self.rares);
        if segment.key.transport() == Transport::Tcp {
            entry.orient_by(segment);
            entry.observe_tcp(segment, &mut self.rares);
        }
        if segment.payload_len > 0 {
            entry.time_payload(segment);
            if !entry.is_judged() {
                self.keep(slot, segment, payload, judge);
            }
        }
    }

    /// Ends every flow: the capture is over.
    pub fn drain(&mut self, judge: &mut impl Judge) {
        for slot in 0..self.slab.places() {
            self.inspect(slot, judge);
            if let Some(entry) = self.slab.remove(slot) {
                let (record, verdict) = finish(entry, &mut self.rares);
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
        segment: &Keyed,
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
        let entry = Entry::new(segment, ports, &mut self.rares);
        judge.begin(&segment.key, entry.initiator());
        let slot = self.slab.insert(entry);
        self.index.insert(segment.hash, slot);
        slot
    }

    /// Adds to the flow's opening, which is inspected and let go when no more of it is needed or
    /// can be kept.
    #[inline(never)]
    fn keep(&mut self, slot: usize, segment: &Keyed, payload: &[u8], judge: &mut impl Judge) {
        if is_padding(segment, payload) {
            return;
        }
        let Some(entry) = self.slab.get_mut(slot) else { return };
        let place = if let Said::Opening(place) = entry.said() {
            place
        } else {
            let place = self.openings.begin(entry.transport(), slot as u32, entry.first_frame);
            entry.set_said(Said::Opening(place));
            place
        };
        let starts = [entry.start(0), entry.start(1)];
        // Data may travel with SYN (RFC 7413) and follows its number.
        let seq = segment.seq.wrapping_add(u32::from(segment.flags.has(TcpFlags::SYN)));
        let (initiator, responder) = (entry.initiator(), 1 - entry.initiator());
        let asked = self.openings.change(place, |opening| {
            for (end, start) in starts.into_iter().enumerate() {
                if let Some(first) = start {
                    opening.start(end, first);
                }
            }
            opening.push(segment.end(), seq, segment.frame, payload, segment.payload_len);
            if !opening.is_kept() && ASK_AT.contains(&opening.pushes()) && !opening.is_full() {
                opening.orient(initiator);
                let look = judge.look(opening, segment.key.endpoint(responder));
                match look {
                    Look::Everything => opening.keep_all(),
                    Look::More(Some(verdict)) => opening.looks_like(verdict),
                    Look::More(None) | Look::Judged(_) => {}
                }
                return Some(look);
            }
            None
        });
        if let Some(Some(Look::Judged(verdict))) = asked {
            self.settle(slot, place, Said::Judged(verdict));
        } else if self.openings.get_mut(place).is_some_and(|opening| opening.is_full()) {
            self.inspect(slot, judge);
        }
        while let Some((next, soon)) = self.openings.next_to_go() {
            soon.into_iter().for_each(|slot| self.slab.prefetch(slot as usize));
            if has_opening(&self.slab, &next) {
                self.inspect(next.slot as usize, judge);
            }
        }
        let slab = &self.slab;
        self.openings.tidy(|queued| has_opening(slab, queued));
    }

    /// Asks what the opening in a slot says and lets it go.
    fn inspect(&mut self, slot: usize, judge: &mut impl Judge) {
        let Some(entry) = self.slab.get(slot) else { return };
        let Said::Opening(place) = entry.said() else { return };
        let initiator = entry.initiator();
        let responder = entry.key(&self.rares).endpoint(1 - initiator);
        let said = self.openings.change(place, |opening| {
            opening.orient(initiator);
            if let Some(verdict) = opening.seen_as() {
                return Said::Judged(verdict);
            }
            opening.finish(initiator);
            if opening.is_silent() {
                Said::Nothing
            } else {
                Said::Judged(judge.inspect(opening, responder))
            }
        });
        self.settle(slot, place, said.unwrap_or(Said::Nothing));
    }

    /// Puts the answer in the place of the opening.
    fn settle(&mut self, slot: usize, place: u32, said: Said) {
        if let Some(entry) = self.slab.get_mut(slot) {
            entry.set_said(said);
        }
        self.openings.end(place);
    }

    fn turn(&mut self) -> usize {
        self.hand = if self.hand + 1 < self.slab.places() { self.hand + 1 } else { 0 };
        self.hand
    }

    /// Ends flows under the hand that are over, and asks for those that it comes to later.
    fn sweep(&mut self, now: Time, judge: &mut impl Judge) {
        for _ in 0..SWEEP.min(self.slab.places()) {
            let at = self.turn();
            self.slab.prefetch(at + AHEAD);
            if self.slab.get(at).is_some_and(|entry| entry.is_expired(now)) {
                self.close(at, judge);
            }
        }
    }

    /// Ends the longest idle of the next flows under the hand.
    fn evict(&mut self, judge: &mut impl Judge) {
        let mut oldest: Option<(Time, usize)> = None;
        for _ in 0..CANDIDATES {
            let at = self.turn();
            if let Some(entry) = self.slab.get(at) {
                oldest = Some(oldest.map_or((entry.last(), at), |o| o.min((entry.last(), at))));
            }
        }
        if let Some((_, slot)) = oldest {
            self.evicted += 1;
            self.close(slot, judge);
        }
    }

    fn close(&mut self, slot: usize, judge: &mut impl Judge) {
        self.inspect(slot, judge);
        let Some(entry) = self.slab.remove(slot) else { return };
        self.index.remove(self.hasher.hash(&entry.key(&self.rares)), slot);
        let (record, verdict) = finish(entry, &mut self.rares);
        if slot >= self.walk {
            judge.show(&record, verdict.map_or(Word::None, Word::Judged));
        }
        judge.close(record, verdict);
    }
}

fn has_opening(slab: &Slab<Entry>, queued: &Queued) -> bool {
    let entry = slab.get(queued.slot as usize);
    entry.is_some_and(|entry| {
        entry.first_frame == queued.first_frame && matches!(entry.said(), Said::Opening(_))
    })
}

/// Whether a payload that nobody pushed is what fills up the shortest Ethernet frame: some devices
/// count it to the IP packet, and it would take the place of the words that follow under the same
/// number.
fn is_padding(segment: &Keyed, payload: &[u8]) -> bool {
    let whole = payload.len() == segment.payload_len as usize;
    let pushes = segment.flags.has(TcpFlags::PSH) || !segment.flags.has(TcpFlags::ACK);
    !pushes && whole && payload.len() <= ETHERNET_PADDING && payload.iter().all(|&byte| byte == 0)
}

fn finish(mut entry: Entry, rares: &mut Rares) -> (FlowRecord, Option<VerdictId>) {
    let key = entry.key(rares);
    let mut rare = entry.take_rare(rares);
    let record = record(&entry, &key, &mut rare);
    let verdict = match entry.said() {
        Said::Judged(verdict) => Some(verdict),
        Said::Nothing | Said::Opening(_) => None,
    };
    (record, verdict)
}

/// What the flow has come to; takes its sizes.
fn record(entry: &Entry, key: &FlowKey, rare: &mut Rare) -> FlowRecord {
    let (initiator, responder) = (entry.initiator(), 1 - entry.initiator());
    let counts =
        |by_end: [u64; 2]| Counts { initiator: by_end[initiator], responder: by_end[responder] };
    let both = entry.has_packets(0) && entry.has_packets(1);
    let (tcp, outcome) = match entry.transport() {
        Transport::Tcp => (Some(entry.state()), entry.outcome(both)),
        Transport::Udp if both => (None, Outcome::Answered),
        Transport::Udp => (None, Outcome::NoAnswer),
    };
    FlowRecord {
        transport: entry.transport(),
        initiator: key.endpoint(initiator),
        responder: key.endpoint(responder),
        orientation: entry.orientation(),
        tunnel: entry.tunnel(),
        first: entry.first(),
        last: entry.last(),
        first_frame: entry.first_frame,
        last_frame: entry.last_frame(rare),
        packets: counts(entry.packets(rare)),
        bytes: counts(entry.bytes(rare)),
        payload_bytes: counts(entry.payload(rare)),
        tcp_counters: entry.tcp_counters(rare),
        tcp,
        ended_by: entry.ended_by(),
        outcome,
        handshake_ns: entry.handshake_ns(rare),
        first_response_ns: entry.answered_ns(),
        sizes: Sizes::new(entry.sizes(), std::mem::take(&mut rare.sizes)),
    }
}

#[cfg(test)]
mod tests;
