//! The table of ports on the page: what each is registered for, what people customarily run there,
//! and what spoke.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::class;
use super::detail::HtmlDetail;
use crate::decode::ServicePort;
use crate::findings::Severity;
use crate::report::Report;
use crate::report::formats::table::ports::asked_names;
use crate::report::parts::escape::SafeText;
use crate::report::parts::labels;
use crate::report::parts::units::{bytes, count};
use crate::stats::{PortStats, Server, Speaker, SpeakerStats, SpeakingServer};

use super::histogram::time;

/// Ports that are listed at most.
const MOST: usize = 1000;
/// Speakers that a row names at most.
const MOST_SPEAKERS: usize = 4;
/// Bytes of the notes on what is left out.
const NOTES: usize = 1000;

/// The ports with most bytes, and those with an alert or a warning.
pub(super) struct HtmlPorts {
    pub(super) shown: Vec<HtmlPort>,
    /// The number of the others.
    pub(super) more: String,
    /// The number of those whose details are brief and have no charts.
    pub(super) without_charts: String,
    /// The number of those without details.
    pub(super) without_details: String,
}

/// A port.
pub(super) struct HtmlPort {
    port: ServicePort,
    pub(super) name: String,
    pub(super) anchor: String,
    /// The gravest finding.
    pub(super) severity: &'static str,
    pub(super) registered: SafeText,
    pub(super) customary: SafeText,
    pub(super) speakers: Vec<HtmlSpeaker>,
    pub(super) more_speakers: usize,
    pub(super) server: String,
    pub(super) servers: usize,
    pub(super) clients: String,
    pub(super) bytes: String,
    pub(super) bytes_number: u64,
    /// The median and the 99th percentile of the time to the first response, with nanoseconds.
    pub(super) response: Option<[(String, u64); 2]>,
    /// What opens below the row.
    pub(super) detail: Option<RenderedDetail>,
}

/// What spoke on a port.
pub(super) struct HtmlSpeaker {
    pub(super) text: SafeText,
    pub(super) tone: &'static str,
}

/// Details of a port as its template has rendered them.
pub(super) struct RenderedDetail(String);

impl RenderedDetail {
    /// Its bytes on the page.
    const fn len(&self) -> usize {
        /// What stands around it, and makes its row open.
        const AROUND: usize = 85;
        self.0.len() + AROUND
    }
}

impl std::fmt::Display for RenderedDetail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The anchor of a port's row: `p22tcp`.
pub(super) fn anchor(port: ServicePort) -> String {
    format!("p{}{}", port.port, port.transport.as_str())
}

impl HtmlPorts {
    /// The ports without their details.
    pub(super) fn new(report: &Report<'_>) -> Self {
        let mut gravest: HashMap<ServicePort, Severity> = HashMap::new();
        for finding in report.findings().iter().rev() {
            gravest.insert(finding.port, finding.severity);
        }
        let mut ports: Vec<_> = report.run.stats.ports.iter().collect();
        ports.sort_by_key(|&(&port, stats)| (Reverse(stats.all.bytes.sum()), port));
        let all = ports.len();
        // Those that deserve a look are shown in any case, in the place of others.
        let is_grave = |port| gravest.get(port).is_some_and(|severity| severity.is_grave());
        let grave = ports.iter().filter(|(port, _)| is_grave(port)).count();
        let mut room = MOST.saturating_sub(grave);
        let mut grave = grave.min(MOST);
        ports.retain(|(port, _)| {
            let left = if is_grave(port) { &mut grave } else { &mut room };
            let fits = *left > 0;
            *left -= usize::from(fits);
            fits
        });
        let mut speaking: HashMap<ServicePort, Vec<SpeakingServer<'_>>> =
            ports.iter().map(|&(&port, _)| (port, Vec::new())).collect();
        for server in report.run.stats.servers.speaking() {
            if let Some(here) = speaking.get_mut(&server.key().service_port()) {
                here.push(server);
            }
        }
        let more = all - ports.len();
        let shown = ports.into_iter().map(|(&port, stats)| {
            let servers = speaking.get(&port).map_or(&[][..], Vec::as_slice);
            let severity = gravest.get(&port).map_or("", |severity| severity.as_str());
            HtmlPort::new(report, (port, stats), servers, severity)
        });
        Self {
            shown: shown.collect(),
            more: number(more),
            without_charts: String::new(),
            without_details: String::new(),
        }
    }

    /// The same with the details that so many bytes have room for: those of ports with findings
    /// first, then of others in their order. Where not all have room, first the charts are left out.
    pub(super) fn with_details(mut self, report: &Report<'_>, room: usize) -> Self {
        let mut servers: HashMap<ServicePort, Vec<Server<'_>>> =
            self.shown.iter().map(|port| (port.port, Vec::new())).collect();
        for server in report.run.stats.servers.rows() {
            if let Some(here) = servers.get_mut(&server.key.service_port()) {
                here.push(server);
            }
        }
        let render = |port: &HtmlPort| {
            let stats = report.run.stats.ports.get(&port.port)?;
            let servers = servers.get(&port.port).map_or(&[][..], Vec::as_slice);
            let mut detail = HtmlDetail::new(report, (port.port, stats), servers);
            let all = detail.render()?;
            detail.shorten();
            Some([all, detail.render()?].map(RenderedDetail))
        };
        let mut left = room.saturating_sub(NOTES);
        let mut order: Vec<&mut HtmlPort> = self.shown.iter_mut().collect();
        order.sort_by_key(|port| port.severity.is_empty());
        let mut details = Vec::new();
        for port in &mut order {
            let (all, brief) = render(port).map(|[all, brief]| (all, brief)).unzip();
            port.detail = brief.filter(|brief| brief.len() <= left);
            left -= port.detail.as_ref().map_or(0, RenderedDetail::len);
            details.push(all);
        }
        let (mut without_details, mut without_charts) = (0, 0);
        for (port, all) in order.into_iter().zip(details) {
            let Some(brief) = &port.detail else {
                without_details += 1;
                continue;
            };
            match all.filter(|all| all.len() <= left + brief.len()) {
                Some(all) => {
                    left = left + brief.len() - all.len();
                    port.detail = Some(all);
                }
                None => without_charts += 1,
            }
        }
        self.without_details = number(without_details);
        self.without_charts = number(without_charts);
        self
    }
}

/// The text; nothing in place of a dash, which the style draws.
fn without_dash(text: SafeText) -> SafeText {
    if text.as_str() == "-" { SafeText::default() } else { text }
}

/// A number for people; nothing for zero.
fn number(n: usize) -> String {
    if n == 0 { String::new() } else { count(n as u64) }
}

impl HtmlPort {
    fn new(
        report: &Report<'_>,
        (port, stats): (ServicePort, &PortStats),
        servers: &[SpeakingServer<'_>],
        severity: &'static str,
    ) -> Self {
        let catalogue = report.catalogue();
        let speakers = labels::speakers(stats);
        let lowest = servers.iter().map(|server| server.key().address).min();
        let server = match (lowest, servers.len()) {
            (None, _) => String::new(),
            (Some(only), 1) => only.to_string(),
            (Some(lowest), n) => format!("{lowest}, +{}", count(n as u64 - 1)),
        };
        let response = stats.distributions.as_ref().map(|own| own.first_response_ns.summary());
        let response = response.filter(|summary| summary.count > 0);
        Self {
            port,
            name: port.to_string(),
            anchor: anchor(port),
            severity,
            registered: without_dash(labels::registered(catalogue, port)),
            customary: without_dash(labels::customary(catalogue, port)),
            more_speakers: speakers.len().saturating_sub(MOST_SPEAKERS),
            speakers: speakers
                .into_iter()
                .take(MOST_SPEAKERS)
                .map(|(key, speaking)| speaker(report, (key, speaking), stats, servers))
                .collect(),
            server,
            servers: servers.len(),
            clients: count(stats.all.initiators.count()),
            bytes: bytes(stats.all.bytes.sum()),
            bytes_number: stats.all.bytes.sum(),
            response: response.map(|summary| [summary.p50, summary.p99].map(|ns| (time(ns), ns))),
            detail: None,
        }
    }
}

/// What spoke, as the table of the text has it.
fn speaker(
    report: &Report<'_>,
    (key, speaking): (&Speaker, &SpeakerStats),
    stats: &PortStats,
    servers: &[SpeakingServer<'_>],
) -> HtmlSpeaker {
    let cell = labels::speaker_of_port(report.catalogue(), key, speaking, stats);
    let has_name = key.service.is_some() || speaking.products.is_some();
    let asked = if has_name { None } else { asked_names(key, servers) };
    let text = match asked {
        Some(asked) => SafeText::trusted(format!("{} ({asked})", cell.text)),
        None => cell.text,
    };
    HtmlSpeaker { text, tone: class(cell.tone) }
}
