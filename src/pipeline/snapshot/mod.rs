//! Snapshots of a running capture.
//!
//! ```text
//!   snapshot thread ── job ──▶ capture thread ── job, behind the batches ──▶ workers
//!         ▲                          │ counters                                │ statistics of ended flows,
//!         │                          │                                         │ then of live ones
//!         └──────────────────────────┴────────────── parts ────────────────────┘
//! ```
//!
//! `snapshotter.rs` is the snapshot thread, `job.rs` what travels between the threads, `builder.rs`
//! a worker's share of the work, `recent.rs` the most recent flows, `kept_openings.rs` the first bytes
//! of flows that were judged, and `thread_clock.rs` measures what snapshots cost.
//!
//! The capture thread passes the job on and never waits for a part. A worker hands over the
//! statistics of the flows that ended since the last snapshot, which costs nothing, and then walks
//! over its live flows, a few at a time between two batches. The snapshot thread adds up what
//! ended, merges the live flows into a copy and passes the whole to [`Snapshots::on_snapshot`],
//! which may take its time: no frame is lost for it.
//!
//! The cost is bounded: the next snapshot waits until the work for the last one is at most one part
//! in [`SHARE`] of the time, however large the tables are. Work is CPU time: on a machine with more
//! work than cores, a thread that waits for its turn costs nothing. Memory: the statistics of all ports once
//! more, for each snapshot that is held.
//!
//! Counters and ended flows are exact at one point of the capture. A live flow is counted once, as
//! it is when the walk comes to it, which is later by the duration of the walk.

mod builder;
mod job;
mod kept_openings;
mod recent;
mod snapshotter;
mod thread_clock;

use std::net::IpAddr;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

pub(super) use self::builder::{STEP, SnapshotBuilder};
pub(super) use self::job::{SnapshotJob, SnapshotJobs};
pub(super) use self::kept_openings::KeptOpenings;
pub(super) use self::recent::RecentFlows;
pub(super) use self::snapshotter::Snapshotter;
pub(super) use self::thread_clock::ThreadClock;

use super::{JudgedFlow, Run};
use crate::classify::StatedFacts;
use crate::decode::ServicePort;
use crate::detect;
use crate::evidence::Depth;
use crate::flow::{FlowRecord, Opening};

/// Snapshots take at most one part in so many of a thread's time.
const SHARE: u32 = 20;

/// Which snapshots of a running capture are taken, and who gets them.
pub struct Snapshots<'s> {
    /// Time between two snapshots; `None` takes only those that are requested. Very many live flows
    /// make it longer.
    pub every: Option<Duration>,
    /// Number of flows in each snapshot, the most recent ones with their reasons; 0 for none.
    /// Reasons cost every live flow some memory.
    pub flows: usize,
    /// Requests for snapshots out of turn; see [`snapshot_requests`].
    pub requests: SnapshotRequests,
    /// Gets each snapshot, on the snapshot thread.
    pub on_snapshot: &'s mut (dyn FnMut(Snapshot) + Send),
}

/// A capture as it stands.
pub struct Snapshot {
    /// Time from the start of the capture until the counters were read.
    pub elapsed: Duration,
    /// The capture as if it had ended then. `flows` are the most recent of the requested ones, the
    /// latest first.
    pub run: Run,
    /// Number of flows that have not ended; the statistics in `run` include them.
    pub live_flows: u64,
    /// Number of flows in memory: the live ones, and those that ended so lately that late packets may
    /// still belong to them.
    pub held_flows: u64,
    /// What was requested.
    pub request: SnapshotRequest,
    /// The flow that was requested, where it is still known.
    pub detail: Option<Box<FlowDetail>>,
}

#[cfg(test)]
impl Snapshot {
    /// A snapshot without open flows, which nobody has asked for more.
    pub(crate) fn of_run(run: Run, elapsed: Duration) -> Self {
        let request = SnapshotRequest::default();
        Self { elapsed, run, live_flows: 0, held_flows: 0, request, detail: None }
    }
}

/// One flow with all that is known of it.
pub struct FlowDetail {
    /// The flow. Its verdict has facts, where its first bytes are still held.
    pub flow: JudgedFlow,
    /// The first bytes of both sides; `None` where there are none, or where they are no longer held.
    pub opening: Option<Opening>,
}

impl FlowDetail {
    /// The flow with what detectors state of its opening.
    fn new(mut flow: JudgedFlow, opening: Option<Opening>) -> Self {
        if let Some(opening) = &opening {
            flow.verdict.facts = Some(StatedFacts::new(&detect::inspect(opening, Depth::Facts)));
        }
        Self { flow, opening }
    }
}

/// The content of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotRequest {
    /// Only flows of this service port; `None` for those of all ports.
    pub port: Option<ServicePort>,
    /// Only flows of this host; `None` for those of all hosts.
    pub host: Option<IpAddr>,
    /// The number of the first frame of a flow of which all that is known is wanted.
    pub flow: Option<u64>,
}

impl SnapshotRequest {
    /// Whether the flow is one of those that are requested.
    fn wants(&self, record: &FlowRecord) -> bool {
        let hosts = [record.initiator.address, record.responder.address];
        self.wants_between(record.service_port(), hosts)
    }

    /// Whether flows of a port between these hosts are requested.
    pub(super) fn wants_between(&self, port: ServicePort, hosts: [IpAddr; 2]) -> bool {
        self.port.is_none_or(|wanted| wanted == port)
            && self.host.is_none_or(|wanted| hosts.contains(&wanted))
    }
}

/// Requests a snapshot now; the snapshots that follow it have the same content.
#[derive(Debug, Clone)]
pub struct SnapshotRequester(Sender<SnapshotRequest>);

/// The receiving end of [`SnapshotRequester`], for [`Snapshots::requests`].
#[derive(Debug)]
pub struct SnapshotRequests(Receiver<SnapshotRequest>);

/// Both ends of a new channel for requests.
#[must_use]
pub fn snapshot_requests() -> (SnapshotRequester, SnapshotRequests) {
    let (requester, requests) = bounded(16);
    (SnapshotRequester(requester), SnapshotRequests(requests))
}

impl SnapshotRequester {
    /// Requests a snapshot without waiting. Where sixteen requests are pending, one more changes
    /// nothing and is discarded.
    pub fn request(&self, request: SnapshotRequest) {
        let _ = self.0.try_send(request);
    }
}
