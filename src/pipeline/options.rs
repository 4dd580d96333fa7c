//! What a run may use, when it ends, and who takes part in it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::{CaptureCounters, FlowView, JudgedFlow, SavedState};
use crate::catalogue::Catalogue;
use crate::decode::TenantParts;
#[cfg(test)]
use crate::flow::FlowRecord;
use crate::process::ProcessCache;
use crate::source::{Drops, TimeWindow};
use crate::stats::{IpNetwork, Servers};

/// How to run a capture.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Options<'a> {
    /// Never wait for a worker: drop batches and count them.
    pub live: bool,
    /// Decode what tunnels carry, instead of the outer packets.
    pub tunnels: bool,
    /// What of its tenant belongs to the key of a flow: flows with the same addresses in different
    /// tenants are then different.
    pub key: TenantParts,
    /// Keep every flow for [`Run::flows`](super::Run::flows); memory grows with them.
    pub keep_flows: bool,
    /// Networks that count as local, beside each server's own /24 or /64.
    pub local_networks: &'a [IpNetwork],
    /// Keep the names that answers of DNS and its kin give to addresses, and by which clients called
    /// servers.
    pub names: bool,
    /// Keep an example of each kind of speaker on a port, with the reasons of its verdict, and when
    /// the flows of each service began and ended.
    pub examples: bool,
    /// Keep the reasons of verdicts, for flows that are kept, shown in snapshots or passed to a hook.
    pub keep_reasons: bool,
    /// Keep what detectors stated of these flows.
    pub keep_facts: bool,
    /// The facts whose first values are kept of these flows, for columns.
    pub first_values: &'a [&'static str],
    /// Decode only frames of this part of the capture.
    pub window: TimeWindow,
    /// The state with which to begin: these frames follow those of it.
    pub resume: Option<&'a SavedState>,
    /// Keep the state at the end, for [`Run::saved`](super::Run::saved).
    pub saves: bool,
    /// Threads and memory.
    pub limits: ResourceLimits,
    /// When to end before the source does.
    pub until: StopConditions<'a>,
    /// Who takes part in the run.
    pub hooks: Hooks<'a>,
}

impl Options<'_> {
    /// A replay to the end of the source by one worker, with the default limits and without hooks.
    #[must_use]
    pub const fn replay() -> Self {
        Self {
            live: false,
            tunnels: true,
            key: TenantParts::NONE,
            keep_flows: false,
            local_networks: &[],
            names: true,
            examples: false,
            keep_reasons: true,
            keep_facts: false,
            first_values: &[],
            window: TimeWindow { since: None, until: None },
            resume: None,
            saves: false,
            limits: ResourceLimits::DEFAULT,
            until: StopConditions { frames: None, span: None, stop: None },
            hooks: Hooks {
                processes: None,
                on_flow: None,
                selector: None,
                counters: None,
                catalogues: None,
                #[cfg(test)]
                on_close: None,
            },
        }
    }
}

/// What a run may use. The limits of memory hold for all workers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceLimits {
    /// Worker threads, 1 to [`SHARDS`](crate::flow::SHARDS).
    pub workers: usize,
    /// Live flows; the longest idle ones are evicted.
    pub max_flows: usize,
    /// Bytes of openings; where there are more, flows are classified by fewer bytes.
    pub opening_bytes: usize,
    /// Ports whose sizes and times are kept where they have many different ones, those with the
    /// lowest numbers.
    pub histogram_ports: usize,
    /// Servers that are kept: loopback, link-local and private addresses first, all others by a
    /// fixed hash of address, port and transport.
    pub max_servers: usize,
}

impl ResourceLimits {
    /// The default limits, which the command line has as well.
    pub const DEFAULT: Self = Self {
        workers: 1,
        max_flows: 4 << 20,
        opening_bytes: 64 << 20,
        histogram_ports: 4096,
        max_servers: Servers::DEFAULT_LIMIT,
    };
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// When a run ends before its source does: as soon as one of these holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct StopConditions<'a> {
    /// So many frames were selected, by the filter and the time window.
    pub frames: Option<u64>,
    /// So much time has passed by the host's clock.
    pub span: Option<Duration>,
    /// This flag is set.
    pub stop: Option<&'a AtomicBool>,
}

/// Who takes part in a run.
#[derive(Clone, Copy, Default)]
pub struct Hooks<'a> {
    /// Resolves the sockets of this machine to processes. `None` for captures of another time or
    /// machine.
    pub processes: Option<&'a ProcessCache>,
    /// Gets each flow that has ended, on a thread of its own, in the order of the frames with which
    /// they ended; those that are open at the end follow, by shard. The order does not depend on the
    /// number of workers. While this takes long, workers wait for it.
    pub on_flow: Option<&'a (dyn Fn(&JudgedFlow) + Sync)>,
    /// Selects the flows that count.
    pub selector: Option<FlowSelector<'a>>,
    /// Reports the counters so far on request.
    pub counters: Option<CountersHook<'a>>,
    /// Brings newer catalogues. Flows that are classified from then on use the newest one.
    pub catalogues: Option<&'a Receiver<Arc<Catalogue>>>,
    /// Gets each flow that ends, on the thread of its worker: for tests in which that panics.
    #[cfg(test)]
    pub(crate) on_close: Option<&'a (dyn Fn(&FlowRecord) + Sync)>,
}

/// Selects the flows that count: all others are left out of statistics, flows and snapshots, as if the
/// capture did not have them.
#[derive(Clone, Copy)]
pub struct FlowSelector<'a> {
    /// What people wrote to select them, for reports.
    pub expression: &'a str,
    /// Whether a flow counts. Called on the threads of workers when the flow ends, and for snapshots
    /// while it is live.
    pub selects: &'a (dyn Fn(FlowView<'_>) -> bool + Sync),
}

/// Reports the counters of a running capture.
#[derive(Clone, Copy)]
pub struct CountersHook<'a> {
    /// Set to request a report; the capture thread clears it.
    pub is_requested: &'a AtomicBool,
    /// Gets the counters, on the capture thread.
    pub report: &'a dyn Fn(&CaptureCounters, Drops),
}
