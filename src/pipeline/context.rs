//! What all workers of a run share.

use std::sync::Mutex;

use super::{FlowSelector, Options};
use crate::flow::{SHARDS, TableLimits};
use crate::process::ProcessCache;
use crate::source::FrameFiles;
use crate::stats::{IpNetwork, LocalNetworks, Servers, Stats};

/// The settings of a run, as the workers need them.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(super) struct WorkerContext<'p> {
    /// Number of workers.
    pub(super) workers: usize,
    /// Limits of each table.
    pub(super) limits: TableLimits,
    pub(super) live: bool,
    pub(super) keep_flows: bool,
    /// The run is a part of a longer one, for which the verdicts of live flows are kept.
    pub(super) is_part: bool,
    /// Keep the reasons of their verdicts.
    pub(super) keep_reasons: bool,
    /// Keep what detectors stated of each of these flows.
    pub(super) keep_facts: bool,
    /// The facts whose first values are kept of each of these flows.
    pub(super) first_values: &'p [&'static str],
    /// Keep examples of what spoke, and time lines.
    pub(super) examples: bool,
    /// Ports whose sizes and times are kept where they have many different ones.
    pub(super) histogram_ports: usize,
    /// Servers that are kept.
    pub(super) max_servers: usize,
    /// Networks that count as local.
    pub(super) local_networks: &'p [IpNetwork],
    /// Keep names of addresses and servers.
    pub(super) names: bool,
    /// Where workers with many servers merge them; `None` where each keeps its own until the end or
    /// the next snapshot.
    pub(super) shared_servers: Option<&'p Mutex<Servers>>,
    /// Flows that ended last, to be kept for snapshots.
    pub(super) recent_flows: usize,
    /// Resolves sockets to processes.
    pub(super) process_cache: Option<&'p ProcessCache>,
    /// Selects the flows that count; `None` where all do.
    pub(super) selector: Option<FlowSelector<'p>>,
    /// Where frames are, if they come from several files.
    pub(super) frame_files: Option<&'p FrameFiles>,
    /// Gets each flow that ends.
    #[cfg(test)]
    pub(super) on_close: Option<&'p (dyn Fn(&crate::flow::FlowRecord) + Sync)>,
}

impl<'p> WorkerContext<'p> {
    /// The settings of a run with these options. `recent_flows` are shown in snapshots.
    pub(super) fn new(
        options: &Options<'p>,
        shared_servers: Option<&'p Mutex<Servers>>,
        recent_flows: usize,
        frame_files: Option<&'p FrameFiles>,
    ) -> Self {
        let Options { limits, hooks, .. } = options;
        Self {
            workers: limits.workers.clamp(1, SHARDS),
            limits: TableLimits {
                flows: (limits.max_flows / SHARDS).max(1),
                opening_bytes: limits.opening_bytes / SHARDS,
            },
            live: options.live,
            keep_flows: options.keep_flows,
            is_part: options.saves || options.resume.is_some(),
            keep_facts: options.keep_facts,
            first_values: options.first_values,
            keep_reasons: options.keep_reasons,
            examples: options.examples,
            histogram_ports: limits.histogram_ports,
            max_servers: limits.max_servers,
            local_networks: options.local_networks,
            names: options.names,
            shared_servers,
            recent_flows,
            process_cache: hooks.processes,
            selector: hooks.selector,
            frame_files,
            #[cfg(test)]
            on_close: hooks.on_close,
        }
    }

    /// The networks that count as local.
    pub(super) fn local_networks(&self) -> LocalNetworks {
        self.local_networks.iter().copied().collect()
    }

    /// Empty statistics within the limits of the run.
    pub(super) fn stats(&self) -> Stats {
        let stats = Stats::with_max_servers(self.max_servers);
        let servers = stats.servers.with_local_networks(self.local_networks());
        let servers = servers.with_names(self.names);
        Stats { servers, ..Stats::default() }
    }
}
