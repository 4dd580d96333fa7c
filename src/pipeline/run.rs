//! The result of a capture.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CaptureCounters, FlowSelector, SavedState};
use crate::catalogue::Catalogue;
use crate::classify::Verdict;
use crate::flow::FlowRecord;
use crate::process::FlowProcesses;
use crate::sentence::plural;
use crate::source::{Drops, FrameFiles};
use crate::stats::Stats;

/// The result of a capture. Borrows nothing: it may outlive whatever loaded its catalogue.
#[non_exhaustive]
pub struct Run {
    /// The catalogue that was in use at the end.
    pub catalogue: Arc<Catalogue>,
    /// Where every frame went.
    pub counters: CaptureCounters,
    /// Names of the interfaces, in the order of [`CaptureCounters::interfaces`].
    pub interfaces: Vec<String>,
    /// The sensors, whose numbers from 1 servers have; none where there is only one.
    pub sensors: Vec<String>,
    /// Where frames are, if they come from several files.
    pub files: Option<FrameFiles>,
    /// Frames lost before they could be read.
    pub drops: Drops,
    /// What was wrong with the input, a line each; empty where all of it was read.
    pub problems: Vec<String>,
    /// What is worth knowing about the input although all of it was read, a line each.
    pub notices: Vec<String>,
    /// Flows that were evicted because a table was full.
    pub evicted: u64,
    /// The flows that were selected to count; `None` where all of them count.
    pub selected: Option<SelectedFlows>,
    /// The statistics of all flows that count.
    pub stats: Stats,
    /// Every flow that counts, ordered by its first frame, where flows are kept.
    pub flows: Vec<JudgedFlow>,
    /// The state at the end, before flows that are open were ended, where it is
    /// [saved](super::Options::saves) and nothing failed.
    pub saved: Option<Box<SavedState>>,
}

/// The flows that were selected to count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedFlows {
    /// The expression that selected them; untrusted.
    pub expression: String,
    /// Flows that count.
    pub selected: u64,
    /// All flows.
    pub seen: u64,
}

/// How many flows were selected to count, and of how many.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct SelectionCounts {
    selected: u64,
    seen: u64,
}

impl SelectionCounts {
    /// Counts a flow; returns whether it is selected.
    pub(super) const fn count(&mut self, is_selected: bool) -> bool {
        self.seen += 1;
        self.selected += is_selected as u64;
        is_selected
    }
}

impl SelectedFlows {
    /// No flows yet.
    pub(super) fn new(selector: FlowSelector<'_>) -> Self {
        Self { expression: selector.expression.to_owned(), selected: 0, seen: 0 }
    }

    /// Adds the flows of another sensor.
    pub(super) const fn merge(&mut self, other: &Self) {
        self.selected += other.selected;
        self.seen += other.seen;
    }

    /// Adds other flows, where some are selected.
    pub(super) const fn add_to(all: &mut Option<Self>, counts: Option<SelectionCounts>) {
        if let (Some(all), Some(counts)) = (all, counts) {
            all.selected += counts.selected;
            all.seen += counts.seen;
        }
    }
}

impl Run {
    /// The name of a sensor by its number; `None` where there is only one. Untrusted.
    #[must_use]
    pub fn sensor(&self, number: u16) -> Option<&str> {
        self.sensors.get(usize::from(number).checked_sub(1)?).map(String::as_str)
    }

    /// Adds a notice where the capture cut payload of `flows` flows.
    pub(super) fn notice_cut_payload(&mut self, flows: u64) {
        // Without a frame that was cut, it was the sender that promised more than came.
        let Some(snap_len) = self.counters.snap_len().filter(|_| flows > 0) else { return };
        let connections = plural(flows, "connection");
        self.notices.push(format!(
            "the snap length ({snap_len} bytes) cut off the payload in {connections}, which may \
             hide protocols; capture with tcpdump -s 0 or portlore live -s 262144"
        ));
    }

    /// Completes the statistics of all flows: keeps sizes and times of at most `ports` ports, folds
    /// what spoke at servers, and adds notices of what a limit left out.
    pub(super) fn complete(&mut self, ports: usize) {
        self.stats.limit_examples();
        self.stats.fold();
        let beyond = self.stats.servers.flows_beyond_limit();
        if beyond > 0 {
            self.notices.push(format!(
                "{} to servers beyond the limit are counted only by port and service; raise it \
                 with --max-servers",
                plural(beyond, "connection")
            ));
        }
        if self.stats.servers.lacks_anomalies() {
            self.notices.push(
                "some findings are missing: more servers had findings than are kept; raise the \
                 limit with --max-servers"
                    .into(),
            );
        }
        if self.stats.dns_parents.has_overflowed() {
            self.notices.push(
                "only 4,096 domains with long random names are kept; tunnels under other domains \
                 are not found"
                    .into(),
            );
        }
        let without = self.stats.limit(ports);
        if without > 0 {
            self.notices.push(format!(
                "sizes and times are kept for at most {ports} busy ports, lowest numbers first; {} \
                 without (--histogram-ports)",
                if without == 1 { "1 port is".to_owned() } else { format!("{without} ports are") }
            ));
        }
    }
}

/// A finished flow and its verdict, borrowed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FlowView<'f> {
    /// The flow.
    pub record: &'f FlowRecord,
    /// What spoke in it.
    pub verdict: &'f Verdict,
    /// The processes behind its ends.
    pub processes: &'f FlowProcesses,
    /// Where its frames are, if the capture has several files.
    pub files: Option<&'f FrameFiles>,
}

impl JudgedFlow {
    /// The flow, borrowed.
    #[must_use]
    pub const fn view(&self) -> FlowView<'_> {
        let Self { record, verdict, processes, files } = self;
        FlowView { record, verdict, processes, files: files.as_ref() }
    }

    /// The flow behind so many frames of other sensors, with where frames are.
    #[must_use]
    pub fn behind(mut self, frames: u64, files: FrameFiles) -> Self {
        self.record.move_frames(frames);
        self.verdict.move_frames(frames);
        Self { files: Some(files), ..self }
    }
}

/// A finished flow and its verdict.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JudgedFlow {
    /// The flow.
    pub record: FlowRecord,
    /// What spoke in it.
    pub verdict: Verdict,
    /// The processes behind its ends, where these are sockets of this machine and processes are
    /// looked up.
    pub processes: FlowProcesses,
    /// Where its frames are, if the capture has several files.
    pub files: Option<FrameFiles>,
}
