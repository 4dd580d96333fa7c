//! The processes behind a flow or a port: as a sentence and as a table.

use std::io::{self, Write};

use super::escape::escape;
use super::layout::{self, Cell, Column, Row, Style};
use super::units::count;
use crate::catalogue::Catalogue;
use crate::classify::service_of_process;
use crate::decode::ServicePort;
use crate::evidence::Direction;
use crate::process::{Attribution, FlowProcesses, Ground, Holder, Unknown};
use crate::stats::{PortProcesses, PortStats, ProcessFlows, Speaker};

/// The holders of a socket in a few words: `node (pid 42)`, `gunicorn (pid 7) or 4 others`; `None`
/// if there are none.
pub(in crate::report) fn names<'h>(
    mut holders: impl ExactSizeIterator<Item = &'h Holder>,
) -> Option<String> {
    let first = holders.next()?;
    let first = format!("{} (pid {})", escape(&first.name), first.pid);
    Some(match holders.len() {
        0 => first,
        1 => format!("{first} or 1 other"),
        others => format!("{first} or {others} others"),
    })
}

/// The processes behind a port in the fewest words: `7482 node exp.js`; `None` if none is known.
#[must_use]
pub fn short_names(side: &ProcessFlows) -> Option<String> {
    let mut holders = side.by_process.keys();
    let first = holders.next()?;
    let mut words = first.command.split_whitespace();
    // The folders of the program say less than its name.
    let program = words.next().and_then(|path| path.rsplit('/').next()).unwrap_or(&first.name);
    let command: Vec<&str> = std::iter::once(program).chain(words).collect();
    let more = holders.count();
    let more = if more > 0 { format!(", +{more}") } else { String::new() };
    Some(format!("{} {}{more}", first.pid, escape(&command.join(" "))))
}

/// The service that the processes behind a port are called after, if they agree, and the bytes prove
/// none.
pub(in crate::report) fn service<'c>(
    catalogue: &'c Catalogue,
    key: &Speaker,
    side: &ProcessFlows,
) -> Option<&'c str> {
    if key.service.is_some() || key.unanswered.is_some() {
        return None;
    }
    let mut services = side.by_process.keys().map(|holder| {
        let facts = holder.stated_facts();
        service_of_process(catalogue, key.protocol, &facts).map(|service| &*service.id)
    });
    let first = services.next()??;
    services.all(|other| other == Some(first)).then_some(first)
}

/// The sentences on the processes behind both sides of a flow; one where neither was found in time.
pub(in crate::report) fn sentences(processes: &FlowProcesses) -> Vec<String> {
    if let [Some(Attribution::Unknown(why)), Some(Attribution::Unknown(other))] =
        Direction::BOTH.map(|side| processes.get(side))
        && why == other
        && matches!(why, Unknown::Gone | Unknown::Unanswered)
    {
        let text = match why {
            Unknown::Gone => "their sockets had already closed".to_owned(),
            why => escape(&why.text()),
        };
        return vec![format!("client and server processes unknown: {text}")];
    }
    let sides = [Direction::Responder, Direction::Initiator].into_iter();
    sides.filter_map(|side| Some(sentence(side, processes.get(side)?))).collect()
}

/// The sentence on the process behind one side of a flow.
pub(in crate::report) fn sentence(side: Direction, attribution: &Attribution) -> String {
    let side = match side {
        Direction::Initiator => "client process",
        Direction::Responder => "server process",
    };
    match attribution {
        Attribution::Unknown(why) => format!("{side} unknown: {}", escape(&why.text())),
        Attribution::Known(holders, ground) => {
            let names = names(holders.iter().map(AsRef::as_ref)).unwrap_or_default();
            let mut text = format!("{side}: {names}");
            if let Some(holder) = holders.first() {
                text += &format!(", user {}", escape(&holder.user));
                text.extend(
                    holder
                        .container
                        .as_deref()
                        .map(|container| format!(" in {}", escape(container))),
                );
                if !holder.command.is_empty() {
                    text += &format!(": {}", escape(&holder.command));
                }
            }
            match (ground, holders.len()) {
                (Ground::Socket, 1) => {}
                (Ground::Socket, _) => text += " [shared socket]",
                (Ground::Listener, 1) => text += " [listens on this port]",
                (Ground::Listener, _) => text += " [shared port]",
                (Ground::Past, _) => text += " [may have exited]",
            }
            text
        }
    }
}

const COLUMNS: [Column; 6] = [
    Column::fixed("PORT"),
    Column::text("PROCESS", 12),
    Column::number("PID"),
    Column::text("USER", 8),
    Column::number("FLOWS"),
    Column::text("COMMAND", 16),
];

/// Writes the table of the processes behind the ports and of those on this machine that called
/// them, after an empty line; nothing if none is known.
///
/// # Errors
/// If `out` cannot be written.
pub(in crate::report) fn write(
    out: &mut dyn Write,
    style: Style,
    ports: &[(ServicePort, &PortStats)],
) -> io::Result<()> {
    let rows: Vec<Row> =
        ports.iter().flat_map(|&(port, stats)| rows(port, &stats.processes)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    layout::write(out, style, &COLUMNS, &rows)
}

fn rows(port: ServicePort, processes: &PortProcesses) -> Vec<Row> {
    let mut rows = Vec::new();
    for (side, arrow) in [(&processes.responders, ""), (&processes.initiators, "→ ")] {
        let name = format!("{arrow}{port}");
        for (holder, flows) in &side.by_process {
            let place = holder
                .container
                .as_deref()
                .map_or_else(String::new, |container| format!(" in {container}"));
            let who =
                format!("{}{place}{}", holder.name, if side.shared { " (shared)" } else { "" });
            rows.push(row(
                &name,
                &who,
                &holder.pid.to_string(),
                &holder.user,
                *flows,
                &holder.command,
            ));
        }
        if side.more {
            rows.push(row(&name, "and others", "", "", 0, ""));
        }
        if side.unknown > 0 {
            rows.push(row(&name, "unknown", "", "", side.unknown, ""));
        }
    }
    rows
}

fn row(port: &str, name: &str, pid: &str, user: &str, flows: u64, command: &str) -> Row {
    let flows = if flows == 0 { String::new() } else { count(flows) };
    vec![
        Cell::trusted(port),
        Cell::escape(name),
        Cell::trusted(pid),
        Cell::escape(user),
        Cell::trusted(flows),
        Cell::escape(command),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::classify::Confidence;
    use crate::evidence::Protocol;

    #[test]
    fn processes_that_agree_name_a_service_that_speaks_the_protocol() {
        let catalogue = Catalogue::shipped().unwrap();
        let speaker = |protocol| Speaker {
            service: None,
            tag: None,
            protocol,
            confidence: Confidence::Protocol,
            fit: None,
            unanswered: None,
            fault: None,
        };
        let side = |commands: &[&str]| {
            let holder = |(pid, command): (i32, &&str)| {
                let holder = Holder {
                    name: "node".to_owned(),
                    pid,
                    command: (*command).to_owned(),
                    user: "me".to_owned(),
                    container: None,
                };
                (Arc::new(holder), 1)
            };
            let by_process: BTreeMap<_, _> = (1..).zip(commands).map(holder).collect();
            ProcessFlows { by_process, ..ProcessFlows::default() }
        };
        let vite = "node /home/me/app/node_modules/.bin/vite --port 5173";
        let found = |protocol, commands: &[&str]| {
            service(&catalogue, &speaker(protocol), &side(commands)).map(str::to_owned)
        };
        assert_eq!(found(Some(Protocol::Http), &[vite]).as_deref(), Some("vite"));
        assert_eq!(found(Some(Protocol::Http), &[vite, vite]).as_deref(), Some("vite"));
        assert_eq!(found(Some(Protocol::Http), &[vite, "gunicorn app:app"]), None);
        assert_eq!(found(Some(Protocol::Ssh), &[vite]), None, "it does not speak SSH");
        assert_eq!(found(Some(Protocol::Http), &[]), None);
    }

    #[test]
    fn what_is_unknown_of_both_sides_for_one_reason_is_said_once() {
        let gone = || Some(Arc::new(Attribution::Unknown(Unknown::Gone)));
        let mut processes = FlowProcesses::default();
        assert!(sentences(&processes).is_empty());
        processes.initiator = gone();
        assert_eq!(sentences(&processes).len(), 1);
        processes.responder = gone();
        let both = "client and server processes unknown: their sockets had already closed";
        assert_eq!(sentences(&processes), [both]);
        processes.responder = Some(Arc::new(Attribution::Unknown(Unknown::Nobody)));
        assert_eq!(sentences(&processes).len(), 2);
        let unanswered = Arc::new(Attribution::Unknown(Unknown::Unanswered));
        processes =
            FlowProcesses { initiator: Some(Arc::clone(&unanswered)), responder: Some(unanswered) };
        let both = "client and server processes unknown: the process lookup does not answer";
        assert_eq!(sentences(&processes), [both]);
    }
}
