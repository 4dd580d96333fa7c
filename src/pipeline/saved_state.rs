//! The state of a run between two parts of one capture: what is counted, and what is open.
//!
//! What is counted merges exactly, so a run that goes on counts from zero and adds at its end. What
//! is open does not merge: the next run begins with it. Each of the sixteen shards is written by the
//! worker that has it, and read by the one that has it then; the capture thread has the rest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::worker::SavedWorker;
use super::{CaptureCounters, Options, Run, SelectedFlows};
use crate::catalogue::Catalogue;
use crate::saved::{self, BadState, MOST, check};
use crate::source::{Drops, Source};
use crate::stats::Stats;
use crate::{Error, ErrorKind};

/// The state of a run.
#[derive(Debug, Clone)]
pub struct SavedState {
    /// What merges.
    pub(crate) counts: SavedCounts,
    /// What goes on.
    pub(crate) open: OpenState,
}

/// What is counted of a part of a capture: flows that have ended, and all frames.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedCounts {
    pub(crate) counters: CaptureCounters,
    /// Names of interfaces by number.
    pub(crate) interfaces: Vec<String>,
    /// The sensors, by number from 1; none where there is only one.
    #[serde(skip)]
    pub(crate) sensors: Vec<String>,
    pub(crate) drops: Drops,
    /// What was wrong with the files, a line each.
    pub(crate) problems: Vec<String>,
    /// Where the filter could not be applied, a line each.
    pub(crate) unfiltered: Vec<String>,
    /// What is notable of the files, a line each.
    pub(crate) notices: Vec<String>,
    pub(crate) evicted: u64,
    /// Flows of whose payload the capture cut some.
    pub(crate) cut: u64,
    pub(crate) selected: Option<SelectedFlows>,
    pub(crate) stats: Stats,
}

/// What is open at the end of a part of a capture.
#[derive(Debug, Clone)]
pub struct OpenState {
    /// Fragments that wait, and tenants.
    pub(crate) capture: Vec<u8>,
    /// The tables, by shard.
    pub(crate) shards: Vec<Vec<u8>>,
}

impl SavedCounts {
    /// The counts with which the workers' are summed up: those of the state with which the run began,
    /// and what the capture thread has.
    pub(super) fn new(
        options: &Options<'_>,
        counters: CaptureCounters,
        source: &mut dyn Source,
    ) -> Self {
        let base = options.resume.map(|state| &state.counts);
        let before = base.map_or(&[][..], |base| &base.interfaces);
        let name = |number: usize| {
            before.get(number).cloned().unwrap_or_else(|| source.interface(number as u32))
        };
        let interfaces = (0..counters.interface_count()).map(name).collect();
        let mut counts = base.cloned().unwrap_or_else(|| {
            let stats = Stats::with_max_servers(options.limits.max_servers);
            Self::none(stats, options.hooks.selector.map(SelectedFlows::new))
        });
        let drops = source.drops();
        counts.drops.kernel = counts.drops.kernel.saturating_add(drops.kernel);
        counts.drops.interface = counts.drops.interface.saturating_add(drops.interface);
        counts.problems.extend(source.problems());
        counts.notices.extend(source.notices());
        Self { counters, interfaces, ..counts }
    }

    /// Adds where the filter could not be applied; once, as files have few link types.
    pub(super) fn add_unfiltered(&mut self, lines: impl Iterator<Item = String>) {
        for line in lines {
            if !self.unfiltered.contains(&line) {
                self.unfiltered.push(line);
            }
        }
    }

    /// Adds what a worker counted; returns its shards.
    pub(super) fn add(&mut self, worker: SavedWorker) -> Vec<(usize, Vec<u8>)> {
        let SavedWorker { stats, cut, evicted, selected, shards } = worker;
        self.add_flows(stats, (cut, evicted), selected);
        shards
    }

    /// What was not decoded, a line for each link type and reason.
    pub(super) fn undecoded(&self) -> Vec<String> {
        self.counters
            .problems(|number| self.interfaces.get(number as usize).cloned().unwrap_or_default())
    }

    /// The result of the run, without flows. `failures` and what was not decoded are problems, too.
    pub(super) fn into_run(
        self,
        catalogue: Arc<Catalogue>,
        (failures, undecoded): (Vec<String>, Vec<String>),
    ) -> Run {
        let Self { counters, interfaces, sensors, drops, mut problems, .. } = self;
        let Self { unfiltered, notices, evicted, selected, stats, .. } = self;
        problems.extend(failures.into_iter().chain(unfiltered).chain(undecoded));
        let name = |number: u32| interfaces.get(number as usize).cloned().unwrap_or_default();
        let interfaces = counters.interfaces().map(|interface| name(interface.number)).collect();
        Run {
            catalogue,
            interfaces,
            sensors,
            files: None,
            counters,
            drops,
            problems,
            notices,
            evicted,
            selected,
            stats,
            flows: Vec::new(),
            saved: None,
        }
    }

    /// The bytes of the counts.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        saved::to_bytes(self)
    }

    /// Reads counts, in which services of `catalogue` are named.
    ///
    /// # Errors
    /// The bytes are no counts, or not such that they can be added.
    pub(crate) fn from_bytes(bytes: &[u8], catalogue: &Arc<Catalogue>) -> Result<Self, BadState> {
        let counts: Self = catalogue.read_state(|| saved::from_bytes(bytes))?;
        counts.counters.check()?;
        counts.stats.check()?;
        let selected = counts.selected.iter().flat_map(|flows| [flows.selected, flows.seen]);
        let drops = [counts.drops.kernel, counts.drops.interface];
        let numbers = [counts.evicted, counts.cut].into_iter().chain(selected).chain(drops);
        check(numbers.into_iter().all(|number| number <= MOST), "a number is too large")?;
        Ok(counts)
    }
}

impl SavedState {
    pub(super) fn new(
        mut counts: SavedCounts,
        capture: Vec<u8>,
        mut shards: Vec<(usize, Vec<u8>)>,
    ) -> Self {
        counts.stats.servers = std::mem::take(&mut counts.stats.servers).in_order();
        shards.sort_by_key(|(shard, _)| *shard);
        let shards = shards.into_iter().map(|(_, bytes)| bytes).collect();
        Self { counts, open: OpenState { capture, shards } }
    }

    /// The state that was read.
    pub(crate) const fn from_parts(
        counts: SavedCounts,
        capture: Vec<u8>,
        shards: Vec<Vec<u8>>,
    ) -> Self {
        Self { counts, open: OpenState { capture, shards } }
    }

    /// The number of frames so far.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.counts.counters.frames
    }

    /// The names of the interfaces so far, by number.
    #[must_use]
    pub fn interfaces(&self) -> &[String] {
        &self.counts.interfaces
    }
}

/// The error of a run that continues from state which cannot be.
pub(super) fn damaged(BadState(reason): BadState) -> Error {
    Error::new(ErrorKind::Input, format!("contains state that cannot be: {reason}"))
        .with_remedy("read the captures again")
}
