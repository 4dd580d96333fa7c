//! What opens below the row of a port: figures with histograms, servers, and an example of each kind
//! of speaker.

use std::cmp::Reverse;

use askama::Template;

use super::class;
use super::histogram::{HtmlHistogram, packet_bytes, time};
use super::server::HtmlServer;
use crate::decode::ServicePort;
use crate::pipeline::JudgedFlow;
use crate::process::FlowProcesses;
use crate::report::Report;
use crate::report::parts::display_filter::{FilterOn, display_filter};
use crate::report::parts::escape::{SafeText, escape};
use crate::report::parts::units::{count, period, plural};
use crate::report::parts::{flow_line, labels, processes, why};
use crate::stats::{ExampleFlow, PortStats, Server};

/// Servers, examples, and reasons of each example that are shown at most.
const MOST: [usize; 3] = [8, 3, 16];
/// The same in brief details.
const MOST_IN_BRIEF: [usize; 3] = [2, 1, 3];
/// Customary services that are named at most.
const MOST_NAMES: usize = 12;

/// The details of a port.
#[derive(Template)]
#[template(path = "detail.html", whitespace = "minimize")]
pub(super) struct HtmlDetail {
    /// Without charts: the figures in a sentence.
    is_brief: bool,
    /// What else the port is used for, where the row names only some.
    customary: Option<SafeText>,
    connections: String,
    outcomes: String,
    packets: String,
    retransmissions: Option<String>,
    seen: Option<String>,
    processes: Option<SafeText>,
    histograms: Vec<HtmlHistogram>,
    /// Whether the sizes and times are kept.
    has_distributions: bool,
    servers: Vec<HtmlServer>,
    more_servers: usize,
    examples: Vec<HtmlExample>,
}

/// The first flow of a kind.
struct HtmlExample {
    speaker: SafeText,
    tone: &'static str,
    frame: u64,
    ends: SafeText,
    figures: SafeText,
    reasons: Vec<SafeText>,
    filter: Option<SafeText>,
    /// The reasons of too many others were kept.
    lacks_reasons: bool,
}

impl HtmlDetail {
    pub(super) fn new(
        report: &Report<'_>,
        (port, stats): (ServicePort, &PortStats),
        servers: &[Server<'_>],
    ) -> Self {
        let all = &stats.all;
        let mut servers: Vec<&Server<'_>> = servers.iter().collect();
        servers.sort_by_key(|server| (Reverse(server.bytes.sum()), server.key));
        let retransmissions: u64 = all.counters.iter().map(|(_, n)| n).sum();
        let zone = report.show.zone;
        let [most_servers, most_examples, most_reasons] = MOST;
        let examples = labels::speakers(stats).into_iter();
        let examples = examples.filter_map(|(_, speaking)| speaking.example.as_deref());
        let shown = servers.iter().take(most_servers);
        Self {
            is_brief: false,
            customary: customary(report, port),
            connections: plural(all.flows, "connection"),
            outcomes: labels::outcomes(all.by_outcome()),
            packets: format!(
                "{} from clients, {} from servers",
                plural(all.packets.initiator, "packet"),
                count(all.packets.responder)
            ),
            retransmissions: (retransmissions > 0)
                .then(|| plural(retransmissions, "retransmission")),
            seen: all.seen.map(|(first, last)| period(first, last, zone)),
            processes: processes::short_names(&stats.processes.responders).map(SafeText::trusted),
            histograms: histograms(stats),
            has_distributions: stats.distributions.is_some(),
            servers: shown.map(|server| HtmlServer::new(report, server)).collect(),
            more_servers: servers.len().saturating_sub(most_servers),
            examples: examples
                .take(most_examples)
                .map(|example| HtmlExample::new(report, example, most_reasons))
                .collect(),
        }
    }

    /// The same in brief.
    pub(super) fn shorten(&mut self) {
        let [most_servers, most_examples, most_reasons] = MOST_IN_BRIEF;
        self.is_brief = true;
        self.customary = None;
        self.more_servers += self.servers.len().saturating_sub(most_servers);
        self.servers.truncate(most_servers);
        self.examples.truncate(most_examples);
        self.examples.iter_mut().for_each(|example| example.reasons.truncate(most_reasons));
    }

    /// The details as HTML.
    pub(super) fn render(&self) -> Option<String> {
        Template::render(self).ok()
    }
}

/// All services that use the port without being registered for it, where there are more than the
/// row names.
fn customary(report: &Report<'_>, port: ServicePort) -> Option<SafeText> {
    let claims = report.catalogue().claims_on(port);
    let mut names: Vec<&str> = Vec::new();
    for (service, claim) in claims {
        if !claim.standing.is_in_registry() && !names.contains(&&*service.name) {
            names.push(&service.name);
        }
    }
    let more = names.len().saturating_sub(MOST_NAMES);
    let shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| escape(name)).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (names.len() > 2).then(|| SafeText::trusted(format!("{}{more}", shown.join(", "))))
}

fn histograms(stats: &PortStats) -> Vec<HtmlHistogram> {
    let Some(own) = &stats.distributions else { return Vec::new() };
    let all = [
        HtmlHistogram::new("Time to connect", &own.handshake_rtt_ns, time),
        HtmlHistogram::new("Time to first response", &own.first_response_ns, time),
        HtmlHistogram::new("Duration", &own.duration_ns, time),
        HtmlHistogram::new("Packet size", &own.packet_bytes, packet_bytes),
    ];
    all.into_iter().flatten().collect()
}

impl HtmlExample {
    fn new(report: &Report<'_>, example: &ExampleFlow, most_reasons: usize) -> Self {
        let ExampleFlow { record, verdict, .. } = example.clone();
        let (processes, files) = (FlowProcesses::default(), report.run.files.clone());
        let flow = JudgedFlow { record, verdict, processes, files };
        let [_, ends, _, figures] = flow_line::parts(&flow);
        let speaker = labels::flow_cell(&flow);
        let reasons = &flow.verdict.reasons;
        let sentences = why::sentences(&flow).into_iter().take(most_reasons);
        let filter_on =
            flow.files.as_ref().map_or(report.show.filter_on, |_| FilterOn::Conversation);
        let filter = display_filter(filter_on, &flow.record, reasons);
        Self {
            speaker: speaker.text,
            tone: class(speaker.tone),
            frame: flow.record.first_frame,
            ends: SafeText::trusted(ends),
            figures: SafeText::trusted(figures),
            reasons: sentences.map(SafeText::trusted).collect(),
            filter: filter.map(SafeText::trusted),
            lacks_reasons: example.was_early && reasons.is_empty(),
        }
    }
}
