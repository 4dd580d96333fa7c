//! The table of servers: who answered at an endpoint, and the frame that proves it.

use std::cmp::Reverse;
use std::io::{self, Write};

use crate::evidence::Protocol;
use crate::report::parts::layout::{self, Cell, Column, Row, Tone};
use crate::report::parts::units::{bytes, count, plural};
use crate::report::{Report, Style};
use crate::stats::{Server, ServerText};

const COLUMNS: [Column; 8] = [
    Column::text("SERVER", 21),
    Column::text("SPEAKING", 16),
    Column::text("ALSO, PRODUCT", 8),
    Column::text("NAME", 6),
    Column::number("CLIENTS"),
    Column::number("FLOWS"),
    Column::number("BYTES"),
    Column::number("PROOF"),
];

/// Writes the servers with most bytes, as many as there are rows in the tables of ports, and the
/// number of the others.
pub(super) fn write(out: &mut dyn Write, report: &Report<'_>, style: Style) -> io::Result<()> {
    let mut servers = report.run.stats.servers.rows();
    if servers.is_empty() {
        return writeln!(out, "No server answered.");
    }
    servers.sort_by_key(|server| (Reverse(server.bytes.sum()), server.key));
    let top = report.show.top;
    let shown = if top == 0 { servers.len() } else { top.min(servers.len()) };
    let (rows, hidden) = servers.split_at(shown);
    let rows: Vec<Row> = rows.iter().map(|server| row(report, server)).collect();
    layout::write(out, style, &COLUMNS, &rows)?;
    if !hidden.is_empty() {
        let others = plural(hidden.len() as u64, "server");
        writeln!(out, "and {others} with fewer bytes; --top 0 shows all")?;
    }
    Ok(())
}

fn row(report: &Report<'_>, server: &Server<'_>) -> Row {
    let (speaking, also) = speaking(report, server);
    let products = with_more(server.products, server.products_more);
    let also = also.into_iter().chain(products).collect::<Vec<_>>().join(", ");
    let names = with_more(server.names, server.names_more).collect::<Vec<_>>().join(", ");
    let proof = server.proof_frame.map_or_else(|| "-".into(), |frame| format!("frame {frame}"));
    vec![
        Cell::trusted(server.key.to_string()),
        speaking,
        Cell::escape(&also),
        Cell::escape(&names),
        Cell::trusted(count(server.clients)),
        Cell::trusted(count(server.flows)),
        Cell::trusted(bytes(server.bytes.sum())),
        Cell::trusted(proof),
    ]
}

/// The protocols with the services of the highest layer, and the names of the other services.
fn speaking(report: &Report<'_>, server: &Server<'_>) -> (Cell, Vec<String>) {
    let name = |id: &str| report.catalogue().service(id).map_or(id, |s| &s.name).to_owned();
    let protocols: Vec<_> = server.protocols.iter().copied().map(Protocol::as_str).collect();
    let protocols = protocols.join(", ");
    let Some(highest) = server.services.first().map(|service| service.layer) else {
        let text = if protocols.is_empty() { "not recognised" } else { &protocols };
        return (Cell::trusted(text), Vec::new());
    };
    let (top, also): (Vec<_>, Vec<_>) =
        server.services.iter().partition(|service| service.layer == highest);
    let names = |services: Vec<&crate::stats::ProvedService<'_>>| {
        let mut names: Vec<_> = services.into_iter().map(|service| name(service.id)).collect();
        names.dedup();
        names
    };
    let top = names(top).join(", ");
    let text = if protocols.is_empty() { top } else { format!("{protocols}: {top}") };
    (Cell::escape(&text).with_tone(Tone::Good), names(also))
}

/// Texts, and the number of those that are not shown.
fn with_more(texts: &[ServerText], more: usize) -> impl Iterator<Item = String> {
    let more = (more > 0).then(|| format!("+{more}"));
    texts.iter().map(|text| text.text.to_string()).chain(more)
}
