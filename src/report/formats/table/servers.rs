//! The table of servers: what speaks at an endpoint, and the frame that proves it.

use std::io::{self, Write};

use crate::report::parts::layout::{self, Cell, Column, Row};
use crate::report::parts::servers;
use crate::report::parts::sorting::SortColumn;
use crate::report::parts::units::{bytes, count, plural};
use crate::report::{Report, Style};
use crate::stats::Server;

const COLUMNS: [Column; 7] = [
    Column::text("SERVER", 21).cut_within(),
    Column::text("SPEAKING", 16),
    Column::text("PRODUCT, NAMES", 14).gives_way(1),
    Column::number("CLIENTS").gives_way(2),
    Column::number("FLOWS").gives_way(3),
    Column::number("BYTES").gives_way(5),
    Column::number("PROOF").gives_way(4),
];

/// Writes the servers with most bytes, or first by `--sort`, as many as there are rows in the tables of ports, and the
/// number of the others.
pub(super) fn write(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    let mut servers: Vec<_> = report.run.stats.servers.rows().collect();
    if servers.is_empty() {
        return writeln!(out, "No server answered.");
    }
    let sort = report.show.sort.unwrap_or(SortColumn::Bytes);
    servers.sort_by_key(|server| (sort.of_server(server), server.key));
    let top = report.show.top;
    let shown = if top == 0 { servers.len() } else { top.min(servers.len()) };
    let (rows, hidden) = servers.split_at(shown);
    let mut rows: Vec<Row> = rows.iter().map(|server| row(report, server)).collect();
    let mut columns = COLUMNS.to_vec();
    if !report.run.sensors.is_empty() {
        columns.insert(0, Column::text("SENSOR", 6));
        for (row, server) in rows.iter_mut().zip(&servers) {
            let sensor = report.run.sensor(server.key.sensor).unwrap_or_default();
            row.insert(0, Cell::escape(sensor));
        }
    }
    layout::write(out, style, &columns, &rows)?;
    if !hidden.is_empty() {
        let others = plural(hidden.len() as u64, "server");
        writeln!(out, "and {others} {}; --top 0 shows all", rest(sort))?;
    }
    Ok(())
}

/// What the other servers have.
const fn rest(sort: SortColumn) -> &'static str {
    match sort {
        SortColumn::Packets => SortColumn::Bytes.of_the_rest(),
        sort => sort.of_the_rest(),
    }
}

fn row(report: &Report<'_>, server: &Server<'_>) -> Row {
    let (speaking, others) = servers::speaking(report.catalogue(), server);
    let others: Vec<_> = others.into_iter().chain(servers::texts(server)).collect();
    let proof = server.proof_frame.map_or_else(|| "-".into(), |frame| format!("frame {frame}"));
    vec![
        Cell::trusted(server.key.to_string()),
        speaking,
        Cell::escape(&others.join(", ")),
        Cell::trusted(count(server.clients)),
        Cell::trusted(count(server.flows)),
        Cell::trusted(bytes(server.bytes.sum())),
        Cell::trusted(proof),
    ]
}
