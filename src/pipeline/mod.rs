//! The whole data path, and the only module that knows every stage.
//!
//! The way of a frame, from the source to the report:
//!
//! 1. `capture_loop.rs`, on the thread that called [`run()`]: [`Source::read`] fills a `Block` with
//!    frames. Each frame is counted (`counters.rs`), filtered and decoded into a segment
//!    (`decode/`), by the fast path if it is as nearly every frame is.
//! 2. `router.rs`: the segment gets the key of its flow and the key's hash. The key's shard decides
//!    which worker owns the flow, and the segment joins that worker's batch (`batch.rs`).
//! 3. `channel.rs`: when the block is full, or the source has nothing more at the moment, the batch
//!    travels to the worker, together with the block in which the payloads lie. `waker.rs` wakes
//!    the worker. The batch comes back when it is empty, and `block_pool.rs` reuses the block.
//! 4. `worker.rs`, on a classifier thread: the worker prefetches what the next segments need, then
//!    hands each one to the table of its shard (`flow/table.rs`), which updates the flow and keeps
//!    the first payload of each side in the flow's opening.
//! 5. `classifier.rs`: the table calls back when an opening is worth inspecting, is full, or has to
//!    go. Detectors state what the bytes prove (`detect/`), the catalogue turns that into a verdict
//!    (`classify.rs`), and the flow keeps the verdict's number (`verdict_cache.rs`). It is a
//!    callback because only the table knows when to inspect an opening.
//! 6. When the flow ends, the table calls back once more, with the flow's record: the classifier
//!    adds the record to the statistics of its port (`stats/`).
//! 7. When the capture ends, [`run()`] merges the statistics of all workers into a [`Run`], which
//!    `report/` writes.
//!
//! Offline the capture thread waits when a queue is full. Live it drops the batch and counts it.
//! `snapshot/` shows the same figures while the capture goes on.

mod anomalies;
mod batch;
mod block_pool;
mod capture_loop;
mod capture_part;
mod catalogue_update;
mod channel;
mod classifier;
mod context;
mod counters;
mod ended_flows;
mod examples;
mod flow_evidence;
mod flow_selection;
mod options;
mod outcomes;
mod router;
mod run;
mod saved_flows;
mod saved_state;
mod selection;
mod server_evidence;
mod snapshot;
mod tenant_watch;
mod verdict_cache;
mod verdict_kinds;
mod verdict_templates;
mod waker;
mod worker;

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};

#[doc(hidden)]
pub use self::batch::{Batch, BatchedPayload, BatchedQuote, BatchedSegment};
pub use self::capture_part::CapturePart;
pub use self::counters::{CaptureCounters, InterfaceCounters};
pub use self::options::{
    CountersHook, FlowSelector, Hooks, Options, ResourceLimits, StopConditions,
};
pub use self::run::{FlowView, JudgedFlow, Run, SelectedFlows};
pub use self::saved_state::{OpenState, SavedCounts, SavedState};
pub use self::snapshot::{
    FlowDetail, Snapshot, SnapshotRequest, SnapshotRequester, SnapshotRequests, Snapshots,
    snapshot_requests,
};

use self::capture_loop::{CaptureLoop, Captured};
use self::catalogue_update::CatalogueUpdate;
use self::channel::worker_channel;
use self::context::WorkerContext;
use self::ended_flows::{FlowLaneEnd, merge};
use self::router::Router;
use self::saved_state::damaged;
use self::selection::Selection;
use self::snapshot::Snapshotter;
use self::worker::{Worker, WorkerResult};
use crate::catalogue::Catalogue;
use crate::decode::Decoder;
use crate::flow::FlowHasher;
use crate::saved::StateReader;
use crate::sentence::plural;
use crate::source::{Filter, Source};
use crate::stats::{Servers, Stats};
use crate::{Error, ErrorKind, Result};

/// What the threads of a run return.
struct Finished {
    captured: Captured,
    /// Without those of workers that panicked.
    workers: Vec<WorkerResult>,
    /// Statistics of ended flows that the workers handed over to the snapshot thread.
    snapshotted: Stats,
    /// The threads that panicked, a line each.
    panics: Vec<String>,
}

/// Captures from `source` until it ends or a stop condition holds. Only frames that pass `filter`
/// are decoded. `snapshots` are taken meanwhile.
///
/// # Errors
/// [`ErrorKind::System`] where a thread cannot be started. A source that fails and a thread that
/// panics are problems of the run, not errors: what was read counts, but for the flows of a
/// classifier thread that panicked.
pub fn run(
    source: &mut dyn Source,
    filter: Option<Filter>,
    catalogue: &Arc<Catalogue>,
    options: &Options<'_>,
    snapshots: Option<Snapshots<'_>>,
) -> Result<Run> {
    let part = run_part(source, filter, catalogue, options, snapshots)?;
    Ok(part.into_run(options.limits.histogram_ports))
}

/// As [`run()`], of a part of what a report is on: its figures can still be added to others.
///
/// # Errors
/// As [`run()`].
pub fn run_part(
    source: &mut dyn Source,
    mut filter: Option<Filter>,
    catalogue: &Arc<Catalogue>,
    options: &Options<'_>,
    snapshots: Option<Snapshots<'_>>,
) -> Result<CapturePart> {
    let Options { limits, hooks, .. } = options;
    let files = source.frame_files();
    let selection = Selection::new(filter.as_mut(), options.window);
    let shared_servers = Mutex::new(Servers::new(limits.max_servers));
    // What is saved has no flow that is open; a worker that ends its flows may be ahead of others.
    let is_shared = limits.workers > 1 && snapshots.is_none() && !options.saves;
    let recent_flows = snapshots.as_ref().map_or(0, |snapshots| snapshots.flows);
    let shared = is_shared.then_some(&shared_servers);
    let context = WorkerContext::new(options, shared, recent_flows, files.as_ref());
    let Finished { captured, workers, snapshotted, panics } = thread::scope(|scope| {
        let passes_on = hooks.on_flow.is_some();
        let (router, workers, lanes) = start_workers(scope, catalogue, context, options)?;
        let (decoder, router) = resume_capture(Decoder::new(options.tunnels), router, options)?;
        let running = Arc::new(());
        let router = router.announcing(passes_on.then(|| Arc::downgrade(&running)));
        let start = |on_flow| start_flow_thread(scope, lanes, running, on_flow);
        let flow_thread = hooks.on_flow.map(start).transpose()?;
        let (snapshotter, jobs) = Snapshotter::new(&context);
        let jobs = snapshots.is_some().then_some(jobs);
        let start = |snapshots| {
            thread::Builder::new()
                .name("snapshots".into())
                .spawn_scoped(scope, move || snapshotter.run(snapshots))
                .map_err(|e| system(format!("the view thread cannot be started: {e}")))
        };
        let snapshot_thread = snapshots.map(start).transpose()?;
        // When the loop is over, so are the channels that it owns: the snapshot thread ends, and
        // each worker when its queue is empty.
        let captured = CaptureLoop::new(
            source,
            selection,
            Arc::clone(catalogue),
            options,
            (decoder, router),
            jobs,
        )
        .run();
        let mut panics = Vec::new();
        let mut joined = Vec::new();
        for (thread, &sent) in workers.into_iter().zip(&captured.sent) {
            match thread.join() {
                Ok(result) => joined.push(result),
                Err(panic) => panics.push(worker_panicked(&*panic, sent)),
            }
        }
        let without = || (Stats::with_max_servers(context.max_servers), None);
        let (snapshotted, panic) = snapshot_thread
            .map_or_else(|| Ok(without()), ScopedJoinHandle::join)
            .unwrap_or_else(|panic| (without().0, Some(panic)));
        let view = panic.map(|panic| Error::from_panic("the thread of the view", &*panic));
        panics.extend(view.map(|error| error.to_string()));
        // The lanes ended with the workers.
        let panic = flow_thread.and_then(|thread| thread.join().err());
        let flows = panic.map(|panic| Error::from_panic("the thread that writes flows", &*panic));
        panics.extend(flows.map(|error| error.to_string()));
        Result::Ok(Finished { captured, workers: joined, snapshotted, panics })
    })?;
    source.finish();
    let Captured { counters, failure, notices, unread, catalogue, saved, .. } = captured;
    let mut counts = SavedCounts::new(options, counters, source);
    counts.add_unfiltered(filter.iter().flat_map(Filter::problems));
    let is_whole = failure.is_none() && panics.is_empty();
    let (mut workers, mut shards) = (workers, Vec::new());
    for saved in workers.iter_mut().filter_map(|worker| worker.saved.take()) {
        shards.extend(counts.add(saved));
    }
    let saved = saved.filter(|_| is_whole);
    let saved = saved.map(|capture| Box::new(SavedState::new(counts.clone(), capture, shards)));
    counts.drops.kernel += unread;
    counts.notices.extend(notices);
    counts.stats.merge(snapshotted);
    let mut shared = shared_servers.lock().unwrap_or_else(PoisonError::into_inner);
    counts.stats.servers.merge(std::mem::take(&mut *shared));
    let mut flows = Vec::new();
    for worker in workers {
        flows.extend(counts.end(worker));
    }
    flows.sort_by_key(|flow: &JudgedFlow| flow.record.first_frame);
    let failures = failure.into_iter().chain(panics).collect();
    Ok(CapturePart { counts, failures, flows, saved, catalogue, files })
}

/// The threads of all workers.
type WorkerThreads<'scope> = Vec<ScopedJoinHandle<'scope, WorkerResult>>;

/// Starts the workers, each at the end of a channel from the router. If the workers are to pass on
/// the flows that end, returns the ends of their lanes.
fn start_workers<'scope, 'env, 'p: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    catalogue: &Arc<Catalogue>,
    context: WorkerContext<'p>,
    options: &Options<'_>,
) -> Result<(Router, WorkerThreads<'scope>, Vec<FlowLaneEnd>)> {
    let (hasher, passes_on) = (FlowHasher::default(), options.hooks.on_flow.is_some());
    let update = CatalogueUpdate::new(Arc::clone(catalogue));
    let (mut senders, mut threads, mut lanes) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..context.workers {
        let (sender, receiver) = worker_channel(context.live);
        let (lane, end) = passes_on.then(|| ended_flows::lane(i, context.workers)).unzip();
        lanes.extend(end);
        let mut worker = Worker::new(update.clone(), context, &hasher, lane);
        if let Some(state) = options.resume {
            let resumed = || worker.resume(i, context, (state, &hasher));
            worker = catalogue.read_state(resumed).map_err(damaged)?;
        }
        worker.saves = options.saves.then_some((i, context.workers));
        let thread = thread::Builder::new()
            .name(format!("classify-{i}"))
            .spawn_scoped(scope, move || worker.run(&receiver))
            .map_err(|e| system(format!("a classifier thread cannot be started: {e}")))?;
        threads.push(thread);
        senders.push(sender);
    }
    Ok((Router::new(senders, hasher, options.key), threads, lanes))
}

/// The capture thread's part of the state, where the run goes on from one.
fn resume_capture(
    decoder: Decoder,
    mut router: Router,
    options: &Options<'_>,
) -> Result<(Decoder, Router)> {
    let Some(state) = options.resume else { return Ok((decoder, router)) };
    let mut reader = StateReader::new(&state.open.capture);
    let decoder = decoder.read_state(&mut reader).map_err(damaged)?;
    router.read_state(&mut reader).and_then(|()| reader.end()).map_err(damaged)?;
    Ok((decoder, router))
}

/// Starts the thread that passes ended flows to `on_flow`. It holds `running` until it ends.
fn start_flow_thread<'scope>(
    scope: &'scope Scope<'scope, '_>,
    lanes: Vec<FlowLaneEnd>,
    running: Arc<()>,
    on_flow: &'scope (dyn Fn(&JudgedFlow) + Sync),
) -> Result<ScopedJoinHandle<'scope, ()>> {
    let merge = move || {
        merge(lanes, on_flow);
        drop(running);
    };
    thread::Builder::new()
        .name("flows".into())
        .spawn_scoped(scope, merge)
        .map_err(|e| system(format!("the thread for flows cannot be started: {e}")))
}

/// What is said of a worker that panicked, to which so many segments were sent.
fn worker_panicked(panic: &(dyn Any + Send), sent: u64) -> String {
    let missing = plural(sent, "packet");
    let thread = format!("a classifier thread, whose {missing} are missing from the report,");
    Error::from_panic(&thread, panic).to_string()
}

/// An error of the operating system.
fn system(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::System, reason)
}

#[cfg(test)]
mod tests;
