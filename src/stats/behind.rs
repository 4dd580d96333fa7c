//! Which processes were behind a port.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::evidence::Direction;
use crate::process::{Attribution, FlowProcesses, Holder};

/// Processes of one side of a port that are told apart.
const SOME: usize = 32;

/// Flows by the process behind them; a flow whose socket several share counts for each of them.
#[derive(Debug, Clone, Default)]
pub struct Behind {
    /// Behind the port itself.
    pub responders: Flows,
    /// On this machine, calling it.
    pub initiators: Flows,
}

/// Flows of one side by process.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    /// A few processes, by name and id.
    pub by: BTreeMap<Arc<Holder>, u64>,
    /// Flows of sockets of this machine whose process is not known.
    pub unknown: u64,
    /// The socket of some flow had several holders.
    pub shared: bool,
    /// Of some flow it is only known who was behind it before.
    pub past: bool,
    /// There were more processes than are told apart.
    pub more: bool,
}

impl Behind {
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

    /// Whether no socket of this machine had a part in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.responders, &self.initiators]
            .into_iter()
            .all(|flows| flows.by.is_empty() && flows.unknown == 0)
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (mine, theirs) in
            [(&mut self.responders, other.responders), (&mut self.initiators, other.initiators)]
        {
            mine.unknown += theirs.unknown;
            mine.shared |= theirs.shared;
            mine.past |= theirs.past;
            mine.more |= theirs.more;
            theirs.by.iter().for_each(|(holder, flows)| mine.count(holder, *flows));
        }
    }
}

impl Flows {
    /// What is to be said behind its processes: that they share a socket, or that some may be no
    /// more.
    #[must_use]
    pub const fn doubts(&self) -> &'static str {
        match (self.shared, self.past) {
            (false, false) => "",
            (true, false) => " (shared)",
            (false, true) => " (may be past)",
            (true, true) => " (shared, may be past)",
        }
    }

    fn count(&mut self, holder: &Arc<Holder>, flows: u64) {
        if let Some(count) = self.by.get_mut(holder) {
            *count += flows;
        } else if self.by.len() < SOME {
            self.by.insert(Arc::clone(holder), flows);
        } else {
            self.more = true;
        }
    }
}
