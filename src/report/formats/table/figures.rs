//! The figures of ports and services (`--stats`): packets, outcomes, times and sizes, each in its own
//! column and unit, so that they can be compared down the column.

use std::io::{self, Write};

use super::PortRow;
use crate::report::parts::labels;
use crate::report::parts::layout::{self, Cell, Column, Row};
use crate::report::parts::sorting::SortColumn;
use crate::report::parts::units::{bytes, count};
use crate::report::{Report, Style, escape};
use crate::stats::{Aggregate, COUNTERS, Distributions, Quantiles, ServiceKey, ServiceStats};

/// Writes the figures of these ports, then those of all services.
pub(super) fn write(
    out: &mut dyn Write,
    report: &Report<'_>,
    ports: &[PortRow<'_>],
    style: Style,
) -> io::Result<()> {
    let rows = |row: fn(&str, PortRow<'_>) -> Row| {
        ports.iter().map(|&port| row(&port.0.to_string(), port)).collect::<Vec<_>>()
    };
    let counted = rows(|name, (_, stats)| count_row(name, &stats.all));
    layout::write(out, style, &count_columns(), &counted)?;
    writeln!(out)?;
    let distributed = rows(|name, (_, stats)| distribution_row(name, stats.distributions.as_ref()));
    layout::write(out, style, &distribution_columns("PORT"), &distributed)?;
    writeln!(out)?;
    write_services(out, report, style)
}

fn count_columns() -> Vec<Column> {
    let mut columns = vec![
        Column::fixed("PORT"),
        Column::number("CLIENTS").gives_way(2),
        Column::number("CLIENT PKTS").gives_way(3),
        Column::number("SERVER PKTS").gives_way(3),
    ];
    columns.extend(COUNTERS.iter().map(|counter| Column::number(counter.title).gives_way(1)));
    columns.push(Column::text("CONNECTIONS", 16));
    columns
}

/// Packets are those of the clients, and of the server.
fn count_row(name: &str, all: &Aggregate) -> Row {
    let mut row = vec![
        name.to_owned(),
        count(all.initiators.count()),
        count(all.packets.initiator),
        count(all.packets.responder),
    ];
    row.extend(all.counters.iter().map(|(_, sum)| count(sum)));
    row.push(labels::outcomes(all.by_outcome()));
    row.into_iter().map(Cell::trusted).collect()
}

/// Times in milliseconds, sizes in bytes; of each the median and the 99th percentile.
fn distribution_columns(first: &'static str) -> [Column; 9] {
    [
        Column::text(first, 9),
        // A percentile goes before the median that it stands beside.
        Column::number("CONNECT ms p50").gives_way(4),
        Column::number("p99").gives_way(3),
        Column::number("RESPONSE ms p50").gives_way(6),
        Column::number("p99").gives_way(5),
        Column::number("DURATION ms p50"),
        Column::number("p99").gives_way(7),
        Column::number("PACKET B p50").gives_way(2),
        Column::number("p99").gives_way(1),
    ]
}

/// A question mark in each cell if the distributions of the port are not kept.
fn distribution_row(name: &str, distributions: Option<&Distributions>) -> Row {
    let mut row = vec![Cell::trusted(name)];
    let mut cells = |quantiles_of: fn(&Distributions) -> &Quantiles, unit: fn(u64) -> String| {
        let texts = match distributions.map(|own| quantiles_of(own).summary()) {
            None => ["?", "?"].map(str::to_owned),
            Some(summary) if summary.count == 0 => ["-", "-"].map(str::to_owned),
            Some(summary) => [summary.p50, summary.p99].map(unit),
        };
        row.extend(texts.map(Cell::trusted));
    };
    cells(|own| &own.handshake_rtt_ns, milliseconds);
    cells(|own| &own.first_response_ns, milliseconds);
    cells(|own| &own.duration_ns, milliseconds);
    cells(|own| &own.packet_bytes, |n| n.to_string());
    row
}

/// Nanoseconds as milliseconds with three decimals: as many digits in every row.
fn milliseconds(ns: u64) -> String {
    let micros = ns / 1_000 + u64::from(ns % 1_000 >= 500);
    format!("{}.{:03}", count(micros / 1_000), micros % 1_000)
}

const SERVICE_COLUMNS: [Column; 6] = [
    Column::text("SERVICE", 20),
    Column::fixed("TAG").gives_way(3),
    Column::number("FLOWS"),
    Column::number("CLIENTS").gives_way(1),
    Column::number("CLIENT BYTES").gives_way(2),
    Column::number("SERVER BYTES").gives_way(2),
];

fn write_services(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    let mut services: Vec<_> = report.run.stats.services.iter().collect();
    let sort = report.show.sort.unwrap_or(SortColumn::Bytes);
    services.sort_by_cached_key(|&(key, stats)| (sort.of_all(&stats.all), key.clone()));
    let services: Vec<(String, &ServiceKey, &ServiceStats)> = services
        .into_iter()
        .map(|(key, stats)| (service_name(report, key, &stats.all), key, stats))
        .collect();
    let rows: Vec<Row> = services
        .iter()
        .map(|(name, (_, tag, _), ServiceStats { all, .. })| {
            let texts = [
                name.clone(),
                tag.as_ref().map_or_else(|| "-".into(), |tag| escape(tag)),
                count(all.flows),
                count(all.initiators.count()),
                bytes(all.bytes.initiator),
                bytes(all.bytes.responder),
            ];
            texts.map(Cell::trusted).to_vec()
        })
        .collect();
    layout::write(out, style, &SERVICE_COLUMNS, &rows)?;
    writeln!(out)?;
    let rows: Vec<Row> = services
        .iter()
        .map(|(name, _, stats)| distribution_row(name, Some(&stats.distributions)))
        .collect();
    layout::write(out, style, &distribution_columns("SERVICE"), &rows)
}

/// The service and protocol; of flows that were not recognised whether they have payload at all.
pub(in crate::report) fn service_name(
    report: &Report<'_>,
    (id, _, protocol): &ServiceKey,
    &Aggregate { flows, flows_without_payload, .. }: &Aggregate,
) -> String {
    let name = id.as_deref().map(|id| report.catalogue().name_of(id));
    match (name, protocol) {
        (Some(name), Some(protocol)) => format!("{protocol}: {}", escape(name)),
        (Some(name), None) => escape(name),
        (None, Some(protocol)) => format!("{protocol}, service not identified"),
        (None, None) if flows_without_payload == flows => labels::NO_DATA.into(),
        (None, None) if flows_without_payload > 0 => {
            format!("not recognised ({} without data)", count(flows_without_payload))
        }
        (None, None) => "not recognised".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_three_decimals_in_every_row() {
        let texts = [0, 499, 500, 45_000, 6_600_000, 1_234_567_890_000].map(milliseconds);
        assert_eq!(texts, ["0.000", "0.000", "0.001", "0.045", "6.600", "1,234,567.890"]);
    }
}
