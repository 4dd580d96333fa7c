//! From a decoded segment to the worker that owns its flow.
//!
//! The shard of a flow key decides: shard `s` belongs to worker `s % workers`, in that worker's
//! table `s / workers`. Records do not depend on the number of workers, because a shard's table
//! sees the same segments in the same order in any case.

use std::sync::{Arc, Weak};

use super::CaptureCounters;
use super::catalogue_update::CatalogueUpdate;
use super::channel::WorkerSender;
use super::snapshot::SnapshotJob;
use super::tenant_watch::TenantWatch;
use crate::decode::{IcmpQuote, Segment, TenantParts};
use crate::flow::{FlowHasher, KeyedQuote, KeyedSegment, SHARDS, TenantNumbers, shard};
use crate::saved::{BadState, StateReader, StateWriter};
use crate::source::Block;

/// The senders of all workers.
pub(super) struct Router {
    senders: Vec<WorkerSender>,
    /// Worker and table of each shard.
    routes: [(usize, usize); SHARDS],
    hasher: FlowHasher,
    /// What of the tenant belongs to the key of flows.
    key: TenantParts,
    tenants: TenantWatch,
    numbers: TenantNumbers,
    /// Held by the thread to which workers pass on ended flows. Where there is one, the last frame
    /// of each block is announced to every worker.
    flow_thread: Option<Weak<()>>,
}

impl Router {
    /// A router to at least one worker.
    pub(super) fn new(senders: Vec<WorkerSender>, hasher: FlowHasher, key: TenantParts) -> Self {
        let workers = senders.len();
        let routes = std::array::from_fn(|shard| (shard % workers, shard / workers));
        let numbers = TenantNumbers::new(hasher.tenants());
        let tenants = TenantWatch::new(key);
        Self { senders, routes, hasher, key, tenants, numbers, flow_thread: None }
    }

    /// The router, which announces the last frame of each block to every worker, if there is a
    /// thread to which they pass on ended flows: it holds what is given here.
    pub(super) fn announcing(self, flow_thread: Option<Weak<()>>) -> Self {
        Self { flow_thread, ..self }
    }

    /// Whether a segment without a tenant may be handed to [`push`](Self::push).
    #[inline]
    pub(super) fn takes_common(&self) -> bool {
        self.key == TenantParts::NONE
    }

    /// Adds a segment without a tenant to the batch of the worker that owns its flow, where no
    /// tenant belongs to the key of flows. `block` holds the frame.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "once per frame, and the segment is 100 bytes")]
    pub(super) fn push(&mut self, segment: &Segment, payload: &[u8], block: &Block) {
        let keyed = KeyedSegment::new(segment, &self.hasher);
        let (worker, table) = self.routes[shard(&keyed.key)];
        self.senders[worker].batch.push(keyed, table, payload, block);
    }

    /// The same for any segment. A function of its own: were it a branch of [`push`](Self::push),
    /// the segment of a common frame would lie in memory, which costs 80 instructions.
    #[inline(never)]
    pub(super) fn push_any(&mut self, segment: &Segment, payload: &[u8], block: &Block) {
        if !segment.tenant.is_none() {
            self.tenants.observe(segment);
        }
        let tenant = self.numbers.number(segment.tenant, self.key);
        let keyed = KeyedSegment::of_tenant(segment, tenant, &self.hasher);
        let (worker, table) = self.routes[shard(&keyed.key)];
        self.senders[worker].batch.push(keyed, table, payload, block);
    }

    /// Writes what is known of tenants.
    pub(super) fn write_state(&self, writer: &mut StateWriter) {
        writer.put(&self.tenants);
        self.numbers.write_state(writer);
    }

    /// Reads what was known of tenants.
    pub(super) fn read_state(&mut self, reader: &mut StateReader<'_>) -> Result<(), BadState> {
        self.tenants = reader.take::<TenantWatch>()?.check()?;
        self.numbers.read_state(reader)
    }

    /// What is notable about the segments, a line each.
    pub(super) fn notices(&self) -> Vec<String> {
        self.tenants.notices().chain(self.numbers.notice()).collect()
    }

    /// Adds an ICMP error to the batch of the worker that owns the flow of the quoted packet.
    #[cold]
    pub(super) fn push_quote(&mut self, quote: &IcmpQuote) {
        let tenant = self.numbers.number(quote.tenant, self.key);
        let keyed = KeyedQuote::new(quote, tenant, &self.hasher);
        let (worker, table) = self.routes[shard(&keyed.key)];
        self.senders[worker].batch.push_quote(keyed, table);
    }

    /// Whether a worker is so far behind that a batch sent to it now would be dropped.
    pub(super) fn would_drop(&self) -> bool {
        self.senders.iter().any(WorkerSender::would_drop)
    }

    /// Sends every worker its batch of segments from `block`. If workers pass on ended flows, also
    /// announces the last frame to each of them.
    pub(super) fn flush(&mut self, block: &Arc<Block>, counters: &mut CaptureCounters) {
        if self.flow_thread.is_none() {
            self.senders.iter_mut().for_each(|sender| sender.flush(block, counters));
            return;
        }
        let last = counters.frames;
        // Those that keep this thread waiting come last: by then all others know.
        for waits in [false, true] {
            for sender in self.senders.iter_mut().filter(|sender| waits || sender.is_ready()) {
                sender.flush(block, counters);
                sender.announce(last);
            }
        }
    }

    /// Sends every worker its last batch, waiting for places in the queues. Returns the number of
    /// segments that were sent to each.
    pub(super) fn finish(
        &mut self,
        block: &Arc<Block>,
        counters: &mut CaptureCounters,
    ) -> Vec<u64> {
        self.senders.iter_mut().map(|sender| sender.finish(block, counters)).collect()
    }

    /// Whether a worker panicked, or the thread to which they pass on ended flows.
    pub(super) fn has_lost_thread(&self) -> bool {
        let is_gone = |thread: &Weak<()>| thread.strong_count() == 0;
        self.senders.iter().any(WorkerSender::is_abandoned)
            || self.flow_thread.as_ref().is_some_and(is_gone)
    }

    /// Sends every worker a snapshot job.
    pub(super) fn request_snapshot(&mut self, job: &SnapshotJob) {
        self.senders.iter_mut().for_each(|sender| sender.request_snapshot(job.clone()));
    }

    /// Sends every worker a new catalogue.
    pub(super) fn update_catalogue(&mut self, update: &CatalogueUpdate) {
        self.senders.iter_mut().for_each(|sender| sender.update_catalogue(update.clone()));
    }
}
