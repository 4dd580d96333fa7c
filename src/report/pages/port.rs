//! The page of a port: its range, the registry, the claimants with their sources, and the processes
//! that listen on it on this machine.

use std::fmt;
use std::io::{self, Write};

use crate::catalogue::{Catalogue, Claim, PortRange, Reach, Service};
use crate::decode::{ServicePort, Transport};
use crate::process::Listener;
use crate::report::parts::layout::wrap;
use crate::report::parts::processes;
use crate::report::{Style, escape};

/// What the page of a port shows.
pub struct PortPage<'p> {
    /// The port.
    pub port: u16,
    /// The transports that are shown.
    pub transports: &'p [Transport],
    /// The catalogue with the registry and the claims.
    pub catalogue: &'p Catalogue,
    /// The sockets that listen on the port, or the reason why they are not known.
    pub listeners: Result<&'p [Listener], &'p dyn fmt::Display>,
}

/// Writes the page of a port.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, page: &PortPage<'_>, style: Style) -> io::Result<()> {
    let &PortPage { port, transports, catalogue, listeners } = page;
    writeln!(out, "Port {port}, {}", PortRange::from_port(port).text())?;
    for &transport in transports {
        let port = ServicePort::new(port, transport);
        writeln!(out, "\n{port}")?;
        registered(out, catalogue, port)?;
        for (service, claim) in catalogue.claims_on(port) {
            claimant(out, style, service, claim)?;
        }
    }
    writeln!(out, "\nListening on this machine")?;
    match listeners {
        Err(reason) => writeln!(out, "  cannot be told: {}", escape(&reason.to_string()))?,
        Ok([]) => writeln!(out, "  nothing")?,
        Ok(listeners) => {
            for listener in listeners {
                let who = processes::names(listener.holders.iter().map(AsRef::as_ref));
                let who = who.unwrap_or_else(|| {
                    "a process that the system does not show (try with sudo)".to_owned()
                });
                writeln!(out, "  {} {}  {who}", listener.transport, listener.bound)?;
                for holder in &listener.holders {
                    let place = holder
                        .container
                        .as_deref()
                        .map_or_else(String::new, |place| format!(" in {place}"));
                    let text =
                        format!("{} of {}{place}: {}", holder.pid, holder.user, holder.command);
                    writeln!(out, "      {}", escape(&text))?;
                }
            }
        }
    }
    writeln!(out, "  check with: {}", system_command(port))
}

fn registered(out: &mut dyn Write, catalogue: &Catalogue, port: ServicePort) -> io::Result<()> {
    let date = catalogue.registry.date;
    let mut entries = catalogue.registry.entries(port).peekable();
    if entries.peek().is_none() {
        return writeln!(out, "  IANA ({date}): not assigned");
    }
    for entry in entries {
        if entry.name.is_empty() {
            writeln!(out, "  IANA ({date}): {}", entry.description.to_lowercase())?;
        } else {
            writeln!(out, "  IANA ({date}): {}, {}", entry.name, entry.description)?;
        }
    }
    Ok(())
}

fn claimant(out: &mut dyn Write, style: Style, service: &Service, claim: &Claim) -> io::Result<()> {
    let protocols: Vec<_> = claim.protocols.iter().map(|p| p.as_str()).collect();
    let speaks = match (protocols.is_empty(), service.wire_unknown) {
        (true, _) => "wire format unknown".to_owned(),
        (false, true) => {
            format!("speaks {} and perhaps something nobody has described", protocols.join(", "))
        }
        (false, false) => format!("speaks {}", protocols.join(", ")),
    };
    let (name, id) = (escape(&service.name), escape(&service.id));
    paragraph(
        out,
        style,
        2,
        &format!(
            "{name} [{id}]: {}, {}; {speaks}",
            claim.standing.as_str(),
            claim.prevalence.as_str()
        ),
    )?;
    let reach = (claim.reach == Reach::Overflow)
        .then(|| "It takes this port only where the ones before it are in use.".to_owned());
    let since = claim.since.as_ref().map(|since| format!("Since {}.", escape(since)));
    let conflict = claim.on_conflict.map(|conflict| format!("It {}.", conflict.text()));
    let notes = [
        reach,
        since,
        claim.note.as_deref().map(escape),
        service.note.as_deref().map(escape),
        conflict,
    ];
    let text: Vec<String> = notes.into_iter().flatten().collect();
    paragraph(out, style, 6, &text.join(" "))?;
    if let Some(advice) = &claim.unexpected {
        paragraph(out, style, 6, &format!("Unexpected? {}", escape(advice)))?;
    }
    claim.cite.as_ref().map_or(Ok(()), |cite| writeln!(out, "      {}", escape(cite)))
}

fn paragraph(out: &mut dyn Write, style: Style, indent: usize, text: &str) -> io::Result<()> {
    let lines = wrap(text, style.width.saturating_sub(indent));
    lines.iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

/// The command of the operating system that lists the listeners of a port.
fn system_command(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("sudo ss -tulnp 'sport = :{port}'")
    } else if cfg!(windows) {
        format!("netstat -ano | findstr :{port}")
    } else {
        format!("sudo lsof -nP -i :{port}")
    }
}
