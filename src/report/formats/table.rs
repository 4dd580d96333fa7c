//! The format for people: what was read, then for each port what the registry names, what people
//! customarily run there and what spoke, then figures.

mod findings;
mod interval;
mod servers;

use std::cmp::Reverse;
use std::io::{self, Write};

use super::{FlowOutput, IntervalOutput, ReportFormat};
use crate::decode::ServicePort;
use crate::flow::Outcome;
use crate::report::parts::escape::SafeText;
use crate::report::parts::layout::{self, Cell, Column, Row};
use crate::report::parts::units::{bytes, count, duration, plural, quantiles, second};
use crate::report::parts::{interfaces, labels, processes, why};
use crate::report::{Report, Style, escape};
use crate::stats::{
    Aggregate, COUNTERS, Distributions, PortStats, Quantiles, ServiceKey, ServiceStats,
};

/// Tables at the end; while the capture runs, the full-screen view, or a line for each interval.
pub const FORMAT: ReportFormat = ReportFormat {
    name: "table",
    write,
    flows: FlowOutput::OnRequest,
    intervals: Some(IntervalOutput {
        writer: || Box::new(interval::IntervalLines::default()),
        default: None,
    }),
    full_screen: true,
};

type PortRow<'r> = (ServicePort, &'r PortStats);

/// Writes the report.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    let show = report.show;
    header(out, report)?;
    let findings = report.findings();
    contents(out, report, findings.len())?;
    if !findings.is_empty() {
        writeln!(out)?;
        findings::write(out, report, &findings, style)?;
    }
    if show.findings_only {
        return Ok(());
    }
    if show.interfaces {
        writeln!(out)?;
        interfaces::write(out, report, style)?;
    }
    let mut ports: Vec<PortRow<'_>> =
        report.run.stats.ports.iter().map(|(&port, stats)| (port, stats)).collect();
    if ports.is_empty() {
        return writeln!(out, "\nNo TCP or UDP was seen.");
    }
    ports.sort_by_key(|&(port, stats)| (Reverse(stats.all.bytes.sum()), port));
    let shown = if show.top == 0 { ports.len() } else { show.top.min(ports.len()) };
    let hidden = ports.len() - shown;
    let ports = &ports[..shown];
    writeln!(out)?;
    layout::write(
        out,
        style,
        &PORT_COLUMNS,
        &ports.iter().flat_map(|p| port_rows(report, *p)).collect::<Vec<_>>(),
    )?;
    if hidden > 0 {
        writeln!(out, "and {} with fewer bytes; --top 0 shows all", plural(hidden as u64, "port"))?;
    }
    let named: Vec<(String, &PortStats)> =
        ports.iter().map(|&(port, stats)| (port.to_string(), stats)).collect();
    let rows = |row: fn(&str, &PortStats) -> Row| {
        named.iter().map(|(name, stats)| row(name, stats)).collect::<Vec<_>>()
    };
    writeln!(out)?;
    layout::write(
        out,
        style,
        &figure_columns(),
        &rows(|name, stats| figure_row(name, &stats.all)),
    )?;
    writeln!(out)?;
    layout::write(
        out,
        style,
        &QUANTILE_COLUMNS,
        &rows(|name, stats| quantile_row(name, stats.distributions.as_ref())),
    )?;
    processes::write(out, style, ports)?;
    if show.servers {
        writeln!(out)?;
        servers::write(out, report, style)?;
    }
    writeln!(out)?;
    services(out, report, style)?;
    if show.lists_flows() {
        writeln!(out)?;
        for flow in &report.run.flows {
            why::write(out, flow, show.why.then_some(show.filter_on))?;
        }
    }
    Ok(())
}

/// Writes what was read, and where every frame went.
fn header(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let counters = &report.run.counters;
    let inputs: Vec<_> = report.inputs.iter().map(|input| escape(input)).collect();
    let inputs = match &inputs[..] {
        [one] => one.clone(),
        many if many.len() <= 3 => many.join(", "),
        many => format!("{}, {} and {} more", many[0], many[1], many.len() - 2),
    };
    write!(out, "{inputs}: {}, {}", plural(counters.frames, "frame"), bytes(counters.bytes))?;
    if let Some((first, last)) = counters.seen {
        write!(out, ", {} in {}", second(first), duration(last.since(first)))?;
    }
    let skipped: Vec<_> =
        counters.skipped().map(|(reason, n)| format!("{} {}", reason.as_str(), count(n))).collect();
    let total = counters.skipped().map(|(_, n)| n).sum();
    write!(out, "\n{}, {} skipped", plural(counters.segments, "segment"), count(total))?;
    if !skipped.is_empty() {
        write!(out, " ({})", skipped.join(", "))?;
    }
    let drops = report.run.drops;
    match drops.kernel + drops.interface + counters.queue {
        0 => write!(out, ", none dropped")?,
        _ => write!(
            out,
            "; dropped: kernel {}, interface {}, queue {}",
            count(drops.kernel),
            count(drops.interface),
            count(counters.queue)
        )?,
    }
    if report.run.evicted > 0 {
        write!(out, "; {} left a full table early", plural(report.run.evicted, "flow"))?;
    }
    writeln!(out)?;
    for problem in &report.run.problems {
        writeln!(out, "INCOMPLETE {}", escape(problem))?;
    }
    for notice in &report.run.notices {
        writeln!(out, "NOTE {}", escape(notice))?;
    }
    Ok(())
}

/// Writes how many servers and closed ports there are, and how many findings.
fn contents(out: &mut dyn Write, report: &Report<'_>, findings: usize) -> io::Result<()> {
    let stats = &report.run.stats;
    let is_closed = |port: &&PortStats| port.all.failed.is_some();
    let closed = stats.ports.values().filter(is_closed).count();
    let counts =
        [(stats.servers.rows().len(), "server"), (closed, "closed port"), (findings, "finding")];
    let counts = counts.map(|(n, one)| plural(n as u64, one));
    writeln!(out, "{}", counts.join(", "))
}

const PORT_COLUMNS: [Column; 7] = [
    Column::fixed("PORT"),
    Column::text("REGISTERED", 10),
    Column::text("CUSTOMARY", 12),
    Column::text("SPEAKING", 30),
    Column::text("CANDIDATES", 10),
    Column::number("FLOWS"),
    Column::number("BYTES"),
];

/// A row for each thing that spoke on the port; the first has the labels of the port, too.
fn port_rows(report: &Report<'_>, (port, stats): PortRow<'_>) -> Vec<Row> {
    let catalogue = report.catalogue();
    let labels = [
        SafeText::trusted(port.to_string()),
        labels::registered(catalogue, port),
        labels::customary(catalogue, port),
    ];
    let mut labels = labels.map(Cell::from);
    let mut rows = Vec::new();
    for (key, speaking) in labels::speakers(stats) {
        let mut row = std::mem::take(&mut labels).to_vec();
        row.push(labels::speaker(catalogue, key, speaking));
        row.push(labels::candidates(catalogue, port, key, speaking).into());
        row.extend([count(speaking.flows), bytes(speaking.bytes)].map(Cell::trusted));
        rows.push(row);
    }
    rows
}

fn figure_columns() -> Vec<Column> {
    let mut columns = vec![
        Column::text("PORT", 9),
        Column::number("INITIATORS"),
        Column::number("PACKETS →"),
        Column::number("← PACKETS"),
    ];
    columns.extend(COUNTERS.iter().map(|counter| Column::number(counter.title)));
    columns.extend([Column::text("OUTCOMES", 16), Column::text("SEEN", 20)]);
    columns
}

fn figure_row(name: &str, all: &Aggregate) -> Row {
    let outcomes: Vec<_> = Outcome::ALL
        .iter()
        .filter(|&&o| all.outcomes[o as usize] > 0)
        .map(|&o| format!("{} {}", count(all.outcomes[o as usize]), o.as_str().replace('_', " ")))
        .collect();
    let seen = all.seen.map_or_else(String::new, |(first, last)| {
        format!("{} +{}", second(first), duration(last.since(first)))
    });
    let mut row = vec![
        name.to_owned(),
        count(all.initiators.count()),
        count(all.packets.initiator),
        count(all.packets.responder),
    ];
    row.extend(all.counters.iter().map(|(_, sum)| count(sum)));
    row.extend([outcomes.join(", "), seen]);
    row.into_iter().map(Cell::trusted).collect()
}

const QUANTILE_COLUMNS: [Column; 5] = [
    Column::text("p50/p90/p99/max", 9),
    Column::text("HANDSHAKE", 12),
    Column::text("FIRST RESPONSE", 12),
    Column::text("DURATION", 12),
    Column::text("PACKET BYTES", 12),
];

/// A question mark in each cell if the distributions of the port are not kept.
fn quantile_row(name: &str, distributions: Option<&Distributions>) -> Row {
    let cell = |quantiles_of: fn(&Distributions) -> &Quantiles, unit| {
        distributions.map_or_else(|| "?".into(), |own| quantiles(quantiles_of(own).summary(), unit))
    };
    trusted([
        name.to_owned(),
        cell(|own| &own.handshake_rtt_ns, duration),
        cell(|own| &own.first_response_ns, duration),
        cell(|own| &own.duration_ns, duration),
        cell(|own| &own.packet_bytes, |n| n.to_string()),
    ])
}

const SERVICE_COLUMNS: [Column; 6] = [
    Column::text("SERVICE", 20),
    Column::fixed("TAG"),
    Column::number("FLOWS"),
    Column::number("INITIATORS"),
    Column::number("BYTES →"),
    Column::number("← BYTES"),
];

fn services(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    let mut services: Vec<_> = report.run.stats.services.iter().collect();
    services.sort_by_key(|(key, stats)| (Reverse(stats.all.bytes.sum()), *key));
    let services: Vec<(String, &ServiceKey, &ServiceStats)> = services
        .into_iter()
        .map(|(key, stats)| (service_name(report, key, &stats.all), key, stats))
        .collect();
    let rows: Vec<Row> = services
        .iter()
        .map(|(name, (_, tag, _), ServiceStats { all, .. })| {
            trusted([
                name.clone(),
                tag.as_ref().map_or_else(|| "-".into(), |tag| escape(tag)),
                count(all.flows),
                count(all.initiators.count()),
                bytes(all.bytes.initiator),
                bytes(all.bytes.responder),
            ])
        })
        .collect();
    layout::write(out, style, &SERVICE_COLUMNS, &rows)?;
    writeln!(out)?;
    let rows: Vec<Row> = services
        .iter()
        .map(|(name, _, stats)| quantile_row(name, Some(&stats.distributions)))
        .collect();
    layout::write(out, style, &QUANTILE_COLUMNS, &rows)
}

/// The service and protocol; of flows that were not recognised whether they have payload at all.
fn service_name(
    report: &Report<'_>,
    (id, _, protocol): &ServiceKey,
    &Aggregate { flows, flows_without_payload, .. }: &Aggregate,
) -> String {
    let name = id.as_deref().map(|id| report.catalogue().name_of(id));
    match (name, protocol) {
        (Some(name), Some(protocol)) => format!("{protocol}: {}", escape(name)),
        (Some(name), None) => escape(name),
        (None, Some(protocol)) => format!("{protocol}, no service named"),
        (None, None) if flows_without_payload == flows => labels::NO_DATA.into(),
        (None, None) if flows_without_payload > 0 => {
            format!("not recognised ({} without data)", count(flows_without_payload))
        }
        (None, None) => "not recognised".into(),
    }
}

fn trusted<const N: usize>(cells: [String; N]) -> Row {
    cells.map(Cell::trusted).to_vec()
}
