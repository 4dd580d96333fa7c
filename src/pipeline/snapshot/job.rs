//! What travels between the threads for a snapshot: the job, and the parts that come back.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError};

use super::{FlowDetail, SnapshotRequest};
use crate::catalogue::Catalogue;
use crate::flow::FlowRecord;
use crate::pipeline::run::SelectionCounts;
use crate::pipeline::{CaptureCounters, JudgedFlow};
use crate::source::{Drops, Source};
use crate::stats::Stats;

/// A snapshot to take, on its way from the snapshot thread through the capture thread to the
/// workers.
#[derive(Clone)]
pub(in crate::pipeline) struct SnapshotJob {
    pub(super) request: SnapshotRequest,
    /// Number of flows to bring.
    pub(super) flows: usize,
    /// Has room for every part: sending one never waits.
    pub(super) parts: Sender<SnapshotPart>,
}

impl SnapshotJob {
    /// Whether the flow is one of those that are requested.
    pub(super) fn wants(&self, record: &FlowRecord) -> bool {
        self.request.wants(record)
    }

    /// The content of the snapshot.
    pub(in crate::pipeline) const fn request(&self) -> &SnapshotRequest {
        &self.request
    }

    /// Sends a part. It is discarded where the capture is over.
    pub(super) fn reply(&self, part: SnapshotPart) {
        drop(self.parts.try_send(part));
    }

    /// Sends the capture thread's part. `elapsed` is the time since the start of the capture.
    pub(in crate::pipeline) fn reply_counters(
        &self,
        counters: &CaptureCounters,
        source: &mut dyn Source,
        catalogue: &Arc<Catalogue>,
        elapsed: Duration,
    ) {
        let (drops, problems) = (source.drops(), source.problems());
        self.reply(SnapshotPart::Counters {
            catalogue: Arc::clone(catalogue),
            counters: Box::new(counters.clone()),
            drops,
            problems,
            elapsed,
        });
    }

    /// Sends a worker's first part: the statistics of the flows that ended since its last snapshot.
    pub(in crate::pipeline) fn reply_ended(&self, stats: Stats) {
        self.reply(SnapshotPart::Ended(stats));
    }

    #[cfg(test)]
    pub(in crate::pipeline) fn without_receiver() -> Self {
        let parts = crossbeam_channel::bounded(1).0;
        Self { request: SnapshotRequest::default(), flows: 0, parts }
    }
}

/// A part of a snapshot.
pub(super) enum SnapshotPart {
    /// From the capture thread, once.
    Counters {
        catalogue: Arc<Catalogue>,
        counters: Box<CaptureCounters>,
        drops: Drops,
        problems: Vec<String>,
        elapsed: Duration,
    },
    /// From each worker: flows that ended since its last snapshot. The worker forgets them.
    Ended(Stats),
    /// From each worker: its live flows.
    Live(LiveFlows),
}

/// The live flows of a worker, and the most recent flows of it.
pub(super) struct LiveFlows {
    pub(super) stats: Stats,
    /// The most recent of the requested flows, live or ended.
    pub(super) recent: Vec<JudgedFlow>,
    /// Number of flows that have not ended.
    pub(super) live: u64,
    /// Number of flows in the tables.
    pub(super) held: u64,
    /// Flows evicted so far.
    pub(super) evicted: u64,
    /// Flows of whose payload the capture cut some, those that ended included.
    pub(super) cut: u64,
    /// The flows that are selected so far, and all, where not all count.
    pub(super) selected: Option<SelectionCounts>,
    /// The flow of which all that is known is wanted, where it is this worker's.
    pub(super) detail: Option<Box<FlowDetail>>,
    /// CPU time of the walk.
    pub(super) cost: Duration,
}

/// The capture thread's end: where jobs arrive. When it is dropped, the capture is over.
pub(in crate::pipeline) struct SnapshotJobs {
    pub(super) jobs: Receiver<SnapshotJob>,
    pub(super) is_abandoned: bool,
    pub(super) _is_running: Sender<()>,
}

impl SnapshotJobs {
    /// The pending job, if there is one.
    pub(in crate::pipeline) fn next(&mut self) -> Option<SnapshotJob> {
        let next = self.jobs.try_recv();
        self.is_abandoned = matches!(next, Err(TryRecvError::Disconnected));
        next.ok()
    }

    /// Whether the snapshot thread is gone, although the capture goes on: an observer panicked.
    pub(in crate::pipeline) const fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }
}
