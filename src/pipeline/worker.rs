//! A worker thread: the flows of some shards, from segments to classified records.
//!
//! A worker owns its tables and its [`Classifier`]; nothing is locked. Between two messages it goes
//! on with a snapshot in progress.

use std::sync::Arc;

use crossbeam_channel::TryRecvError;

use super::catalogue_update::CatalogueUpdate;
use super::channel::{WorkerMessage, WorkerReceiver};
use super::classifier::Classifier;
use super::context::WorkerContext;
use super::ended_flows::FlowLane;
use super::run::SelectionCounts;
use super::saved_flows::ShardKeeper;
use super::saved_state::SavedState;
use super::snapshot::{STEP, SnapshotJob, ThreadClock};
use super::{Batch, BatchedSegment, JudgedFlow};
use crate::flow::{FlowHasher, SHARDS, ServicePorts, Table};
use crate::process::ProcessCache;
use crate::saved::{BadState, StateReader, StateWriter};
use crate::stats::Stats;

/// Segments whose cache lines are prefetched together. More would evict each other from the
/// first-level cache.
const STRIDE: usize = 64;

/// Flow slots that are checked for expired flows after each batch of a live capture: it takes a
/// microsecond, and goes through a hundred thousand flows in seconds.
const TIDY: usize = 256;

/// What a worker returns when the capture is over.
pub(super) struct WorkerResult {
    pub(super) stats: Stats,
    pub(super) flows: Vec<JudgedFlow>,
    pub(super) evicted: u64,
    /// Flows of whose payload the capture cut some.
    pub(super) cut: u64,
    /// The flows that were selected, where not all count.
    pub(super) selected: Option<SelectionCounts>,
    /// The state before the flows that are open were ended, where it is saved.
    pub(super) saved: Option<SavedWorker>,
}

/// A worker's part of the state of the run.
pub(super) struct SavedWorker {
    pub(super) stats: Stats,
    pub(super) cut: u64,
    pub(super) evicted: u64,
    pub(super) selected: Option<SelectionCounts>,
    /// The tables by shard.
    pub(super) shards: Vec<(usize, Vec<u8>)>,
}

/// The state of a worker thread.
pub(super) struct Worker<'p> {
    ports: Arc<ServicePorts>,
    tables: Vec<Table>,
    classifier: Classifier<'p>,
    live: bool,
    process_cache: Option<&'p ProcessCache>,
    /// Index of the table that was tidied last.
    tidied: usize,
    /// This worker and the number of workers, where the state is saved at the end.
    pub(super) saves: Option<(usize, usize)>,
}

impl<'p> Worker<'p> {
    /// A worker without flows. All workers share `hasher`, with which segments are hashed. Flows that
    /// end go into `lane`.
    pub(super) fn new(
        CatalogueUpdate { catalogue, ports }: CatalogueUpdate,
        context: WorkerContext<'p>,
        hasher: &FlowHasher,
        lane: Option<FlowLane>,
    ) -> Self {
        let tables = SHARDS.div_ceil(context.workers);
        Self {
            ports,
            tables: (0..tables).map(|_| Table::new(context.limits, hasher)).collect(),
            classifier: Classifier::new(catalogue, context, lane, hasher.tenants()),
            live: context.live,
            process_cache: context.process_cache,
            tidied: 0,
            saves: None,
        }
    }

    /// The worker with the tables of its shards: it is worker `index`.
    ///
    /// # Errors
    /// The state cannot be.
    pub(super) fn resume(
        mut self,
        index: usize,
        context: WorkerContext<'p>,
        (state, hasher): (&SavedState, &FlowHasher),
    ) -> Result<Self, BadState> {
        let frames = state.frames();
        for (place, table) in self.tables.iter_mut().enumerate() {
            let shard = place * context.workers + index;
            let Some(bytes) = state.open.shards.get(shard) else { continue };
            let mut reader = StateReader::new(bytes);
            let mut keeper = ShardKeeper::new(&mut self.classifier, frames);
            let of = (shard, frames);
            *table = Table::read_state(context.limits, hasher, of, &mut keeper, &mut reader)?;
            reader.end()?;
        }
        Ok(self)
    }

    /// Writes the state: what has ended, and what is open.
    fn save(&mut self, (index, workers): (usize, usize)) -> SavedWorker {
        let mut shards = Vec::new();
        // Where workers have different numbers of shards, some have a table that stays empty.
        let of_shards = self.tables.iter().take((SHARDS - index).div_ceil(workers));
        for (place, table) in of_shards.enumerate() {
            let mut writer = StateWriter::default();
            table.write_state(&ShardKeeper::new(&mut self.classifier, 0), &mut writer);
            shards.push((place * workers + index, writer.finish()));
        }
        // Flows that are open go on in the next run.
        self.classifier.lane = None;
        let (stats, cut, selected) = self.classifier.take_ended();
        SavedWorker { stats, cut, evicted: self.evicted(), selected, shards }
    }

    /// Handles messages until the sender is gone, then ends all flows.
    pub(super) fn run(mut self, receiver: &WorkerReceiver) -> WorkerResult {
        loop {
            // With a snapshot in progress, an empty queue is the time to go on with it.
            let next = match self.classifier.snapshot {
                Some(_) => receiver.poll(),
                None => receiver.wait(),
            };
            match next {
                Ok(WorkerMessage::Batch(mut batch)) => {
                    self.observe(&batch);
                    self.tidy(&batch);
                    if let Some(lane) = &mut self.classifier.lane
                        && let Some(last) = batch.segments().last()
                    {
                        lane.complete(last.keyed.frame);
                    }
                    batch.clear();
                    // Full only when the capture thread has no use for the batch: it is freed.
                    drop(receiver.recycled.try_send(batch));
                }
                Ok(WorkerMessage::Snapshot(job)) => self.start_snapshot(job),
                Ok(WorkerMessage::Catalogue(CatalogueUpdate { catalogue, ports })) => {
                    self.ports = ports;
                    self.classifier.update_catalogue(catalogue);
                }
                Ok(WorkerMessage::Announced(frame)) => {
                    if let Some(lane) = &mut self.classifier.lane {
                        lane.complete(frame);
                    }
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
            self.continue_snapshot();
        }
        // The capture ended before the snapshot was complete.
        self.classifier.snapshot = None;
        if let Some(cache) = self.process_cache {
            cache.wait_for_replies();
        }
        let saved = self.saves.map(|place| self.save(place));
        for (index, table) in self.tables.iter_mut().enumerate() {
            if let Some(lane) = &mut self.classifier.lane {
                lane.drain(index);
            }
            table.drain(&mut self.classifier);
        }
        let evicted = if saved.is_some() { 0 } else { self.evicted() };
        let (cut, selected) = (self.classifier.cut, self.classifier.selected());
        let (stats, flows) = self.classifier.finish();
        WorkerResult { stats, flows, evicted, cut, selected, saved }
    }

    /// Flows evicted so far.
    fn evicted(&self) -> u64 {
        self.tables.iter().map(Table::evicted).sum()
    }

    /// Live, ends some expired flows: one table after each batch, in turn.
    fn tidy(&mut self, batch: &Batch) {
        if !self.live {
            return;
        }
        let Some(last) = batch.segments().last() else { return };
        self.tidied = (self.tidied + 1) % self.tables.len();
        if let Some(lane) = &mut self.classifier.lane {
            lane.observe(last.keyed.frame, self.tidied);
        }
        self.tables[self.tidied].expire(last.keyed.time, TIDY, &mut self.classifier);
    }

    /// Starts a snapshot as of this point of the capture.
    fn start_snapshot(&mut self, job: SnapshotJob) {
        self.tables.iter_mut().for_each(Table::begin_snapshot);
        let held = self.tables.iter().map(|table| table.live() as u64).sum();
        self.classifier.start_snapshot(job, held, self.evicted());
    }

    /// Goes on with the snapshot in progress for [`STEP`] flows.
    fn continue_snapshot(&mut self) {
        let Some(mut at) = self.classifier.snapshot.as_ref().map(|snapshot| snapshot.table) else {
            return;
        };
        let since = ThreadClock::now();
        let mut flows = STEP;
        while flows > 0
            && let Some(table) = self.tables.get_mut(at)
        {
            flows = table.continue_snapshot(flows, &mut self.classifier);
            at += usize::from(flows > 0);
        }
        if let Some(snapshot) = &mut self.classifier.snapshot {
            snapshot.table = at;
            snapshot.count_step(since);
        }
        if at == self.tables.len()
            && let Some(snapshot) = self.classifier.snapshot.take()
        {
            snapshot.finish();
        }
    }

    /// Passes the segments and the ICMP errors of a batch to the tables, in capture order.
    fn observe(&mut self, batch: &Batch) {
        let mut seen = 0;
        for quote in batch.quotes() {
            self.observe_segments(batch, &batch.segments()[seen..quote.after]);
            self.tables[quote.table].observe_icmp(&quote.keyed);
            seen = quote.after;
        }
        self.observe_segments(batch, &batch.segments()[seen..]);
    }

    /// Prefetches everything that a stride of segments needs before the first of them needs it, so
    /// that the waits for memory overlap instead of adding up. The order of the prefetches is that
    /// of the accesses: index, flow, the rest.
    fn observe_segments(&mut self, batch: &Batch, segments: &[BatchedSegment]) {
        let table = |segment: &BatchedSegment| usize::from(segment.table);
        let mut slots = [0; STRIDE];
        for stride in segments.chunks(STRIDE) {
            for segment in stride {
                self.tables[table(segment)].prefetch_index(segment.keyed.hash);
            }
            for (slot, segment) in slots.iter_mut().zip(stride) {
                *slot = self.tables[table(segment)].prefetch_flow(segment.keyed.hash);
            }
            for (&slot, segment) in slots.iter().zip(stride) {
                self.tables[table(segment)].prefetch_rest(slot, &segment.keyed);
            }
            for (slot, segment) in slots.into_iter().zip(stride) {
                if let Some(lane) = &mut self.classifier.lane {
                    lane.observe(segment.keyed.frame, table(segment));
                }
                self.tables[table(segment)].observe(
                    slot,
                    &segment.keyed,
                    &batch.payload(segment),
                    &self.ports,
                    &mut self.classifier,
                );
            }
        }
    }
}
