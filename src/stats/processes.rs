//! The processes of a port: those behind it, and those on this machine that called it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::evidence::Direction;
use crate::process::{Attribution, FlowProcesses, Holder};

/// Processes that are counted one by one, on each side of a port: the lowest, so that their order does
/// not matter. One that has left has so many before it, and these stay.
const PROCESSES: usize = 32;

/// The processes of a port, by side.
#[derive(Debug, Clone, Default)]
pub struct PortProcesses {
    /// The processes behind the port itself.
    pub responders: ProcessFlows,
    /// The processes of this machine that called it.
    pub initiators: ProcessFlows,
}

/// The flows of one side of a port, by process. A flow whose socket has several holders counts for
/// each of them.
#[derive(Debug, Clone, Default)]
pub struct ProcessFlows {
    /// Flows of the first 32 processes, by name and id.
    pub by_process: BTreeMap<Arc<Holder>, u64>,
    /// Flows of sockets of this machine whose process is not known.
    pub unknown: u64,
    /// Whether the socket of some flow had several holders.
    pub shared: bool,
    /// Whether only an earlier process is known of some flow.
    pub past: bool,
    /// Whether there were more processes than are counted one by one.
    pub more: bool,
}

impl PortProcesses {
    pub(super) fn add(&mut self, sides: &FlowProcesses) {
        for (flows, direction) in [
            (&mut self.responders, Direction::Responder),
            (&mut self.initiators, Direction::Initiator),
        ] {
            match sides.get(direction) {
                None => {}
                Some(Attribution::Unknown(_)) => flows.unknown += 1,
                Some(known @ Attribution::Known(holders, _)) => {
                    flows.shared |= holders.len() > 1;
                    flows.past |= known.is_past();
                    holders.iter().for_each(|holder| flows.count(holder, 1));
                }
            }
        }
    }

    /// Whether no flow of the port had a socket on this machine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.responders, &self.initiators]
            .into_iter()
            .all(|flows| flows.by_process.is_empty() && flows.unknown == 0)
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (mine, theirs) in
            [(&mut self.responders, other.responders), (&mut self.initiators, other.initiators)]
        {
            mine.unknown += theirs.unknown;
            mine.shared |= theirs.shared;
            mine.past |= theirs.past;
            mine.more |= theirs.more;
            theirs.by_process.iter().for_each(|(holder, flows)| mine.count(holder, *flows));
        }
    }
}

impl ProcessFlows {
    /// The caveats behind the names of the processes: they share a socket, or some may be gone.
    #[must_use]
    pub const fn caveats(&self) -> &'static str {
        match (self.shared, self.past) {
            (false, false) => "",
            (true, false) => " (shared)",
            (false, true) => " (may have exited)",
            (true, true) => " (shared, may have exited)",
        }
    }

    fn count(&mut self, holder: &Arc<Holder>, flows: u64) {
        if let Some(count) = self.by_process.get_mut(holder) {
            *count += flows;
            return;
        }
        self.by_process.insert(Arc::clone(holder), flows);
        if self.by_process.len() > PROCESSES {
            self.by_process.pop_last();
            self.more = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_processes_are_counted_in_any_order_and_any_parts() {
        let holder = |pid: i32| {
            let (name, user) = ("node".to_owned(), "user".to_owned());
            Arc::new(Holder { name, pid, command: String::new(), user, container: None })
        };
        let counted = |pids: &mut dyn Iterator<Item = i32>| {
            let mut flows = ProcessFlows::default();
            pids.for_each(|pid| flows.count(&holder(pid), pid as u64));
            flows
        };
        let shown = |flows: &ProcessFlows| {
            let by_process = flows.by_process.iter().map(|(holder, n)| (holder.pid, *n));
            (by_process.collect::<Vec<_>>(), flows.more)
        };
        let up = counted(&mut (0..100).chain(0..100));
        let down = counted(&mut (0..100).rev().chain((0..100).rev()));
        assert_eq!(shown(&up), shown(&down));
        assert_eq!(up.by_process.len(), PROCESSES);
        let [mut even, odd] = [0, 1].map(|n| PortProcesses {
            responders: counted(&mut (n..100).step_by(2).chain((n..100).step_by(2))),
            ..PortProcesses::default()
        });
        even.merge(odd);
        assert_eq!(shown(&even.responders), shown(&up));
    }
}
