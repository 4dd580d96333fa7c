//! Counters for Prometheus: a running capture so far, in the text format 0.0.4 and as `OpenMetrics`
//! 1.0.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>
//!
//! A counter never goes back. A flow may be counted under one service at first and be recognised as
//! another later: then it stays counted where it was, too. The number of series is bounded: the
//! first [`PORTS`] ports and [`SERVICES`] services have series of their own, and the rest share
//! one, `other`, until the capture ends.

mod exposition;
mod families;
mod figures;
mod series;

pub use exposition::ExpositionFormat;

use std::collections::BTreeMap;

use self::exposition::{Exposition, MetricKind, label};
use self::families::Rows;
use self::series::SeriesLimit;
use crate::classify::Fit;
use crate::decode::ServicePort;
use crate::evidence::ProvedBy;
use crate::findings;
use crate::flow::Outcome;
use crate::pipeline::Snapshot;
use crate::stats::{PortStats, Stats};

/// Ports that have series of their own, TCP and UDP together. Ports on which nobody answers, as in
/// a port scan, get at most half of them.
pub const PORTS: usize = 128;
/// Services, by family and protocol, that have series of their own.
pub const SERVICES: usize = 128;
/// Speakers on ports that have a series of their own, and as many processes behind ports.
pub const SPEAKERS: usize = 512;

/// A running capture so far, as counters.
pub struct Metrics {
    ports: SeriesLimit<ServicePort>,
    services: SeriesLimit<String>,
    speakers: SeriesLimit<String>,
    processes: SeriesLimit<String>,
    exposition: Exposition,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            ports: SeriesLimit::new(PORTS),
            services: SeriesLimit::new(SERVICES),
            speakers: SeriesLimit::new(SPEAKERS),
            processes: SeriesLimit::new(SPEAKERS),
            exposition: Exposition::default(),
        }
    }
}

impl Metrics {
    /// Replaces all samples with those of the capture as it stands; counters only grow.
    pub fn update(&mut self, view: &Snapshot) {
        self.exposition.begin();
        self.capture(view);
        self.findings(view);
        let ports = self.by_port(&view.run.stats);
        let services = self.by_service(&view.run.stats);
        for (what, rows) in [("port", &ports), ("service", &services)] {
            families::add(&mut self.exposition, what, rows);
        }
        let folded =
            [("port", self.ports.folded(), PORTS), ("service", self.services.folded(), SERVICES)];
        let without =
            view.run.stats.ports.values().filter(|stats| stats.distributions.is_none()).count();
        let help = "Ports without size and time histograms (--histogram-ports); series that include them have none either";
        self.exposition
            .family("portlore_ports_without_histograms", MetricKind::Gauge, help)
            .sample("", "", without as u64);
        for (what, number, limit) in folded {
            let help = format!(
                "{} counted as other, because only {limit} have their own series",
                if what == "port" { "Ports" } else { "Services" }
            );
            let mut family = self.exposition.family(
                &format!("portlore_folded_{what}s"),
                MetricKind::Gauge,
                &help,
            );
            family.sample("", "", number as u64);
        }
    }

    /// The text to be scraped.
    #[must_use]
    pub fn text(&self, format: ExpositionFormat) -> String {
        self.exposition.text(format)
    }

    /// Adds where every frame went.
    fn capture(&mut self, view: &Snapshot) {
        let (run, counters) = (&view.run, &view.run.counters);
        let build = label("version", env!("CARGO_PKG_VERSION"));
        self.exposition
            .family("portlore_build_info", MetricKind::Gauge, "Build information")
            .sample("", &build, 1);
        let totals = [
            ("portlore_frames", "Packets read", counters.frames),
            ("portlore_captured_bytes", "Bytes of these packets on the wire", counters.bytes),
            ("portlore_segments", "TCP segments and UDP datagrams classified", counters.segments),
            (
                "portlore_evicted_flows",
                "Flows evicted because the flow table was full",
                run.evicted,
            ),
        ];
        for (name, help, value) in totals {
            self.exposition.family(name, MetricKind::Counter, help).sample("_total", "", value);
        }
        let mut skipped = self.exposition.family(
            "portlore_skipped_frames",
            MetricKind::Counter,
            "Packets not analysed, by reason",
        );
        counters.skipped().for_each(|(reason, frames)| {
            skipped.sample("_total", &label("reason", reason.as_str()), frames);
        });
        let mut dropped = self.exposition.family(
            "portlore_dropped_frames",
            MetricKind::Counter,
            "Packets lost before they could be classified",
        );
        for (place, frames) in [
            ("kernel", run.drops.kernel),
            ("interface", run.drops.interface),
            ("queue", counters.queue),
        ] {
            dropped.sample("_total", &label("place", place), frames);
        }
        for (name, help, flows) in [
            ("portlore_live_flows", "Flows that have not ended", view.live_flows),
            (
                "portlore_held_flows",
                "Flows in memory, those that just ended included",
                view.held_flows,
            ),
        ] {
            self.exposition.family(name, MetricKind::Gauge, help).sample("", "", flows);
        }
    }

    /// Adds the findings by kind and severity. A gauge: what a server proves later may take one back.
    fn findings(&mut self, view: &Snapshot) {
        let mut counts: BTreeMap<[&str; 2], u64> = BTreeMap::new();
        for finding in findings::find(&view.run.stats, &view.run.catalogue) {
            *counts.entry([finding.kind.as_str(), finding.severity.as_str()]).or_default() += 1;
        }
        let help = "Findings, by kind and severity";
        let mut family = self.exposition.family("portlore_findings", MetricKind::Gauge, help);
        for (values, count) in counts {
            family.sample("", &joined_labels(["kind", "severity"], values), count);
        }
    }

    fn by_port(&mut self, stats: &Stats) -> Rows {
        let mut ports: Vec<_> = stats.ports.iter().collect();
        ports.sort_by_key(|(key, stats)| (std::cmp::Reverse(stats.all.bytes.sum()), **key));
        let mut rows = Rows::new();
        let mut named = Vec::new();
        for (&port, stats) in ports {
            let share = if is_answered(stats) { PORTS } else { PORTS / 2 };
            let own = self.ports.has_own(port, share);
            let number = if own { port.port.to_string() } else { "other".to_owned() };
            let labels =
                [label("port", &number), label("transport", port.transport.as_str())].join(",");
            if own {
                named.push((labels.clone(), stats));
            }
            rows.entry(labels).or_default().add(&stats.all, stats.distributions.as_ref());
        }
        self.speakers(&named);
        self.processes(&named);
        rows
    }

    /// Adds the flows of ports by what spoke.
    fn speakers(&mut self, ports: &[(String, &PortStats)]) {
        let mut rows: BTreeMap<String, u64> = BTreeMap::new();
        for (port, stats) in ports {
            for (key, speaking) in &stats.speakers {
                let protocol = key.protocol.map_or("unknown", crate::evidence::Protocol::as_str);
                // What was only asked for is not the service of the port.
                let service = key.service.as_deref().filter(|_| key.unanswered.is_none());
                let proofs = [ProvedBy::Initiator, ProvedBy::Responder, ProvedBy::Both];
                let unproved = speaking.flows.saturating_sub(speaking.proved_by.iter().sum());
                let by_side = proofs.map(|by| (by.as_str(), speaking.proved_by[by as usize]));
                for (by, flows) in by_side.into_iter().chain([("none", unproved)]) {
                    let values = [
                        service.unwrap_or("unknown"),
                        protocol,
                        key.confidence.as_str(),
                        key.fit.map_or("none", Fit::as_str),
                        by,
                    ];
                    let names = ["service", "protocol", "confidence", "fit", "proved_by"];
                    let labels = |values| format!("{port},{}", joined_labels(names, values));
                    if flows > 0 {
                        let own = labels(values);
                        let labels = if self.speakers.has_own(own.clone(), SPEAKERS) {
                            own
                        } else {
                            labels(["other"; 5])
                        };
                        *rows.entry(labels).or_default() += flows;
                    }
                }
            }
        }
        let help = "Flows by port and what was recognised";
        let mut family =
            self.exposition.family("portlore_port_speaking_flows", MetricKind::Counter, help);
        rows.into_iter().for_each(|(labels, flows)| family.sample("_total", &labels, flows));
    }

    /// Adds the flows of ports by the name of the local process.
    fn processes(&mut self, ports: &[(String, &PortStats)]) {
        let mut rows: BTreeMap<String, u64> = BTreeMap::new();
        for (port, stats) in ports {
            for (side, flows) in [
                ("responder", &stats.processes.responders),
                ("initiator", &stats.processes.initiators),
            ] {
                let labels = |name: &str| {
                    [port.clone(), label("side", side), label("process", name)].join(",")
                };
                for (holder, count) in &flows.by_process {
                    let own = labels(&holder.name);
                    let labels = if self.processes.has_own(own.clone(), SPEAKERS) {
                        own
                    } else {
                        labels("other")
                    };
                    *rows.entry(labels).or_default() += count;
                }
                if flows.unknown > 0 {
                    *rows.entry(labels("unknown")).or_default() += flows.unknown;
                }
            }
        }
        let help = "Flows by port and local process on that side";
        let mut family =
            self.exposition.family("portlore_port_process_flows", MetricKind::Counter, help);
        rows.into_iter().for_each(|(labels, flows)| family.sample("_total", &labels, flows));
    }

    fn by_service(&mut self, stats: &Stats) -> Rows {
        let mut rows = Rows::new();
        for ((service, tag, protocol), stats) in &stats.services {
            let protocol = protocol.map_or("unknown", crate::evidence::Protocol::as_str);
            let labels = |values| joined_labels(["service", "tag", "protocol"], values);
            let own = labels([
                service.as_deref().unwrap_or("unknown"),
                tag.as_deref().unwrap_or("unknown"),
                protocol,
            ]);
            let labels = if self.services.has_own(own.clone(), SERVICES) {
                own
            } else {
                labels(["other"; 3])
            };
            rows.entry(labels).or_default().add(&stats.all, Some(&stats.distributions));
        }
        rows
    }
}

/// The labels with these names and values, as one text.
fn joined_labels<const N: usize>(names: [&str; N], values: [&str; N]) -> String {
    let labels = names.iter().zip(values).map(|(name, value)| label(name, value));
    labels.collect::<Vec<_>>().join(",")
}

/// Whether some flow of the port was answered.
fn is_answered(stats: &PortStats) -> bool {
    let quiet =
        [Outcome::Refused, Outcome::NoAnswer].map(|outcome| stats.all.outcomes[outcome as usize]);
    stats.all.flows > quiet.iter().sum()
}

#[cfg(test)]
mod tests;
