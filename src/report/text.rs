//! The report for people: what was read, then for each port what the registry says, what people
//! customarily run there and what was speaking, then figures.

use std::io::{self, Write};

use super::layout::{self, Column, Row, Tone};
use super::units::{bytes, count, duration, plural, quantiles};
use super::{Report, Style, escape, origins, process, why, words};
use crate::decode::Transport;
use crate::flow::Outcome;
use crate::stats::{Aggregate, Figures, PortStats, Quantiles, ServiceKey, ServiceStats};

/// What of the report is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// A line for each flow.
    pub flows: bool,
    /// The reasons of each flow's verdict.
    pub why: bool,
    /// What came of the frames of each interface and link type.
    pub origins: bool,
    /// Rows of the tables of ports; zero for all.
    pub top: usize,
}

type Port<'r, 'c> = (u16, Transport, &'r PortStats<'c>);

/// Writes the report.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(
    out: &mut dyn Write,
    report: &Report<'_, '_>,
    style: Style,
    parts: Parts,
) -> io::Result<()> {
    header(out, report)?;
    if parts.origins {
        writeln!(out)?;
        origins::write(out, report, style)?;
    }
    let mut ports: Vec<Port<'_, '_>> =
        report.run.stats.ports.iter().map(|(&(port, transport), s)| (port, transport, s)).collect();
    if ports.is_empty() {
        return writeln!(out, "\nNo TCP or UDP was seen.");
    }
    ports.sort_by_key(|&(port, transport, s)| {
        (std::cmp::Reverse(s.all.bytes.sum()), port, transport)
    });
    let shown = if parts.top == 0 { ports.len() } else { parts.top.min(ports.len()) };
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
    let named: Vec<(String, &PortStats<'_>)> =
        ports.iter().map(|&(n, t, stats)| (format!("{n}/{t}"), stats)).collect();
    let rows = |row: fn(&str, &PortStats<'_>) -> Row| {
        named.iter().map(|(name, stats)| row(name, stats)).collect::<Vec<_>>()
    };
    writeln!(out)?;
    layout::write(out, style, &FIGURE_COLUMNS, &rows(|name, stats| figure_row(name, &stats.all)))?;
    writeln!(out)?;
    layout::write(
        out,
        style,
        &QUANTILE_COLUMNS,
        &rows(|name, stats| quantile_row(name, stats.figures.as_ref())),
    )?;
    process::write(out, style, ports)?;
    writeln!(out)?;
    services(out, report, style)?;
    if parts.flows || parts.why {
        writeln!(out)?;
        for flow in &report.run.flows {
            why::write(out, flow, parts.why)?;
        }
    }
    Ok(())
}

/// What was read, and where every frame went.
fn header(out: &mut dyn Write, report: &Report<'_, '_>) -> io::Result<()> {
    let tally = &report.run.counters;
    let inputs: Vec<_> = report.inputs.iter().map(|input| escape(input)).collect();
    let inputs = match &inputs[..] {
        [one] => one.clone(),
        many if many.len() <= 3 => many.join(", "),
        many => format!("{}, {} and {} more", many[0], many[1], many.len() - 2),
    };
    write!(out, "{inputs}: {}, {}", plural(tally.frames, "frame"), bytes(tally.bytes))?;
    if let Some((first, last)) = tally.seen {
        write!(out, ", {} in {}", seconds(first), duration(last.since(first)))?;
    }
    let skipped: Vec<_> =
        tally.skipped().map(|(reason, n)| format!("{} {}", reason.as_str(), count(n))).collect();
    let total = tally.skipped().map(|(_, n)| n).sum();
    write!(out, "\n{}, {} skipped", plural(tally.segments, "segment"), count(total))?;
    if !skipped.is_empty() {
        write!(out, " ({})", skipped.join(", "))?;
    }
    let drops = report.run.drops;
    match drops.kernel + drops.interface + tally.queue {
        0 => write!(out, ", none dropped")?,
        _ => write!(
            out,
            "; dropped: kernel {}, interface {}, queue {}",
            count(drops.kernel),
            count(drops.interface),
            count(tally.queue)
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

/// A time to the second.
fn seconds(time: crate::time::Time) -> String {
    let text = time.to_string();
    text.split('.').next().map_or_else(|| text.clone(), |whole| format!("{whole}Z"))
}

const PORT_COLUMNS: [Column; 6] = [
    Column::fixed("PORT"),
    Column::text("REGISTERED", 12),
    Column::text("CUSTOMARY", 14),
    Column::text("SPEAKING", 32),
    Column::number("FLOWS"),
    Column::number("BYTES"),
];

/// A row for each thing that spoke on the port, the port's own words on the first.
fn port_rows(report: &Report<'_, '_>, (port, transport, stats): Port<'_, '_>) -> Vec<Row> {
    let catalogue = report.catalogue;
    let registered = words::registered(catalogue, port, transport);
    let mut names =
        [format!("{port}/{transport}"), registered, words::customary(catalogue, port, transport)];
    let mut rows = Vec::new();
    for (key, (flows, sum)) in words::speakers(stats) {
        let [number, registry, custom] = std::mem::take(&mut names);
        let (text, tone) = words::spoken(catalogue, key);
        rows.push(vec![
            (number, Tone::Plain),
            (registry, Tone::Plain),
            (custom, Tone::Plain),
            (text, tone),
            (count(flows), Tone::Plain),
            (bytes(sum), Tone::Plain),
        ]);
    }
    rows
}

const FIGURE_COLUMNS: [Column; 7] = [
    Column::text("PORT", 9),
    Column::number("INITIATORS"),
    Column::number("PACKETS →"),
    Column::number("← PACKETS"),
    Column::number("RESENT"),
    Column::text("OUTCOMES", 16),
    Column::text("SEEN", 20),
];

fn figure_row(name: &str, all: &Aggregate) -> Row {
    let outcomes: Vec<_> = Outcome::ALL
        .iter()
        .filter(|&&o| all.outcomes[o as usize] > 0)
        .map(|&o| format!("{} {}", count(all.outcomes[o as usize]), o.as_str().replace('_', " ")))
        .collect();
    let seen = all.seen.map_or_else(String::new, |(first, last)| {
        format!("{} +{}", seconds(first), duration(last.since(first)))
    });
    plain([
        name.to_owned(),
        count(all.initiators.count()),
        count(all.packets.initiator),
        count(all.packets.responder),
        count(all.retransmissions),
        outcomes.join(", "),
        seen,
    ])
}

const QUANTILE_COLUMNS: [Column; 5] = [
    Column::text("p50/p90/p99/max", 9),
    Column::text("HANDSHAKE", 12),
    Column::text("FIRST RESPONSE", 12),
    Column::text("DURATION", 12),
    Column::text("PACKET BYTES", 12),
];

/// A question mark in each cell where there are no figures.
fn quantile_row(name: &str, figures: Option<&Figures>) -> Row {
    let cell = |of: fn(&Figures) -> &Quantiles, unit| {
        figures.map_or_else(|| "?".into(), |own| quantiles(of(own).summary(), unit))
    };
    plain([
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

fn services(out: &mut dyn Write, report: &Report<'_, '_>, style: Style) -> io::Result<()> {
    let mut services: Vec<_> = report.run.stats.services.iter().collect();
    services.sort_by_key(|(key, stats)| (std::cmp::Reverse(stats.all.bytes.sum()), **key));
    let services: Vec<(String, &ServiceKey<'_>, &ServiceStats)> =
        services.into_iter().map(|(key, stats)| (service_name(report, key), key, stats)).collect();
    let rows: Vec<Row> = services
        .iter()
        .map(|(name, (id, tag, protocol), ServiceStats { all, .. })| {
            // Without a service the tag is that of the likeliest candidate, unless the language has
            // a family of its own.
            let guessed = id.is_none() && protocol.is_none_or(|p| p.family().is_none());
            plain([
                name.clone(),
                tag.map_or_else(
                    || "-".into(),
                    |tag| format!("{}{}", escape(tag), if guessed { "?" } else { "" }),
                ),
                count(all.flows),
                count(all.initiators.count()),
                bytes(all.bytes.initiator),
                bytes(all.bytes.responder),
            ])
        })
        .collect();
    layout::write(out, style, &SERVICE_COLUMNS, &rows)?;
    writeln!(out)?;
    let rows: Vec<Row> =
        services.iter().map(|(name, _, stats)| quantile_row(name, Some(&stats.figures))).collect();
    layout::write(out, style, &QUANTILE_COLUMNS, &rows)
}

fn service_name(report: &Report<'_, '_>, (id, _, protocol): &ServiceKey<'_>) -> String {
    let name = id.map(|id| report.catalogue.service(id).map_or(id, |s| &s.name));
    match (name, protocol) {
        (Some(name), Some(protocol)) => format!("{protocol}: {}", escape(name)),
        (Some(name), None) => escape(name),
        (None, Some(protocol)) => format!("{protocol}, no service named"),
        (None, None) => "not recognised".into(),
    }
}

fn plain<const N: usize>(cells: [String; N]) -> Row {
    cells.map(|text| (text, Tone::Plain)).to_vec()
}
