//! The table of ports: what the registry says, what people customarily run there, what speaks, and
//! where.

use std::collections::HashMap;
use std::io::{self, Write};

use super::PortRow;
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::report::parts::layout::{self, Cell, Column, Row, fit};
use crate::report::parts::units::{bytes, count};
use crate::report::parts::{labels, processes};
use crate::report::{Report, Style, escape};
use crate::stats::{ServerKey, Speaker, SpeakingServer, TextSource};

/// The narrowest SPEAKING, as long as the terminal has forty columns.
const LEAST_SPEAKING: usize = 16;
/// The columns beside SPEAKING that are never left out: PORT, BYTES and the gaps.
const OTHERS: usize = "65535/tcp".len() + "999 MB".len() + 2 * 2;

/// Writes a row for each thing that spoke on each port; the first one of a port has its labels.
pub(super) fn write(
    out: &mut dyn Write,
    report: &Report<'_>,
    ports: &[PortRow<'_>],
    style: Style,
) -> io::Result<()> {
    let mut servers: HashMap<ServicePort, Vec<SpeakingServer<'_>>, foldhash::fast::RandomState> =
        ports.iter().map(|&(port, _)| (port, Vec::new())).collect();
    for server in report.run.stats.servers.speaking() {
        if let Some(here) = servers.get_mut(&server.key().service_port()) {
            here.push(server);
        }
    }
    let has_processes =
        ports.iter().any(|(_, stats)| !stats.processes.responders.by_process.is_empty());
    let (mut rows, mut essential, mut named) = (Vec::new(), 0, Vec::new());
    for &port in ports {
        let here = servers.get(&port.0).map_or(&[][..], Vec::as_slice);
        for (row, name) in port_rows(report, port, here, &mut essential) {
            named.extend(name.map(|name| (rows.len(), name)));
            rows.push(row);
        }
    }
    // What is spoken and who speaks is shown whole; what stands behind it may be cut.
    let room = style.width.saturating_sub(OTHERS).max(LEAST_SPEAKING);
    let server_column = if has_processes {
        Column::text("PROCESS", 9)
    } else {
        Column::text("SERVER", 9).cut_within()
    };
    let columns = [
        Column::fixed("PORT"),
        Column::text("REGISTERED", 8).gives_way(1),
        Column::text("CUSTOMARY", 8).gives_way(1),
        Column::text("SPEAKING", essential.clamp(LEAST_SPEAKING, room)),
        server_column.gives_way(2),
        Column::number("CLIENTS").gives_way(3),
        Column::number("BYTES"),
    ];
    // Names stand beside addresses only where nothing is cut for them.
    let mut exchange = |rows: &mut [Row]| {
        for (i, name) in &mut named {
            if let Some(cell) = rows.get_mut(*i).and_then(|row| row.get_mut(SERVER_AT)) {
                std::mem::swap(name, cell);
            }
        }
    };
    exchange(&mut rows);
    if !layout::fits(style, &columns, &rows) {
        exchange(&mut rows);
    }
    layout::write(out, style, &columns, &rows)?;
    if rows.iter().any(|row| row[SPEAKING_AT].text.as_str().starts_with('!')) {
        writeln!(out)?;
        let legend = "not what the port is registered or customarily used for";
        layout::write_wrapped(out, style, "!  ", legend, 0)?;
    }
    Ok(())
}

const SPEAKING_AT: usize = 3;
const SERVER_AT: usize = 4;

/// A row, and the cell of its server with a name beside the address, if that has one.
type NamedRow = (Row, Option<Cell>);

fn port_rows(
    report: &Report<'_>,
    (port, stats): PortRow<'_>,
    servers: &[SpeakingServer<'_>],
    essential: &mut usize,
) -> Vec<NamedRow> {
    let catalogue = report.catalogue();
    let mut labels: [Cell; 3] = [
        Cell::trusted(port.to_string()),
        labels::registered(catalogue, port).into(),
        labels::customary(catalogue, port).into(),
    ];
    let mut clients = Some(stats.all.initiators.count());
    let mut rows = Vec::new();
    for (key, speaking) in labels::speakers(stats) {
        let mut row = std::mem::take(&mut labels).to_vec();
        let mut cell = labels::speaker_of_port(catalogue, key, speaking, stats);
        *essential = (*essential).max(labels::essential_width(catalogue, key));
        if key.service.is_none()
            && speaking.products.is_none()
            && let Some(asked) = asked_names(key, servers)
        {
            cell = Cell::trusted(format!("{} ({asked})", cell.text)).with_tone(cell.tone);
        }
        row.push(cell);
        let mut named = None;
        row.push(if let Some(process) = processes::short_names(&stats.processes.responders) {
            Cell::trusted(process)
        } else {
            let (text, only) = addresses(key, servers);
            let name = only.and_then(|only| report.run.stats.servers.name_of(only));
            let with = |name| format!("{text} {}", fit(&escape(name), MAX_NAME));
            named = name.map(|name| Cell::trusted(with(name)));
            Cell::trusted(text)
        });
        row.push(Cell::trusted(clients.take().map_or_else(String::new, count)));
        row.push(Cell::trusted(bytes(speaking.bytes)));
        rows.push((row, named));
    }
    rows
}

/// The servers that speak so: the lowest address, and how many more; then the server, if it is the
/// only one.
fn addresses(key: &Speaker, servers: &[SpeakingServer<'_>]) -> (String, Option<ServerKey>) {
    let speaking = servers.iter().filter(|server| server.is_speaker(key));
    let lowest = |(lowest, n): (Option<ServerKey>, u64), server: &SpeakingServer<'_>| {
        let key = server.key();
        (Some(lowest.map_or(key, |lowest| lowest.min(key))), n + 1)
    };
    match speaking.fold((None, 0), lowest) {
        (None, _) => ("-".to_owned(), None),
        (Some(only), 1) => (only.address.to_string(), Some(only)),
        (Some(lowest), n) => (format!("{}, +{}", lowest.address, count(n - 1)), None),
    }
}

/// The name that clients of encrypted connections asked for: `SNI show.example.test`.
pub(in crate::report) fn asked_names(
    key: &Speaker,
    servers: &[SpeakingServer<'_>],
) -> Option<String> {
    if !matches!(key.protocol, Some(Protocol::Tls | Protocol::Quic | Protocol::Dtls)) {
        return None;
    }
    let mut names: Vec<&str> = servers
        .iter()
        .filter(|server| server.is_speaker(key))
        .flat_map(SpeakingServer::names)
        .filter(|name| name.source == TextSource::Sni)
        .map(|name| &*name.text)
        .collect();
    names.sort_unstable();
    names.dedup();
    let first = escape(names.first()?);
    let more = names.len() - 1;
    let more = if more > 0 { format!(", +{more}") } else { String::new() };
    Some(format!("SNI {}{more}", fit(&first, MAX_NAME)))
}

/// The longest name that SPEAKING shows, in columns.
const MAX_NAME: usize = 40;
