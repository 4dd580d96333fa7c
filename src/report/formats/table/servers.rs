//! The table of servers: what speaks at an endpoint, and the frame that proves it.

use std::cmp::Reverse;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::report::parts::escape::SafeText;
use crate::report::parts::layout::{self, Cell, Column, Row, fit};
use crate::report::parts::servers;
use crate::report::parts::units::{bytes, count, plural};
use crate::report::{Report, Style};
use crate::stats::Server;

const COLUMNS: [Column; 7] = [
    Column::text("SERVER", 21),
    Column::text("SPEAKING", 16),
    Column::text(OTHERS, OTHERS.len()),
    Column::number("CLIENTS"),
    Column::number("FLOWS"),
    Column::number("BYTES"),
    Column::number("PROOF"),
];

/// The column that shrinks first.
const OTHERS: &str = "ALSO, PRODUCT, NAME";
const OTHERS_AT: usize = 2;

/// Writes the servers with most bytes, as many as there are rows in the tables of ports, and the
/// number of the others.
pub(super) fn write(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    let mut servers: Vec<_> = report.run.stats.servers.rows().collect();
    if servers.is_empty() {
        return writeln!(out, "No server answered.");
    }
    servers.sort_by_key(|server| (Reverse(server.bytes.sum()), server.key));
    let top = report.show.top;
    let shown = if top == 0 { servers.len() } else { top.min(servers.len()) };
    let (rows, hidden) = servers.split_at(shown);
    let mut rows: Vec<Row> = rows.iter().map(|server| row(report, server)).collect();
    shrink_others(style, &mut rows);
    layout::write(out, style, &COLUMNS, &rows)?;
    if !hidden.is_empty() {
        let others = plural(hidden.len() as u64, "server");
        writeln!(out, "and {others} with fewer bytes; --top 0 shows all")?;
    }
    Ok(())
}

/// Cuts the column that matters least to the room that the others leave.
fn shrink_others(style: Style, rows: &mut [Row]) {
    const GAP: usize = 2;
    let least = ["SERVER", "SPEAKING", "", "CLIENTS", "FLOWS", "BYTES", "PROOF"].map(str::len);
    let widest = |(i, least): (usize, usize)| {
        let widths = rows.iter().filter_map(|row| Some(row.get(i)?.text.as_str().width()));
        GAP + widths.max().unwrap_or(0).max(least)
    };
    let columns = least.into_iter().enumerate().filter(|&(i, _)| i != OTHERS_AT);
    let taken: usize = columns.map(widest).sum();
    let room = style.width.saturating_sub(taken).max(OTHERS.len());
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(OTHERS_AT)) {
        cell.text = SafeText::trusted(fit(cell.text.as_str(), room));
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
