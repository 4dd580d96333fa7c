//! From a decoded segment to the worker that owns its flow.
//!
//! The shard of a flow key decides: shard `s` belongs to worker `s % workers`, in that worker's
//! table `s / workers`. Records do not depend on the number of workers, because a shard's table
//! sees the same segments in the same order in any case.

use std::sync::Arc;

use super::CaptureCounters;
use super::catalogue_update::CatalogueUpdate;
use super::channel::WorkerSender;
use super::snapshot::SnapshotJob;
use super::tenant_watch::TenantWatch;
use crate::Result;
use crate::decode::{IcmpQuote, Segment, TenantParts};
use crate::flow::{FlowHasher, KeyedQuote, KeyedSegment, SHARDS, shard};
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
}

impl Router {
    /// A router to at least one worker.
    pub(super) fn new(senders: Vec<WorkerSender>, hasher: FlowHasher, key: TenantParts) -> Self {
        let workers = senders.len();
        let routes = std::array::from_fn(|shard| (shard % workers, shard / workers));
        Self { senders, routes, hasher, key, tenants: TenantWatch::new(key) }
    }

    /// Adds a segment to the batch of the worker that owns its flow. `block` holds the frame.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "once per frame, and the segment is 100 bytes")]
    pub(super) fn push(&mut self, segment: &Segment, payload: &[u8], block: &Block) {
        if segment.tenant.is_none() && self.key == TenantParts::NONE {
            let keyed = KeyedSegment::new(segment, &self.hasher);
            let (worker, table) = self.routes[shard(&keyed.key)];
            self.senders[worker].batch.push(keyed, table, payload, block);
        } else {
            self.push_of_tenant(segment, payload, block);
        }
    }

    /// The same for a segment that has a tenant, or whose tenant belongs to the key.
    #[inline(never)]
    fn push_of_tenant(&mut self, segment: &Segment, payload: &[u8], block: &Block) {
        if !segment.tenant.is_none() {
            self.tenants.observe(segment);
        }
        let segment = Segment { tenant: segment.tenant.in_key(self.key), ..segment.clone() };
        let keyed = KeyedSegment::new(&segment, &self.hasher);
        let (worker, table) = self.routes[shard(&keyed.key)];
        self.senders[worker].batch.push(keyed, table, payload, block);
    }

    /// What is notable about the segments, a line each.
    pub(super) fn notices(&self) -> Vec<String> {
        self.tenants.notices().collect()
    }

    /// Adds an ICMP error to the batch of the worker that owns the flow of the quoted packet.
    #[cold]
    pub(super) fn push_quote(&mut self, quote: &IcmpQuote) {
        let quote = IcmpQuote { tenant: quote.tenant.in_key(self.key), ..quote.clone() };
        let keyed = KeyedQuote::new(&quote, &self.hasher);
        let (worker, table) = self.routes[shard(&keyed.key)];
        self.senders[worker].batch.push_quote(keyed, table);
    }

    /// Whether a worker is so far behind that a batch sent to it now would be dropped.
    pub(super) fn would_drop(&self) -> bool {
        self.senders.iter().any(WorkerSender::would_drop)
    }

    /// Sends every worker its batch of segments from `block`.
    pub(super) fn flush(
        &mut self,
        block: &Arc<Block>,
        counters: &mut CaptureCounters,
    ) -> Result<()> {
        self.senders.iter_mut().try_for_each(|sender| sender.flush(block, counters))
    }

    /// Sends every worker its last batch, waiting for places in the queues.
    pub(super) fn finish(
        &mut self,
        block: &Arc<Block>,
        counters: &mut CaptureCounters,
    ) -> Result<()> {
        self.senders.iter_mut().try_for_each(|sender| sender.finish(block, counters))
    }

    /// Sends every worker a snapshot job.
    pub(super) fn request_snapshot(&mut self, job: &SnapshotJob) -> Result<()> {
        self.senders.iter_mut().try_for_each(|sender| sender.request_snapshot(job.clone()))
    }

    /// Sends every worker a new catalogue.
    pub(super) fn update_catalogue(&mut self, update: &CatalogueUpdate) -> Result<()> {
        self.senders.iter_mut().try_for_each(|sender| sender.update_catalogue(update.clone()))
    }
}
