//! The snapshot thread: decides when a snapshot is due and puts its parts together.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select};

use super::job::{SnapshotJob, SnapshotJobs, SnapshotPart};
use super::{RecentFlows, SHARE, Snapshot, SnapshotRequest, Snapshots, ThreadClock};
use crate::pipeline::context::WorkerContext;
use crate::pipeline::{FlowSelector, Run, SelectedFlows};
use crate::stats::Stats;

/// The snapshot thread's state.
pub(in crate::pipeline) struct Snapshotter<'p> {
    to_capture: Sender<SnapshotJob>,
    /// Disconnected when the capture is over.
    ended: Receiver<()>,
    workers: usize,
    histogram_ports: usize,
    selector: Option<FlowSelector<'p>>,
    /// Statistics of the flows that have ended, as far as the workers handed them over.
    stats: Stats,
}

impl<'p> Snapshotter<'p> {
    /// A snapshot thread and the capture thread's end of the way to it, within the limits that the
    /// workers have.
    pub(in crate::pipeline) fn new(context: &WorkerContext<'p>) -> (Self, SnapshotJobs) {
        let WorkerContext { workers, histogram_ports, selector, .. } = *context;
        let stats = context.stats();
        let (to_capture, jobs) = bounded(1);
        let (is_running, ended) = bounded(0);
        (
            Self { to_capture, ended, workers, histogram_ports, selector, stats },
            SnapshotJobs { jobs, is_abandoned: false, _is_running: is_running },
        )
    }

    /// Takes snapshots until the capture ends, or an observer of them panics; returns the statistics
    /// that the workers have handed over, and that panic.
    pub(in crate::pipeline) fn run(
        mut self,
        snapshots: Snapshots<'_>,
    ) -> (Stats, Option<Box<dyn Any + Send>>) {
        // What is merged is merged whole: a panic of an observer leaves the statistics as they were.
        let panic = catch_unwind(AssertUnwindSafe(|| self.observe(snapshots))).err();
        (self.stats, panic)
    }

    fn observe(&mut self, snapshots: Snapshots<'_>) {
        let mut requests = snapshots.requests.0;
        let mut request = SnapshotRequest::default();
        let mut due = snapshots.every.map(|every| Instant::now() + every);
        let mut earliest = Instant::now();
        loop {
            let timer = due.map_or_else(never, |due| at(due.max(earliest)));
            select! {
                recv(self.ended) -> _ => return,
                recv(timer) -> _ => {}
                recv(requests) -> received => if let Ok(received) = received {
                    request = received;
                } else {
                    // Nobody can request any more; the timer goes on.
                    requests = never();
                    continue;
                },
            }
            // A request out of turn has to wait until the last snapshot is paid for; one snapshot
            // answers all that arrived meanwhile.
            select! {
                recv(self.ended) -> _ => return,
                recv(at(earliest)) -> _ => {}
            }
            request = requests.try_iter().last().unwrap_or(request);
            let Some((snapshot, cost)) = self.take(request, snapshots.flows) else { return };
            let taken = Instant::now();
            earliest = taken + cost * SHARE;
            due = due
                .zip(snapshots.every)
                .map(|(due, every)| if due <= taken { (due + every).max(taken) } else { due });
            (snapshots.on_snapshot)(snapshot);
        }
    }

    /// Takes one snapshot, and measures its cost: the CPU time of the busiest thread. `None` where
    /// the capture ended meanwhile.
    fn take(&mut self, request: SnapshotRequest, flows: usize) -> Option<(Snapshot, Duration)> {
        // Room for every part: no thread waits to send one.
        let (to_here, parts) = bounded(2 * self.workers + 1);
        self.to_capture.send(SnapshotJob { request, flows, parts: to_here }).ok()?;
        let mut captured = None;
        let mut workers = Vec::with_capacity(self.workers);
        let mut busy = Duration::ZERO;
        for part in parts {
            let since = ThreadClock::now();
            match part {
                SnapshotPart::Counters { catalogue, counters, drops, problems, elapsed } => {
                    captured = Some((catalogue, counters, drops, problems, elapsed));
                }
                SnapshotPart::Ended(stats) => self.stats.merge(stats),
                SnapshotPart::Live(flows) => workers.push(flows),
            }
            busy += since.elapsed();
        }
        let (catalogue, counters, drops, problems, elapsed) =
            captured.filter(|_| workers.len() == self.workers)?;
        let since = ThreadClock::now();
        self.stats.limit(self.histogram_ports);
        let mut run = Run {
            saved: None,
            catalogue,
            counters: *counters,
            interfaces: Vec::new(),
            sensors: Vec::new(),
            files: None,
            drops,
            problems,
            notices: Vec::new(),
            evicted: 0,
            selected: self.selector.map(SelectedFlows::new),
            stats: self.stats.clone(),
            flows: Vec::new(),
        };
        let mut recent = RecentFlows::new(flows);
        let (mut live_flows, mut held_flows, mut detail) = (0, 0, None);
        let (mut cut, mut slowest) = (0, Duration::ZERO);
        for worker in workers {
            run.stats.merge(worker.stats);
            run.evicted += worker.evicted;
            SelectedFlows::add_to(&mut run.selected, worker.selected);
            live_flows += worker.live;
            held_flows += worker.held;
            detail = detail.or(worker.detail);
            cut += worker.cut;
            slowest = slowest.max(worker.cost);
            worker.recent.into_iter().for_each(|flow| recent.push(flow));
        }
        run.flows = recent.into_flows();
        run.notice_cut_payload(cut);
        run.complete(self.histogram_ports);
        let cost = slowest.max(busy + since.elapsed());
        Some((Snapshot { elapsed, run, live_flows, held_flows, request, detail }, cost))
    }
}
