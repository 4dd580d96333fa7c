//! The table of servers: what speaks at an endpoint, and the frame that proves it.

use std::cmp::Reverse;
use std::io::{self, Write};

use crate::evidence::Protocol;
use crate::report::parts::labels;
use crate::report::parts::layout::{self, Cell, Column, Row, Tone};
use crate::report::parts::units::{bytes, count, plural};
use crate::report::{Report, Style};
use crate::stats::{ProvedService, Server};

const COLUMNS: [Column; 7] = [
    Column::text("SERVER", 21).cut_within(),
    Column::text("SPEAKING", 16),
    Column::text("ALSO, PRODUCT, NAME", 8).gives_way(1),
    Column::number("CLIENTS").gives_way(2),
    Column::number("FLOWS").gives_way(3),
    Column::number("BYTES").gives_way(5),
    Column::number("PROOF").gives_way(4),
];

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
    let rows: Vec<Row> = rows.iter().map(|server| row(report, server)).collect();
    layout::write(out, style, &COLUMNS, &rows)?;
    if !hidden.is_empty() {
        let others = plural(hidden.len() as u64, "server");
        writeln!(out, "and {others} with fewer bytes; --top 0 shows all")?;
    }
    Ok(())
}

fn row(report: &Report<'_>, server: &Server<'_>) -> Row {
    let (speaking, others) = speaking(report, server);
    let others: Vec<_> = others.into_iter().chain(texts(server)).collect();
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

/// The protocols with the services of the highest layer, and the names of the other services.
fn speaking(report: &Report<'_>, server: &Server<'_>) -> (Cell, Vec<String>) {
    let protocols: Vec<_> = server.protocols().map(Protocol::name).collect();
    let protocols = protocols.join(", ");
    let Some(highest) = server.services.first().map(|service| service.layer) else {
        let text = match &*protocols {
            "" if server.has_data => "not recognised",
            "" => labels::NO_DATA,
            known => known,
        };
        return (Cell::trusted(text), Vec::new());
    };
    let names = |is_highest: bool| {
        let is_wanted = |s: &&ProvedService<'_>| (s.layer == highest) == is_highest;
        let mut names: Vec<_> = server
            .services
            .iter()
            .filter(is_wanted)
            .map(|service| report.catalogue().name_of(service.id).to_owned())
            .collect();
        names.dedup();
        names
    };
    let highest = names(true).join(", ");
    let text = if protocols.is_empty() { highest } else { format!("{protocols}: {highest}") };
    (Cell::escape(&text).with_tone(Tone::Good), names(false))
}

/// The products, then the names that are more than the address, with the numbers of others.
fn texts<'s>(server: &'s Server<'_>) -> impl Iterator<Item = String> + 's {
    let more = |n: usize| (n > 0).then(|| format!("+{n}"));
    let products = server.products.iter().map(|product| product.text.to_string());
    let named: Vec<&str> =
        server.names.iter().filter(|name| !name.is_address()).map(|name| &*name.text).collect();
    // What a client called it is most often what it had been answered.
    let answered = server.address_names.iter().map(|name| &*name.text);
    let answered: Vec<&str> = answered.filter(|name| !named.contains(name)).collect();
    let names = named.into_iter().chain(answered).map(|name| format!("as {name}"));
    let line = server.first_line.map(|line| format!("\"{}\"", line.text));
    let more_names = more(server.names_more + server.address_names_more);
    products.chain(more(server.products_more)).chain(names).chain(more_names).chain(line)
}
