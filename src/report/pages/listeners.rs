//! The page of `portlore ports`: everything that listens on this machine, and what its port is
//! known for.

use std::io::{self, Write};

use serde::Serialize;

use super::listening::{Here, ListenerJson, ListeningGroup};
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::process::Listener;
use crate::report::formats::json::write_line;
use crate::report::parts::labels;
use crate::report::parts::layout::{self, Cell, Column, Row};
use crate::report::{Style, escape};

/// The version of the document; later versions only add.
const SCHEMA: &str = "portlore/ports/1";

const COLUMNS: [Column; 7] = [
    Column::fixed("PORT"),
    Column::text("PROCESS", 8),
    Column::text("FOLDER", 8).gives_way(3),
    Column::text("CONTAINER", 8).gives_way(2),
    Column::text("REACHABLE ON", 10).gives_way(4),
    Column::text("REGISTERED", 8).gives_way(1),
    Column::text("CUSTOMARY", 8).gives_way(1),
];

/// Writes a row for each port and process, in the order of ports. Sockets of the same processes on
/// the same port, such as those for IPv4 and IPv6, are one row.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(
    out: &mut dyn Write,
    catalogue: &Catalogue,
    listeners: &[Listener],
    here: &Here,
    style: Style,
) -> io::Result<()> {
    if listeners.is_empty() {
        return writeln!(out, "Nothing is listening on this machine.");
    }
    let mut groups = ListeningGroup::from_sockets(listeners);
    groups.sort_by_key(|group| group.sockets.first().map(|s| (s.bound.port(), s.transport)));
    let rows: Vec<Row> = groups.iter().filter_map(|group| row(catalogue, group, here)).collect();
    layout::write(out, style, &COLUMNS, &rows)?;
    if groups.iter().any(|group| group.processes().is_empty()) {
        writeln!(out, "\n?  process not visible: {}", here.why_unseen())?;
    }
    Ok(())
}

fn row(catalogue: &Catalogue, group: &ListeningGroup<'_>, here: &Here) -> Option<Row> {
    let first = group.sockets.first()?;
    let port = ServicePort::new(first.bound.port(), first.transport);
    let process = group.processes().first();
    let who = match (process, &first.user) {
        (Some(_), _) => group.who(here),
        (None, Some(user)) => format!("? of {}", escape(user)),
        (None, None) => "?".to_owned(),
    };
    let container = process.and_then(|process| process.holder.container.as_deref());
    Some(vec![
        Cell::trusted(port.to_string()),
        Cell::trusted(who),
        Cell::trusted(process.and_then(|process| here.folder(process)).unwrap_or("-".to_owned())),
        Cell::escape(container.unwrap_or("-")),
        Cell::trusted(group.place()),
        labels::registered(catalogue, port).into(),
        labels::customary(catalogue, port).into(),
    ])
}

#[derive(Serialize)]
struct ListenersDocumentJson<'l> {
    schema: &'static str,
    listeners: Vec<SocketJson<'l>>,
}

#[derive(Serialize)]
struct SocketJson<'l> {
    #[serde(flatten)]
    listener: ListenerJson<'l>,
    registered: Vec<&'static str>,
    customary: Vec<&'l str>,
}

/// Writes every listening socket as one JSON document.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_json(
    out: &mut dyn Write,
    catalogue: &Catalogue,
    listeners: &[Listener],
) -> io::Result<()> {
    let socket = |listener| {
        let &Listener { bound, transport, .. } = listener;
        let port = ServicePort::new(bound.port(), transport);
        let claims = catalogue.claims_on(port);
        let customary = claims.filter(|(_, claim)| !claim.standing.is_in_registry());
        SocketJson {
            listener: ListenerJson::from(listener),
            registered: catalogue.registry.names(port).collect(),
            customary: customary.map(|(service, _)| &*service.id).collect(),
        }
    };
    let mut sockets: Vec<&Listener> = listeners.iter().collect();
    sockets.sort_by_key(|listener| (listener.bound.port(), listener.transport, listener.bound));
    let listeners = sockets.into_iter().map(socket).collect();
    write_line(out, &ListenersDocumentJson { schema: SCHEMA, listeners })
}
