//! The report as one JSON document. Field names are a contract: [`SCHEMA`] changes when they do.
//! Numbers are integers in the unit that the name ends with; times are RFC 3339 in UTC.

mod findings;
mod flow;
mod port;
mod processes;
mod safe;
mod servers;

pub(in crate::report) use flow::{EndpointJson, FlowJson};
pub(super) use port::SpeakerJson;
pub(in crate::report) use safe::write_line;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use self::findings::FindingJson;
use self::flow::FlowsJson;
use self::port::{PortJson, ServiceJson};
use self::servers::{ClosedPortJson, ServersJson};
use super::{FlowOutput, ReportFormat};
use crate::flow::Counts;
use crate::pipeline::SelectedFlows;
use crate::report::parts::interfaces::{self, InterfaceFrames};
use crate::report::{Report, Style};

/// One document at the end.
pub const FORMAT: ReportFormat = ReportFormat {
    name: "json",
    write,
    flows: FlowOutput::OnRequest,
    intervals: None,
    full_screen: false,
};

/// The name of this layout.
pub const SCHEMA: &str = "portlore/2";

/// Writes the document and a line end.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_>, _style: Style) -> io::Result<()> {
    if report.show.findings_only {
        return write_line(out, &FindingsJson::new(report));
    }
    write_line(out, &ReportJson::new(report, report.show.lists_flows(), true))
}

/// The document with nothing but the findings.
#[derive(Serialize)]
struct FindingsJson<'a> {
    schema: &'static str,
    capture: CaptureJson<'a>,
    findings: Vec<FindingJson<'a>>,
}

impl<'a> FindingsJson<'a> {
    fn new(report: &'a Report<'a>) -> Self {
        let findings =
            report.findings().iter().map(|one| FindingJson::new(report.run, one)).collect();
        Self { schema: SCHEMA, capture: CaptureJson::new(report), findings }
    }
}

/// The whole document.
#[derive(Serialize)]
pub(super) struct ReportJson<'a> {
    schema: &'static str,
    capture: CaptureJson<'a>,
    ports: Vec<PortJson<'a>>,
    services: Vec<ServiceJson<'a>>,
    servers: ServersJson<'a>,
    closed_ports: Vec<ClosedPortJson>,
    findings: Vec<FindingJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows: Option<FlowsJson<'a>>,
}

impl<'a> ReportJson<'a> {
    /// The document of a report; with every flow that was kept if `with_flows` is set, and with the
    /// flows of a server under its service if `folded` is.
    pub(super) fn new(report: &'a Report<'a>, with_flows: bool, folded: bool) -> Self {
        let (run, catalogue) = (report.run, report.catalogue());
        let mut ports: Vec<_> = run.stats.ports.iter().collect();
        ports.sort_by_key(|(key, _)| **key);
        let services = run.stats.services.iter();
        Self {
            schema: SCHEMA,
            capture: CaptureJson::new(report),
            closed_ports: ports
                .iter()
                .filter_map(|(port, s)| ClosedPortJson::new(**port, s))
                .collect(),
            findings: report
                .findings()
                .iter()
                .map(|one| FindingJson::new(report.run, one))
                .collect(),
            servers: ServersJson(run),
            ports: ports
                .into_iter()
                .map(|(&port, stats)| PortJson::new(catalogue, port, stats, folded))
                .collect(),
            services: services.map(|(key, stats)| ServiceJson::new(key, stats)).collect(),
            flows: with_flows.then_some(FlowsJson(&run.flows)),
        }
    }
}

#[derive(Serialize)]
struct CaptureJson<'a> {
    files: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    sensors: &'a [String],
    frames: u64,
    segments: u64,
    skipped: BTreeMap<&'static str, u64>,
    interfaces: Vec<InterfaceFrames>,
    link_types: Vec<InterfaceFrames>,
    dropped: DropsJson,
    evicted_flows: u64,
    flows_beyond_max_servers: u64,
    answers_beyond_max_servers: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<SelectionJson<'a>>,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
    complete: bool,
    problems: &'a [String],
    notices: &'a [String],
}

impl<'a> CaptureJson<'a> {
    fn new(report: &'a Report<'_>) -> Self {
        let (run, counters) = (report.run, &report.run.counters);
        let interfaces = interfaces::interfaces(report);
        Self {
            files: report.inputs,
            sensors: &run.sensors,
            frames: counters.frames,
            segments: counters.segments,
            skipped: counters.skipped().map(|(reason, n)| (reason.as_str(), n)).collect(),
            link_types: interfaces::link_types(&interfaces),
            interfaces,
            dropped: DropsJson {
                kernel: run.drops.kernel,
                interface: run.drops.interface,
                queue: counters.queue,
            },
            evicted_flows: run.evicted,
            flows_beyond_max_servers: run.stats.servers.flows_beyond_limit(),
            answers_beyond_max_servers: run.stats.servers.answers_beyond_limit(),
            selection: run.selected.as_ref().map(SelectionJson::from),
            bytes: counters.bytes,
            first: counters.seen.map(|(first, _)| first.to_string()),
            last: counters.seen.map(|(_, last)| last.to_string()),
            complete: report.is_complete(),
            problems: &run.problems,
            notices: &run.notices,
        }
    }
}

/// The flows that were selected to count.
#[derive(Serialize)]
pub(super) struct SelectionJson<'a> {
    #[serde(rename = "where")]
    expression: &'a str,
    selected_flows: u64,
    flows: u64,
}

impl<'a> From<&'a SelectedFlows> for SelectionJson<'a> {
    fn from(flows: &'a SelectedFlows) -> Self {
        let SelectedFlows { expression, selected, seen } = flows;
        Self { expression, selected_flows: *selected, flows: *seen }
    }
}

/// Frames lost, by place.
#[derive(Serialize)]
pub(super) struct DropsJson {
    pub(super) kernel: u64,
    pub(super) interface: u64,
    pub(super) queue: u64,
}

/// A number for each side.
#[derive(Serialize)]
pub(super) struct SidesJson {
    initiator: u64,
    responder: u64,
}

impl From<Counts> for SidesJson {
    fn from(counts: Counts) -> Self {
        Self { initiator: counts.initiator, responder: counts.responder }
    }
}
