//! A worker's share of one snapshot, built a few flows at a time between its batches.

use std::time::{Duration, Instant};

use super::job::{LiveFlows, SnapshotJob, SnapshotPart};
use super::{FlowDetail, RecentFlows};
use crate::classify::Verdict;
use crate::flow::{FlowRecord, Opening};
use crate::pipeline::JudgedFlow;
use crate::pipeline::run::SelectionCounts;
use crate::process::FlowProcesses;
use crate::stats::{DnsParents, Servers, Stats};

/// Flows between two polls of the queue: some 30 microseconds, less than a batch takes.
pub(in crate::pipeline) const STEP: usize = 64;

/// The state of a walk over a worker's live flows.
pub(in crate::pipeline) struct SnapshotBuilder {
    job: SnapshotJob,
    /// Index of the table that the walk is in.
    pub(in crate::pipeline) table: usize,
    stats: Stats,
    recent: RecentFlows,
    live: u64,
    held: u64,
    evicted: u64,
    cut: u64,
    selected: Option<SelectionCounts>,
    detail: Option<Box<FlowDetail>>,
    cost: Duration,
}

impl SnapshotBuilder {
    /// Starts with empty statistics and the requested ones of the flows that ended recently. `held`,
    /// `evicted`, `cut` and `selected` (those that ended) are the worker's numbers of flows.
    pub(in crate::pipeline) fn new<'r>(
        job: SnapshotJob,
        stats: Stats,
        (held, evicted, cut): (u64, u64, u64),
        selected: Option<SelectionCounts>,
        ended: impl Iterator<Item = &'r JudgedFlow>,
    ) -> Self {
        let mut recent = RecentFlows::new(job.flows);
        ended
            .filter(|flow| job.wants(&flow.record))
            .for_each(|flow| recent.add(&flow.record, &flow.verdict, &flow.processes));
        Self {
            job,
            table: 0,
            stats,
            recent,
            live: 0,
            held,
            evicted,
            cut,
            selected,
            detail: None,
            cost: Duration::ZERO,
        }
    }

    /// The servers and the domains, for what the openings of live flows prove of them.
    pub(in crate::pipeline) const fn servers_and_parents(
        &mut self,
    ) -> (&mut Servers, &mut DnsParents) {
        (&mut self.stats.servers, &mut self.stats.dns_parents)
    }

    /// The number of the first frame of the flow of which all that is known is wanted.
    pub(in crate::pipeline) const fn wanted_flow(&self) -> Option<u64> {
        self.job.request.flow
    }

    /// Adds the flow of which all that is known is wanted.
    pub(in crate::pipeline) fn add_detail(&mut self, flow: JudgedFlow, opening: Option<Opening>) {
        self.detail = Some(Box::new(FlowDetail::new(flow, opening)));
    }

    /// Counts whether a live flow is selected, where not all count.
    pub(in crate::pipeline) fn select(&mut self, is_selected: bool) {
        self.selected.get_or_insert_default().count(is_selected);
    }

    /// Counts a live flow as if it had ended here.
    pub(in crate::pipeline) fn add(
        &mut self,
        record: &FlowRecord,
        verdict: &Verdict,
        processes: &FlowProcesses,
    ) {
        self.stats.add(record, verdict);
        self.stats.attribute(record, processes);
        self.cut += u64::from(record.cut);
        self.live += u64::from(!record.has_ended());
        if self.job.wants(record) {
            self.recent.add(record, verdict, processes);
        }
    }

    /// Adds the time of a step that began at `since` to the cost of the snapshot.
    pub(in crate::pipeline) fn count_step(&mut self, since: Instant) {
        self.cost += since.elapsed();
    }

    /// Sends what was built to the snapshot thread.
    pub(in crate::pipeline) fn finish(self) {
        let Self { job, stats, recent, live, held, evicted, cut, selected, detail, cost, .. } =
            self;
        let recent = recent.into_flows();
        job.reply(SnapshotPart::Live(LiveFlows {
            stats,
            recent,
            live,
            held,
            evicted,
            cut,
            selected,
            detail,
            cost,
        }));
    }
}
