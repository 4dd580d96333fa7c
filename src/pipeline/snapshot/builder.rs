//! A worker's answer to one question, gathered a few flows at a time between its batches.

use std::time::{Duration, Instant};

use super::{Answer, JudgedFlow, Look, Recent};
use crate::classify::Verdict;
use crate::flow::FlowRecord;
use crate::process::Sides;
use crate::stats::Stats;

/// Flows between two looks at the queue: some 30 microseconds, less than a batch takes.
pub(in crate::pipeline) const STEP: usize = 64;

/// What a walk over the live flows has found so far.
pub(in crate::pipeline) struct Walk<'c> {
    look: Look<'c>,
    /// The table that it is in.
    pub(in crate::pipeline) table: usize,
    stats: Stats<'c>,
    recent: Recent<'c>,
    live: u64,
    evicted: u64,
    cost: Duration,
}

impl<'c> Walk<'c> {
    /// Begins with those of the flows that ended lately which are asked for.
    pub(in crate::pipeline) fn new<'r>(
        look: Look<'c>,
        live: u64,
        evicted: u64,
        ended: impl Iterator<Item = &'r JudgedFlow<'c>>,
    ) -> Self
    where
        'c: 'r,
    {
        let mut recent = Recent::new(look.flows);
        ended
            .filter(|flow| look.is_about(&flow.record))
            .for_each(|flow| recent.show(&flow.record, &flow.verdict, &flow.processes));
        Self {
            look,
            table: 0,
            stats: Stats::default(),
            recent,
            live,
            evicted,
            cost: Duration::ZERO,
        }
    }

    /// Counts a live flow as if it ended here.
    pub(in crate::pipeline) fn show(
        &mut self,
        record: &FlowRecord,
        verdict: &Verdict<'c>,
        processes: &Sides,
    ) {
        self.stats.add(record, verdict);
        self.stats.attribute(record, processes);
        if self.look.is_about(record) {
            self.recent.show(record, verdict, processes);
        }
    }

    /// Counts the time of a step that began then.
    pub(in crate::pipeline) fn took(&mut self, since: Instant) {
        self.cost += since.elapsed();
    }

    /// Hands in what was found. Nobody may be there any more: the capture is over.
    pub(in crate::pipeline) fn finish(self) {
        let flows = self.recent.into_flows();
        let Self { look, stats, live, evicted, cost, .. } = self;
        drop(look.answers.try_send(Answer::Live { stats, flows, live, evicted, cost }));
    }
}
