//! The most recent of many flows, for snapshots.

use crate::classify::Verdict;
use crate::flow::FlowRecord;
use crate::pipeline::JudgedFlow;
use crate::process::FlowProcesses;
use crate::time::Time;

/// The `limit` flows whose last frame is the latest.
pub(in crate::pipeline) struct RecentFlows {
    limit: usize,
    flows: Vec<JudgedFlow>,
    /// Flows whose last frame is earlier have no place.
    floor: Option<Time>,
}

impl RecentFlows {
    pub(in crate::pipeline) const fn new(limit: usize) -> Self {
        Self { limit, flows: Vec::new(), floor: None }
    }

    /// Whether a flow with this last frame may be among the most recent ones.
    pub(in crate::pipeline) fn has_place(&self, last: Time) -> bool {
        self.limit > 0 && self.floor.is_none_or(|floor| last >= floor)
    }

    /// Adds a copy of the flow, where it has a place.
    pub(in crate::pipeline) fn add(
        &mut self,
        record: &FlowRecord,
        verdict: &Verdict,
        processes: &FlowProcesses,
    ) {
        if self.has_place(record.last) {
            self.push(JudgedFlow {
                record: record.clone(),
                verdict: verdict.clone(),
                processes: processes.clone(),
                files: None,
            });
        }
    }

    /// Adds the flow. Up to twice the limit is kept, so that the oldest are removed only now and
    /// then.
    pub(in crate::pipeline) fn push(&mut self, flow: JudgedFlow) {
        self.flows.push(flow);
        if self.flows.len() >= 2 * self.limit {
            self.trim();
        }
    }

    /// The flows that are kept, in no order.
    pub(in crate::pipeline) fn iter(&self) -> impl Iterator<Item = &JudgedFlow> {
        self.flows.iter()
    }

    /// The most recent flows, the latest first.
    pub(in crate::pipeline) fn into_flows(mut self) -> Vec<JudgedFlow> {
        self.trim();
        // The first frame decides among equals: the order must not depend on the worker.
        self.flows
            .sort_by_key(|flow| std::cmp::Reverse((flow.record.last, flow.record.first_frame)));
        self.flows
    }

    fn trim(&mut self) {
        if self.flows.len() > self.limit && self.limit > 0 {
            let at = self.limit - 1;
            self.flows.select_nth_unstable_by_key(at, |flow| {
                std::cmp::Reverse((flow.record.last, flow.record.first_frame))
            });
            self.flows.truncate(self.limit);
            self.floor = self.flows.last().map(|flow| flow.record.last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_stay_whatever_the_order_and_memory_is_bounded() {
        let flow = |n: u64| {
            let (record, verdict) = crate::pipeline::tests::silent_flow(n);
            JudgedFlow { record, verdict, processes: FlowProcesses::default(), files: None }
        };
        let latest = |order: &mut dyn Iterator<Item = u64>| {
            let mut recent = RecentFlows::new(5);
            for n in order {
                if recent.has_place(Time(n as i64)) {
                    recent.push(flow(n));
                }
                assert!(recent.iter().count() < 10);
            }
            recent.into_flows().iter().map(|flow| flow.record.first_frame).collect::<Vec<_>>()
        };
        let expected = [99, 98, 97, 96, 95];
        assert_eq!(latest(&mut (0..100)), expected);
        assert_eq!(latest(&mut (0..100).rev()), expected);
        assert_eq!(latest(&mut (0..100).map(|n| n * 37 % 100)), expected);
        assert!(!RecentFlows::new(0).has_place(Time(1)));
    }
}
