//! What was captured, before it is completed: a whole capture, or that of one sensor of several.
//!
//! Sensors are independent: each has its own connections, and the same address at two of them is of two
//! hosts. Their figures add up exactly. Frames count on from one sensor to the next.

use std::sync::Arc;

use super::counters::CaptureCounters;
use super::run::SelectionCounts;
use super::worker::WorkerResult;
use super::{JudgedFlow, ResourceLimits, Run, SavedCounts, SavedState, SelectedFlows};
use crate::catalogue::Catalogue;
use crate::source::{Drops, FrameFiles};
use crate::stats::{SensorPlace, Stats};

/// What was captured.
pub struct CapturePart {
    pub(super) counts: SavedCounts,
    /// What failed, a line each.
    pub(super) failures: Vec<String>,
    /// Every flow that counts, ordered by its first frame, where flows are kept.
    pub(super) flows: Vec<JudgedFlow>,
    /// The state at the end, where it is saved and nothing failed.
    pub(super) saved: Option<Box<SavedState>>,
    /// The catalogue that was in use at the end.
    pub(super) catalogue: Arc<Catalogue>,
    /// Where frames are, if there are several files.
    pub(super) files: Option<FrameFiles>,
}

impl CapturePart {
    /// Nothing yet: sensors are to be added, whose frames are where `files` says.
    #[must_use]
    pub fn of_sensors(
        catalogue: Arc<Catalogue>,
        limits: ResourceLimits,
        files: FrameFiles,
    ) -> Self {
        let stats = Stats::with_max_servers(limits.max_servers);
        let none = Self::of_counts(SavedCounts::none(stats, None), catalogue);
        Self { files: Some(files), ..none }
    }

    /// What is counted, in the order in which it is written.
    pub(crate) fn counts(&mut self) -> &SavedCounts {
        let servers = std::mem::take(&mut self.counts.stats.servers);
        self.counts.stats.servers = servers.in_order();
        &self.counts
    }

    /// A part of which only this is known.
    #[must_use]
    pub fn of_counts(counts: SavedCounts, catalogue: Arc<Catalogue>) -> Self {
        Self {
            counts,
            failures: Vec::new(),
            flows: Vec::new(),
            saved: None,
            catalogue,
            files: None,
        }
    }

    /// Frames so far.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.counts.counters.frames
    }

    /// Adds what one sensor captured, the sensors in the order of their names. Its frames have numbers
    /// from 1.
    pub fn add_sensor(&mut self, name: String, other: Self) {
        let frames = self.frames();
        let Self { mut counts, failures, flows, .. } = other;
        // What they say of frames is about one sensor.
        counts.notices.iter_mut().for_each(|notice| notice.insert_str(0, &format!("{name}: ")));
        self.counts.sensors.push(name);
        let sensor = u16::try_from(self.counts.sensors.len()).unwrap_or(u16::MAX);
        counts.stats = counts.stats.at(SensorPlace { sensor, frames });
        self.counts.merge(counts, frames);
        self.failures.extend(failures);
        let files = self.files.clone().unwrap_or_default();
        self.flows.extend(flows.into_iter().map(|flow| flow.behind(frames, files.clone())));
    }

    /// The result, with sizes and times of at most so many ports.
    #[must_use]
    pub fn into_run(self, histogram_ports: usize) -> Run {
        let Self { counts, failures, flows, saved, catalogue, files } = self;
        let (cut, undecoded) = (counts.cut, counts.undecoded());
        let mut run = counts.into_run(catalogue, (failures, undecoded));
        (run.flows, run.saved, run.files) = (flows, saved, files);
        run.notice_cut_payload(cut);
        run.complete(histogram_ports);
        run
    }
}

impl SavedCounts {
    /// No frames and no flows.
    pub(super) fn none(stats: Stats, selected: Option<SelectedFlows>) -> Self {
        Self {
            counters: CaptureCounters::default(),
            interfaces: Vec::new(),
            sensors: Vec::new(),
            drops: Drops::default(),
            problems: Vec::new(),
            unfiltered: Vec::new(),
            notices: Vec::new(),
            evicted: 0,
            cut: 0,
            selected,
            stats,
        }
    }

    /// Adds what a worker counted of the flows that it ended; returns those that it kept.
    pub(super) fn end(&mut self, worker: WorkerResult) -> Vec<JudgedFlow> {
        let WorkerResult { stats, flows, evicted, cut, selected, .. } = worker;
        self.add_flows(stats, (cut, evicted), selected);
        flows
    }

    /// Adds flows that have ended: their statistics, how many of them were cut and evicted, and how
    /// many were selected.
    pub(super) fn add_flows(
        &mut self,
        stats: Stats,
        (cut, evicted): (u64, u64),
        selected: Option<SelectionCounts>,
    ) {
        self.stats.merge(stats);
        self.cut += cut;
        self.evicted += evicted;
        SelectedFlows::add_to(&mut self.selected, selected);
    }

    /// Adds the counts of another sensor, before whose frames there are `frames` others.
    fn merge(&mut self, other: Self, frames: u64) {
        self.counters.merge(other.counters, (self.interfaces.len(), frames));
        self.interfaces.extend(other.interfaces);
        self.drops.kernel = self.drops.kernel.saturating_add(other.drops.kernel);
        self.drops.interface = self.drops.interface.saturating_add(other.drops.interface);
        self.problems.extend(other.problems);
        self.add_unfiltered(other.unfiltered.into_iter());
        self.notices.extend(other.notices);
        self.evicted += other.evicted;
        self.cut += other.cut;
        match (&mut self.selected, other.selected) {
            (Some(all), Some(more)) => all.merge(&more),
            (all, more) => *all = all.take().or(more),
        }
        self.stats.merge(other.stats);
    }
}
