//! The most recent of many flows, for those who watch.

use super::JudgedFlow;
use crate::classify::Verdict;
use crate::flow::FlowRecord;
use crate::process::Sides;
use crate::time::Time;

/// At most `limit` flows, those whose last frame is the latest.
pub(in crate::pipeline) struct Recent<'c> {
    limit: usize,
    flows: Vec<JudgedFlow<'c>>,
    /// Flows that were silent for longer have no place any more.
    floor: Option<Time>,
}

impl<'c> Recent<'c> {
    pub(in crate::pipeline) const fn new(limit: usize) -> Self {
        Self { limit, flows: Vec::new(), floor: None }
    }

    /// Whether a flow with this last frame would be among them.
    pub(in crate::pipeline) fn has_place(&self, last: Time) -> bool {
        self.limit > 0 && self.floor.is_none_or(|floor| last >= floor)
    }

    /// Takes a copy of the flow, where it has a place.
    pub(in crate::pipeline) fn show(
        &mut self,
        record: &FlowRecord,
        verdict: &Verdict<'c>,
        processes: &Sides,
    ) {
        if self.has_place(record.last) {
            self.push(JudgedFlow {
                record: record.clone(),
                verdict: verdict.clone(),
                processes: processes.clone(),
            });
        }
    }

    /// Takes the flow. Memory is that of twice the limit, so that the rest is thrown out only now
    /// and then.
    pub(in crate::pipeline) fn push(&mut self, flow: JudgedFlow<'c>) {
        self.flows.push(flow);
        if self.flows.len() >= 2 * self.limit {
            self.trim();
        }
    }

    /// Those that there are.
    pub(in crate::pipeline) fn iter(&self) -> impl Iterator<Item = &JudgedFlow<'c>> {
        self.flows.iter()
    }

    /// The most recent, the latest first.
    pub(in crate::pipeline) fn into_flows(mut self) -> Vec<JudgedFlow<'c>> {
        self.trim();
        // The frame decides among equals: the order must not depend on who saw the flow.
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
            JudgedFlow { record, verdict, processes: Sides::default() }
        };
        let latest = |order: &mut dyn Iterator<Item = u64>| {
            let mut recent = Recent::new(5);
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
        assert!(!Recent::new(0).has_place(Time(1)));
    }
}
