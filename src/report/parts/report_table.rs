//! The tables of the report as values, for formats that other programs read. Names of columns are
//! those of the JSON document, flattened; texts are untrusted.

use super::labels;
use super::sorting::SortColumn;
use crate::classify::Fit;
use crate::decode::Transport;
use crate::evidence::{Protocol, ProvedBy};
use crate::flow::Counts;
use crate::report::Report;
use crate::stats::{PortStats, Server, Speaker, SpeakerStats, Unanswered};
use crate::time::Time;

/// A table of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableName {
    /// What speaks on each port: a row for each thing that does.
    Ports,
    /// The servers.
    Servers,
    /// The services and protocols.
    Services,
    /// What does not belong.
    Findings,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableCell {
    /// Nothing.
    Missing,
    /// Text; untrusted.
    Text(String),
    /// A number, in the unit of its column.
    Number(u64),
}

/// A table with its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportTable {
    /// The names of the columns.
    pub columns: Vec<&'static str>,
    /// The rows, each with a cell for each column.
    pub rows: Vec<Vec<TableCell>>,
}

impl ReportTable {
    /// The table `name` of a report, with all its rows.
    #[must_use]
    pub fn new(report: &Report<'_>, name: TableName) -> Self {
        match name {
            TableName::Ports => ports(report),
            TableName::Servers => servers(report),
            TableName::Services => services(report),
            TableName::Findings => findings(report),
        }
    }
}

impl ReportTable {
    /// The table with the sensor of each row, if there are several.
    fn with_sensors(mut self, report: &Report<'_>, sensors: Vec<u16>) -> Self {
        if !report.run.sensors.is_empty() {
            self.columns.insert(0, "sensor");
            for (row, sensor) in self.rows.iter_mut().zip(sensors) {
                row.insert(0, report.run.sensor(sensor).into());
            }
        }
        self
    }
}

impl From<u64> for TableCell {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for TableCell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for TableCell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Transport> for TableCell {
    fn from(transport: Transport) -> Self {
        transport.as_str().into()
    }
}

impl From<Time> for TableCell {
    fn from(time: Time) -> Self {
        time.to_string().into()
    }
}

impl<C: Into<Self>> From<Option<C>> for TableCell {
    fn from(cell: Option<C>) -> Self {
        cell.map_or(Self::Missing, Into::into)
    }
}

/// Texts in one cell, with `;` between them.
fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> TableCell {
    let texts: Vec<T> = texts.into_iter().collect();
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    if texts.is_empty() { TableCell::Missing } else { texts.join(";").into() }
}

/// The ports by number, unless `--sort` says otherwise, and on each what spoke, as in the table of ports.
fn ports(report: &Report<'_>) -> ReportTable {
    let mut ports: Vec<_> = report.run.stats.ports.iter().collect();
    ports.sort_by_key(|(port, _)| **port);
    if let Some(sort) = report.show.sort {
        ports.sort_by_cached_key(|(_, stats)| sort.of_all(&stats.all));
    }
    let rows = ports.into_iter().flat_map(|(&port, stats)| {
        let head = [
            port.transport.into(),
            u64::from(port.port).into(),
            list(report.catalogue().registry.names(port)),
        ];
        let row = move |(key, speaking): (&Speaker, &SpeakerStats)| {
            let candidates = labels::sorted_candidates(report.catalogue(), port, speaking);
            let also = labels::sorted_also(report.catalogue(), speaking);
            let cells = speaker(key, speaking, list(also), list(candidates.iter().map(|c| c.id())));
            head.iter().cloned().chain(cells).chain([process(stats)]).collect()
        };
        stats.folded_speakers().iter().map(row).collect::<Vec<_>>()
    });
    ReportTable {
        columns: vec![
            "transport",
            "port",
            "registered",
            "protocol",
            "service",
            "also",
            "tag",
            "products",
            "confidence",
            "proved_by",
            "fit",
            "fault",
            "unanswered",
            "candidates",
            "flows",
            "bytes",
            "process",
        ],
        rows: rows.collect(),
    }
}

fn speaker(
    key: &Speaker,
    speaking: &SpeakerStats,
    also: TableCell,
    candidates: TableCell,
) -> [TableCell; 13] {
    [
        key.protocol.map(Protocol::as_str).into(),
        key.service.as_deref().into(),
        also,
        key.tag.as_deref().into(),
        list(speaking.products.iter().flat_map(|products| products.kept())),
        key.confidence.as_str().into(),
        speaking.sides().map(ProvedBy::as_str).into(),
        key.fit.map(Fit::as_str).into(),
        key.fault.map(crate::classify::Fault::as_str).into(),
        key.unanswered.map(Unanswered::as_str).into(),
        candidates,
        speaking.flows.into(),
        speaking.bytes.into(),
    ]
}

/// The processes of the port's server.
fn process(stats: &PortStats) -> TableCell {
    let holders = stats.processes.responders.by_process.keys();
    list(holders.map(|holder| format!("{}/{}", holder.name, holder.pid)))
}

/// The servers, by address, port and transport, unless `--sort` says otherwise.
fn servers(report: &Report<'_>) -> ReportTable {
    let mut servers: Vec<_> = report.run.stats.servers.rows().collect();
    if let Some(sort) = report.show.sort {
        servers.sort_by_key(|server| sort.of_server(server));
    }
    let sensors = servers.iter().map(|server| server.key.sensor).collect();
    let row = |server: Server<'_>| {
        let names = server.names.iter().chain(server.address_names.iter().copied());
        vec![
            server.key.transport.into(),
            server.key.address.to_string().into(),
            u64::from(server.key.port).into(),
            list(server.protocols().map(Protocol::as_str)),
            list(server.services.iter().map(|proved| proved.id)),
            list(server.products.iter().map(|product| &*product.text)),
            list(names.map(|name| &*name.text)),
            server.process.map(|holder| format!("{}/{}", holder.name, holder.pid)).into(),
            server.clients.into(),
            server.flows.into(),
            server.bytes.initiator.into(),
            server.bytes.responder.into(),
            server.seen.0.into(),
            server.seen.1.into(),
            server.proof_frame.into(),
        ]
    };
    let table = ReportTable {
        columns: vec![
            "transport",
            "address",
            "port",
            "protocols",
            "services",
            "products",
            "names",
            "process",
            "clients",
            "flows",
            "bytes_initiator",
            "bytes_responder",
            "first",
            "last",
            "proof_frame",
        ],
        rows: servers.into_iter().map(row).collect(),
    };
    table.with_sensors(report, sensors)
}

/// The services, those with most bytes first, by the verdicts of single flows.
fn services(report: &Report<'_>) -> ReportTable {
    let mut services: Vec<_> = report.run.stats.services.iter().collect();
    let sort = report.show.sort.unwrap_or(SortColumn::Bytes);
    services.sort_by_cached_key(|&(key, stats)| (sort.of_all(&stats.all), key.clone()));
    let rows = services.into_iter().map(|((service, tag, protocol), stats)| {
        let (all, sides) = (&stats.all, |counts: Counts| [counts.initiator, counts.responder]);
        let counts = [all.flows, all.flows_without_payload, all.initiators.count()];
        let counts = counts.into_iter().chain(sides(all.packets)).chain(sides(all.bytes));
        let times = [all.seen.map(|seen| seen.0), all.seen.map(|seen| seen.1)];
        let names = [
            service.as_deref().into(),
            service.as_deref().map(|id| report.catalogue().name_of(id)).into(),
            tag.as_deref().into(),
            protocol.map(Protocol::as_str).into(),
        ];
        let cells = names.into_iter().chain(counts.map(TableCell::from));
        cells.chain(times.map(TableCell::from)).collect()
    });
    ReportTable {
        columns: vec![
            "service",
            "name",
            "tag",
            "protocol",
            "flows",
            "flows_without_payload",
            "initiators",
            "packets_initiator",
            "packets_responder",
            "bytes_initiator",
            "bytes_responder",
            "first",
            "last",
        ],
        rows: rows.collect(),
    }
}

/// The findings, the gravest first.
fn findings(report: &Report<'_>) -> ReportTable {
    let rows = report.findings().iter().map(|finding| {
        vec![
            finding.severity.as_str().into(),
            finding.kind.as_str().into(),
            finding.port.transport.into(),
            u64::from(finding.port.port).into(),
            finding.server.map(|server| server.to_string()).into(),
            finding.service.as_deref().into(),
            finding.frame.into(),
            finding.sentence.as_str().into(),
            finding.advice.as_deref().into(),
        ]
    });
    let sensors = report.findings().iter().map(|finding| finding.sensor).collect();
    let table = ReportTable {
        columns: vec![
            "severity",
            "kind",
            "transport",
            "port",
            "server",
            "service",
            "frame",
            "sentence",
            "advice",
        ],
        rows: rows.collect(),
    };
    table.with_sensors(report, sensors)
}
